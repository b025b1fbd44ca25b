import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import PostalMime from 'postal-mime';
import { PHONE_NUMBER_ID, type RunningSandbox, sendWhatsApp, startReceiver, startSandbox, textMessage, until } from '../support.js';

const SECRET = 'app-secret';

let logged: string[];
let sandbox: RunningSandbox;
let receiver: Awaited<ReturnType<typeof startReceiver>>;

async function listen(answers: number[] = [], over: object = {}) {
  receiver = await startReceiver(answers);
  const target = { url: receiver.url, appSecret: SECRET, verifyToken: 'right', ...over };
  return sandbox.call('PUT', `/control/webhooks/${PHONE_NUMBER_ID}`, target);
}
const statuses = () => receiver.hooks.map(({ value }) => value.statuses[0].status);
const behave = (changes: object) => sandbox.call('PUT', '/control/receipt-behaviour', { sentMs: 1, deliveredMs: 120, ...changes });
const hmac = (raw: string) => `sha256=${createHmac('sha256', SECRET).update(raw).digest('hex')}`;

beforeEach(async () => {
  logged = [];
  sandbox = await startSandbox({ log: pino({}, { write: (line: string) => void logged.push(line) }) });
});
afterEach(async () => {
  await sandbox.close();
  await receiver.close();
});

describe('statuses that follow by themselves', () => {
  test('sent, delivered and read come signed, with the id and our opaque id', async () => {
    await listen();
    await behave({ readMs: 240 });
    const answer = await sendWhatsApp(sandbox, textMessage('+15550001111', 'Привет 👋', 'attempt-7'));
    await until(() => receiver.hooks.length === 3);
    expect(statuses()).toEqual(['sent', 'delivered', 'read']);
    for (const { raw, value, headers } of receiver.hooks) {
      expect(headers['x-hub-signature-256']).toBe(hmac(raw));
      expect(value).toMatchObject({ messaging_product: 'whatsapp', metadata: { phone_number_id: PHONE_NUMBER_ID } });
      expect(value.statuses[0]).toMatchObject({
        id: answer?.body.messages[0].id,
        recipient_id: '15550001111',
        biz_opaque_callback_data: 'attempt-7',
        timestamp: expect.stringMatching(/^\d{10}$/),
      });
    }
  });

  test('…0047 is accepted and then failed with 131047', async () => {
    await listen();
    await behave({});
    expect(await sendWhatsApp(sandbox, textMessage('15550000047'))).toMatchObject({ status: 200 });
    await until(() => receiver.hooks.length === 1);
    expect(receiver.hooks[0]?.value.statuses[0]).toMatchObject({
      status: 'failed',
      errors: [{ code: 131047, title: expect.any(String), error_data: { details: expect.any(String) } }],
    });
  });

  test('…0002 and …0001 are silent, others are not', async () => {
    await listen();
    await behave({ deliveredMs: null });
    await sendWhatsApp(sandbox, textMessage('15550000002'));
    await sendWhatsApp(sandbox, textMessage('15550000001'));
    await sendWhatsApp(sandbox, textMessage('15550001111'));
    await until(() => receiver.hooks.length > 0);
    expect(receiver.hooks.map(({ value }) => value.statuses[0].recipient_id)).toEqual(['15550001111']);
  });

  test('each can be duplicated, reversed, or switched off', async () => {
    await listen();
    await behave({ duplicates: 1, order: 'reversed', readMs: 240 });
    await sendWhatsApp(sandbox, textMessage('15550001111'));
    await until(() => receiver.hooks.length === 6);
    expect(statuses()).toEqual(['read', 'read', 'delivered', 'delivered', 'sent', 'sent']);
    await behave({ duplicates: 0, order: 'shuffled', readMs: 240 });
    await sendWhatsApp(sandbox, textMessage('15550001111'));
    await until(() => receiver.hooks.length === 9);
    expect(statuses().slice(6).sort()).toEqual(['delivered', 'read', 'sent']);
    expect((await behave({ mode: 'none' })).body).toMatchObject({ mode: 'none', order: 'shuffled' });
    await sendWhatsApp(sandbox, textMessage('15550002222'));
    await behave({ mode: 'auto', deliveredMs: null, readMs: null });
    await sendWhatsApp(sandbox, textMessage('15550003333'));
    await until(() => receiver.hooks.length === 10);
    expect(receiver.hooks[9]?.value.statuses[0].recipient_id).toBe('15550003333');
  });

  test('a webhook that is not answered with 200 is repeated byte for byte, but not for ever', async () => {
    await listen([500, 302, 503]);
    await behave({ deliveredMs: null });
    await sendWhatsApp(sandbox, textMessage('15550001111'));
    await until(() => receiver.hooks.length === 4);
    expect(new Set(receiver.hooks.map(({ raw }) => raw)).size).toBe(1);
    await receiver.close();
    await listen(Array<number>(50).fill(500));
    await sendWhatsApp(sandbox, textMessage('15550001111'));
    await until(() => logged.some((line) => line.includes('a webhook was given up')));
    expect(receiver.hooks).toHaveLength(5);
    expect(logged.join()).not.toContain('15550001111');
  });

  test('reset drops what is planned and goes back to the default', async () => {
    await listen();
    await behave({ sentMs: 60, deliveredMs: 60 });
    await sendWhatsApp(sandbox, textMessage('15550001111'));
    await sandbox.call('POST', '/control/reset');
    expect((await sandbox.call('GET', '/control/receipt-behaviour')).body).toMatchObject({ sentMs: 100, deliveredMs: 300, readMs: null });
    await sendWhatsApp(sandbox, textMessage('15550002222'));
    await until(() => receiver.hooks.length === 1);
    expect(receiver.hooks[0]?.value.statuses[0].recipient_id).toBe('15550002222');
  });
});

