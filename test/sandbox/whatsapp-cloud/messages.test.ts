import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { magicNumbers } from '../../../sandbox/whatsapp-cloud/magic-numbers.js';
import { PHONE_NUMBER_ID, type RunningSandbox, sendWhatsApp, startSandbox, textMessage } from '../support.js';

let sandbox: RunningSandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

const tried = (recipient: string) => sandbox.journal.list({ recipient }).map(({ outcome, code, handedOver }) => ({ outcome, code, handedOver }));
const taken = { outcome: 'accepted', code: null, handedOver: true };
const text = textMessage('+15550001111', 'Hello');
const template = (over: object, components: object[] = []): object => ({
  messaging_product: 'whatsapp',
  to: '15550001111',
  type: 'template',
  template: { name: 'not_in_the_list', language: { policy: 'deterministic', code: 'en' }, components, ...over },
});
const parameters = (type: string, ...texts: string[]): object => ({ type, parameters: texts.map((one) => ({ type: 'text', text: one })) });

describe('a message that Meta would take', () => {
  test("is answered in Meta's shape and journaled with our id", async () => {
    const answer = await sendWhatsApp(sandbox, textMessage('+1 555 000-2222', 'Hello', 'attempt-1'));
    expect(answer).toMatchObject({
      status: 200,
      body: {
        messaging_product: 'whatsapp',
        contacts: [{ input: '+1 555 000-2222', wa_id: '15550002222' }],
        messages: [{ id: expect.stringMatching(/^wamid\./) }],
      },
    });
    const [entry] = sandbox.journal.list({ opaqueId: 'attempt-1' });
    expect(entry).toMatchObject({ ...taken, channel: 'whatsapp', sender: PHONE_NUMBER_ID, recipients: ['15550002222'], messageId: null });
    expect(entry?.wamid).toBe(answer?.body.messages[0].id);
    const { body } = await sandbox.call('GET', '/control/messages?to=%2B15550002222');
    expect(body.messages[0]).toMatchObject({ opaqueId: 'attempt-1', wamid: entry?.wamid, body: { text: { body: 'Hello' } } });
  });

  test('has the same content hash whatever our id, and another one for another text', async () => {
    for (const message of [textMessage('15550003333', 'A', 'one'), textMessage('15550003333', 'A', 'two'), textMessage('15550003333', 'B', 'two')]) {
      await sendWhatsApp(sandbox, message);
    }
    const [one, two, three] = sandbox.journal.list({ recipient: '15550003333' }).map((entry) => entry.contentSha256);
    expect(two).toBe(one);
    expect(three).not.toBe(one);
  });

  test('a business-scoped id works in recipient, and is answered but lost in to', async () => {
    const { to: _, ...message } = textMessage('', 'Hello') as { to: string };
    expect(await sendWhatsApp(sandbox, { ...message, recipient: 'US.abc123' })).toMatchObject({ status: 200, body: { contacts: [{ user_id: 'US.abc123' }] } });
    expect(await sendWhatsApp(sandbox, { ...message, to: 'US.def456' })).toMatchObject({ status: 200 });
    expect(tried('US.abc123')).toEqual([taken]);
    expect(tried('US.def456')).toEqual([{ ...taken, handedOver: false }]);
  });

  test('a template, a document and a reply are such messages', async () => {
    const accepted = await sendWhatsApp(sandbox, template({}, [parameters('header', '81'), parameters('body', 'Anna', '10.05')]));
    expect(accepted).toMatchObject({ status: 200, body: { messages: [{ message_status: 'accepted' }] } });
    const document = {
      messaging_product: 'whatsapp',
      to: '15550001111',
      type: 'document',
      document: { link: 'https://example.test/a.pdf', filename: 'a.pdf' },
    };
    expect(await sendWhatsApp(sandbox, { ...document, context: { message_id: 'wamid.x' } })).toMatchObject({ status: 200 });
  });
});

describe('a message that Meta would refuse', () => {
  test.each([
    ['no product', { ...text, messaging_product: undefined }, 131008],
    ['another product', { ...text, messaging_product: 'sms' }, 131009],
    ['no recipient', { ...text, to: undefined }, 131008],
    ['a recipient that is no number', { ...text, to: 'anna' }, 131009],
    ['no text', { ...text, text: undefined }, 131008],
    ['an empty text', { ...text, text: { body: '' } }, 131009],
    ['a text of 4097 characters', { ...text, text: { body: 'x'.repeat(4097) } }, 131009],
    ['an unknown field', { ...text, footer: 'x' }, 100],
    ['an unknown field inside', { ...text, text: { body: 'x', footer: 'y' } }, 100],
    ['an unknown type', { ...text, type: 'fax' }, 131051],
    ['an opaque id of 513 characters', { ...text, biz_opaque_callback_data: 'x'.repeat(513) }, 131009],
    ['a template without policy', template({ language: { code: 'en' } }), 131008],
    ['a template parameter without text', template({}, [{ type: 'body', parameters: [{ type: 'text' }] }]), 131008],
    ['an array', [text], 100],
  ])('%s', async (_, message, code) => {
    const before = sandbox.journal.lastSeq();
    const answer = await sendWhatsApp(sandbox, message);
    expect(answer?.body).toMatchObject({ error: { code, type: 'OAuthException', error_data: { messaging_product: 'whatsapp', details: expect.any(String) } } });
    expect(answer?.status).toBe(400);
    expect(sandbox.journal.lastSeq()).toBe(before);
  });

  test('no token and bad-token are 401 / 190', async () => {
    expect(await sendWhatsApp(sandbox, text, 'bad-token')).toMatchObject({ status: 401, body: { error: { code: 190 } } });
    expect(await sandbox.call('POST', `/v23.0/${PHONE_NUMBER_ID}/messages`, text)).toMatchObject({ status: 401, body: { error: { code: 190 } } });
  });

  test("bad JSON is 400 and a body over 1 MB is 413, both in Meta's shape", async () => {
    const post = (body: string) =>
      fetch(`${sandbox.url}/v23.0/${PHONE_NUMBER_ID}/messages`, {
        method: 'POST',
        body,
        headers: { authorization: 'Bearer x', 'content-type': 'application/json' },
      });
    const bad = await post('{"to":');
    expect([bad.status, await bad.json()]).toMatchObject([400, { error: { code: 100 } }]);
    const big = await post(JSON.stringify({ ...text, text: { body: 'x'.repeat(1_100_000) } }));
    expect([big.status, await big.json()]).toMatchObject([413, { error: { code: 100 } }]);
  });

  test('a listed template is checked: status, language, number of variables', async () => {
    const code = async (message: object) => (await sendWhatsApp(sandbox, message))?.body.error?.code;
    expect(await code(template({ name: 'autumn_sale' }, [parameters('body', '1 May')]))).toBe(132015);
    expect(await code(template({ name: 'free_money' }, [parameters('body', 'EUR 5')]))).toBe(132001);
    expect(await code(template({ name: 'greeting', language: { policy: 'deterministic', code: 'fr' } }))).toBe(132001);
    expect(await code(template({ name: 'order_ready' }, [parameters('header', '81'), parameters('body', 'Anna')]))).toBe(132000);
    expect(await code(template({ name: 'order_ready' }, [parameters('header', '81'), parameters('body', 'Anna', '10.05')]))).toBe(undefined);
  });
});

describe('magic numbers', () => {
  test('every one of them is tried here or with the webhooks', () => {
    const endings = ['0429', '0026', '0047', '0049', '0050', '0056', '0015', '0190', '0500', '0001', '0002'];
    expect(magicNumbers.map((one) => one.ending).sort()).toEqual(endings.sort());
  });

  test.each([
    ['15551230026', 400, 131026],
    ['15551230049', 400, 131049],
    ['15551230050', 400, 131050],
    ['15551230056', 400, 131056],
    ['15551230015', 400, 132015],
    ['15551230190', 401, 190],
  ])('…%s answers %d / %d', async (to, status, code) => {
    expect(await sendWhatsApp(sandbox, textMessage(to))).toMatchObject({ status, body: { error: { code } } });
    expect(tried(to)).toEqual([{ outcome: 'refused', code: `${status} ${code}`, handedOver: false }]);
  });

  test("…0500 answers 500 without Meta's shape", async () => {
    const answer = await sendWhatsApp(sandbox, textMessage('15551230500'));
    expect(answer).toMatchObject({ status: 500, body: expect.not.stringContaining('{') });
    expect(tried('15551230500')).toEqual([{ outcome: 'refused', code: '500', handedOver: false }]);
  });

  test('…0429 answers 429 with Retry-After 7, then works; the digit before it is how often', async () => {
    const first = await sendWhatsApp(sandbox, textMessage('15551200429'));
    expect([first?.status, first?.body.error.code, first?.headers.get('retry-after')]).toEqual([429, 130429, '7']);
    expect(await sendWhatsApp(sandbox, textMessage('15551200429'))).toMatchObject({ status: 200 });
    const thrice = [];
    for (let i = 0; i < 4; i += 1) thrice.push(await sendWhatsApp(sandbox, textMessage('15551230429')));
    expect(thrice.map((answer) => [answer?.status, answer?.headers.get('retry-after')])).toEqual([
      [429, '7'],
      [429, null],
      [429, null],
      [200, null],
    ]);
  });

  test('…0001 takes the message and closes the line, once per number and content', async () => {
    expect(await sendWhatsApp(sandbox, textMessage('15551230001', 'A', 'first'))).toBeNull();
    expect(await sendWhatsApp(sandbox, textMessage('15551230001', 'A', 'second'))).toMatchObject({ status: 200 });
    expect(await sendWhatsApp(sandbox, textMessage('15551230001', 'B', 'third'))).toBeNull();
    const dropped = { outcome: 'dropped', code: null, handedOver: true };
    expect(tried('15551230001')).toEqual([dropped, taken, dropped]);
  });
});