describe('on demand', () => {
  test('a late status of a dropped message is found by our opaque id or by its wamid', async () => {
    await listen();
    expect(await sendWhatsApp(sandbox, textMessage('15550000001', 'Hello', 'attempt-9'))).toBeNull();
    const released = await sandbox.call('POST', '/control/receipts', { opaqueId: 'attempt-9', status: 'delivered' });
    expect(released.body).toEqual({ wamid: expect.stringMatching(/^wamid\./), webhookStatus: 200 });
    await sandbox.call('POST', '/control/receipts', { wamid: released.body.wamid, status: 'failed', code: 131026 });
    expect(receiver.hooks.map(({ value }) => value.statuses[0])).toMatchObject([
      { status: 'delivered', biz_opaque_callback_data: 'attempt-9', recipient_id: '15550000001' },
      { status: 'failed', errors: [{ code: 131026 }] },
    ]);
  });

  test('an inbound message comes signed, and its answer is told', async () => {
    await listen([200, 401]);
    const message = { phoneNumberId: PHONE_NUMBER_ID, from: '+15550004444', text: 'Hello?', name: 'Anna' };
    const { body } = await sandbox.call('POST', '/control/inbound', message);
    expect(body).toEqual({ wamid: expect.stringMatching(/^wamid\./), webhookStatus: 200 });
    const [hook] = receiver.hooks;
    expect(hook?.headers['x-hub-signature-256']).toBe(hmac(hook?.raw ?? ''));
    expect(hook?.value).toMatchObject({
      contacts: [{ profile: { name: 'Anna' }, wa_id: '15550004444' }],
      messages: [{ from: '15550004444', id: body.wamid, type: 'text', text: { body: 'Hello?' } }],
    });
    const again = await sandbox.call('POST', '/control/inbound', { ...message, wamid: body.wamid });
    expect(again.body).toEqual({ wamid: body.wamid, webhookStatus: 401 });
  });

  test('an inbound mail comes as raw MIME, signed', async () => {
    await listen();
    const mail = {
      url: receiver.url,
      secret: SECRET,
      from: 'anna@example.test',
      to: 'desk@example.test',
      subject: 'Где мой заказ? Очень жду',
      text: 'Здравствуйте',
    };
    expect((await sandbox.call('POST', '/control/inbound-mail', mail)).body).toEqual({ webhookStatus: 200 });
    const [hook] = receiver.hooks;
    expect(hook?.headers['x-waybill-signature-256']).toBe(hmac(hook?.raw ?? ''));
    expect(hook?.headers['content-type']).toBe('message/rfc822');
    const parsed = await PostalMime.parse(hook?.raw ?? '');
    expect(parsed).toMatchObject({ from: { address: mail.from }, to: [{ address: mail.to }], subject: mail.subject });
    expect(parsed.text?.trim()).toBe(mail.text);
    expect(await sandbox.call('POST', '/control/inbound-mail', { ...mail, subject: 'a\r\nBcc: evil@example.test' })).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '/subject' }] },
    });
    expect(receiver.hooks).toHaveLength(1);
  });

  test('a target nobody answers at is told as null', async () => {
    await listen();
    await receiver.close();
    const { body } = await sandbox.call('POST', '/control/inbound', { phoneNumberId: PHONE_NUMBER_ID, from: '15550004444', text: 'Hello?' });
    expect(body.webhookStatus).toBeNull();
  });

  test('what cannot be sent is refused with a sentence', async () => {
    receiver = await startReceiver();
    await sendWhatsApp(sandbox, textMessage('15550001111', 'Hello', 'attempt-1'));
    const post = (path: string, body: object) => sandbox.call('POST', path, body);
    expect(await post('/control/receipts', { opaqueId: 'attempt-1', status: 'read' })).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('PUT /control/webhooks') },
    });
    expect((await post('/control/receipts', { opaqueId: 'unknown', status: 'read' })).status).toBe(404);
    expect((await post('/control/receipts', { status: 'read' })).status).toBe(400);
    expect((await post('/control/receipts', { opaqueId: 'attempt-1', status: 'failed' })).status).toBe(400);
    expect((await post('/control/inbound', { phoneNumberId: '1', from: 'anna', text: 'x' })).status).toBe(400);
  });
});

describe('the target', () => {
  test('is set after a handshake only when it echoes the challenge', async () => {
    expect(await listen([], { handshake: true })).toMatchObject({ status: 200, body: { handshake: true } });
    expect((await sandbox.call('GET', '/control/webhooks')).body).toEqual({ webhooks: [{ phoneNumberId: PHONE_NUMBER_ID, url: receiver.url }] });
    const wrong = { url: receiver.url, appSecret: SECRET, verifyToken: 'wrong', handshake: true };
    expect((await sandbox.call('PUT', '/control/webhooks/2', wrong)).status).toBe(422);
    expect((await sandbox.call('GET', '/control/webhooks')).body.webhooks).toHaveLength(1);
  });
});