describe('faults on demand', () => {
  const fault = async (body: object) => expect((await sandbox.call('POST', '/control/faults', { channel: 'whatsapp', ...body })).status).toBe(201);

  test('an answer is given to the next messages of that recipient alone', async () => {
    await fault({ recipient: '+15557770000', count: 1, do: { status: 429, code: 131056, retryAfter: 3 } });
    await fault({ recipient: '15557770000', count: 1, do: { status: 503 } });
    expect(await sendWhatsApp(sandbox, textMessage('15557771111'))).toMatchObject({ status: 200 });
    const first = await sendWhatsApp(sandbox, textMessage('15557770000'));
    expect([first?.status, first?.body.error.code, first?.headers.get('retry-after')]).toEqual([429, 131056, '3']);
    expect(await sendWhatsApp(sandbox, textMessage('15557770000'))).toMatchObject({ status: 503, body: expect.any(String) });
    expect(await sendWhatsApp(sandbox, textMessage('15557770000'))).toMatchObject({ status: 200 });
  });

  test('drop before is no hand-over, drop after and hang are, a delay answers late', async () => {
    for (const what of [{ drop: 'before' }, { drop: 'after' }, { hangMs: 50 }]) {
      await fault({ recipient: '15557772222', do: what });
      expect(await sendWhatsApp(sandbox, textMessage('15557772222'))).toBeNull();
    }
    expect(tried('15557772222').map(({ outcome, handedOver }) => [outcome, handedOver])).toEqual([
      ['dropped', false],
      ['dropped', true],
      ['hung', true],
    ]);
    await fault({ recipient: '15557772222', do: { delayMs: 200 } });
    const started = Date.now();
    expect(await sendWhatsApp(sandbox, textMessage('15557772222'))).toMatchObject({ status: 200 });
    expect(Date.now() - started).toBeGreaterThanOrEqual(199);
  });
});

describe('the template list', () => {
  const list = (query: string) => sandbox.call('GET', `/v23.0/1001/message_templates${query}`, undefined, { authorization: 'Bearer x' });

  test('is read page by page to its end', async () => {
    const names: string[] = [];
    let page = await list('?limit=3');
    for (let pages = 1; pages < 10; pages += 1) {
      expect(page.status).toBe(200);
      names.push(...page.body.data.map((one: { name: string; language: string }) => `${one.name}/${one.language}`));
      if (page.body.paging.next === undefined) break;
      page = await list(`?limit=3&after=${page.body.paging.cursors.after}`);
    }
    expect(names).toContain('order_ready/ru');
    expect(new Set(names).size).toBe(7);
  });

  test('can be set and reset, and needs a token', async () => {
    const templates = [{ id: '1', name: 'mine', language: 'en', category: 'UTILITY', status: 'APPROVED', components: [{ type: 'BODY', text: 'Hi {{1}}' }] }];
    expect((await sandbox.call('PUT', '/control/templates', { templates })).status).toBe(200);
    expect((await list('')).body.data).toEqual(templates);
    expect((await sandbox.call('GET', '/v23.0/1001/message_templates')).status).toBe(401);
    await sandbox.call('POST', '/control/reset');
    expect((await list('')).body.data).toHaveLength(7);
  });
});
