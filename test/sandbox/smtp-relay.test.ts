import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { magicAddresses } from '../../sandbox/magic-addresses.js';
import { type RunningSandbox, sendMail, startSandbox } from './support.js';

let sandbox: RunningSandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

const tried = (recipient: string) => sandbox.journal.list({ recipient }).map(({ outcome, code, handedOver }) => ({ outcome, code, handedOver }));
const taken = { outcome: 'accepted', code: null, handedOver: true };

describe('addresses without magic', () => {
  test('the sandbox takes a mail, journals it before the answer and keeps it as received', async () => {
    const sent = await sendMail(sandbox, ['Anna@example.test', 'hidden@example.test'], { messageId: '<m1@example.test>', text: '.dot\r\nЗдравствуйте' });
    expect(sent).toMatchObject({ ok: true, response: expect.stringMatching(/^250 2\.0\.0 /) });
    const [entry] = sandbox.journal.list({ messageId: 'm1@example.test' });
    expect(entry).toMatchObject({ ...taken, channel: 'email', sender: 'desk@example.test', messageId: '<m1@example.test>', opaqueId: null });
    expect(entry?.recipients).toEqual(['anna@example.test', 'hidden@example.test']);
    const { body } = await sandbox.call('GET', '/control/mails?to=hidden@example.test');
    expect(body.mails).toHaveLength(1);
    expect(body.mails[0]).toMatchObject({ subject: 'Your order', to: [{ address: 'Anna@example.test' }], sha256: entry?.contentSha256 });
    expect(body.mails[0].text.trim()).toBe('.dot\r\nЗдравствуйте');
    const raw = await sandbox.call('GET', `/control/mails/${entry?.seq}/raw`);
    expect(raw.body).toContain('Message-ID: <m1@example.test>');
  });

  test('equal mails have equal hashes whatever Received fields they gained, others differ', async () => {
    const one = { messageId: '<same@example.test>' };
    await sendMail(sandbox, 'hash@example.test', one);
    await sendMail(sandbox, 'hash@example.test', { ...one, headers: { Received: 'from a by b; Wed, 21 Jan 2026 08:00:00 +0000' } });
    await sendMail(sandbox, 'hash@example.test', { ...one, text: 'It is not ready.' });
    const hashes = sandbox.journal.list({ recipient: 'hash@example.test' }).map((entry) => entry.contentSha256);
    expect(hashes[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(hashes[1]).toBe(hashes[0]);
    expect(hashes[2]).not.toBe(hashes[0]);
  });

  test('any password will do, but for bad-password', async () => {
    expect(await sendMail(sandbox, 'login@example.test', { password: 'secret' })).toMatchObject({ ok: true });
    expect(await sendMail(sandbox, 'login@example.test', { password: 'bad-password' })).toMatchObject({ ok: false, code: 535 });
    expect(tried('login@example.test')).toEqual([taken]);
  });

  test('a sender that leaves before the final dot has handed nothing over', async () => {
    const before = sandbox.journal.lastSeq();
    await new Promise<void>((resolve, reject) => {
      const lines = ['EHLO me', 'MAIL FROM:<a@example.test>', 'RCPT TO:<half@example.test>', 'DATA', 'Subject: half\r\n\r\nThe beginning'];
      const socket = connect(sandbox.smtpPort, '127.0.0.1');
      socket.on('error', reject).on('close', () => resolve());
      socket.on('data', (chunk: Buffer) => {
        if (!/^\d{3} /m.test(chunk.toString())) return;
        socket.write(`${lines.shift()}\r\n`, () => lines.length === 0 && socket.end());
      });
    });
    await sendMail(sandbox, 'after@example.test');
    expect(sandbox.journal.list({ since: before }).map((entry) => entry.recipients)).toEqual([['after@example.test']]);
  });
});

describe('magic addresses', () => {
  test('every one of them is tried below', () => {
    expect(magicAddresses.map((one) => one.example).sort()).toEqual(
      [
        'busy-<n>@',
        'bounce@',
        'full@',
        'mailbox-full@',
        'policy@',
        'throttle@',
        'slow-<ms>@',
        'drop@',
        'drop-always@',
        'hang@',
        'garbage@',
        'dropdata@',
      ].sort(),
    );
  });

  test('busy-2 refuses twice per recipient and Message-ID with 451 4.7.1, then works; the tag does not matter', async () => {
    const to = 'busy-2+anna@anywhere.test';
    const first = { messageId: '<busy1@example.test>' };
    expect(await sendMail(sandbox, to, first)).toMatchObject({ ok: false, code: 451, response: expect.stringContaining('451 4.7.1') });
    expect(await sendMail(sandbox, to, first)).toMatchObject({ ok: false, code: 451 });
    expect(await sendMail(sandbox, to, first)).toMatchObject({ ok: true });
    expect(await sendMail(sandbox, to, { messageId: '<busy2@example.test>' })).toMatchObject({ ok: false, code: 451 });
    const busy = { outcome: 'refused', code: '451 4.7.1', handedOver: false };
    expect(tried(to)).toEqual([busy, busy, taken, busy]);
  });

  test.each([
    ['bounce@a.test', 550, '5.1.1'],
    ['full@a.test', 452, '4.2.2'],
    ['mailbox-full@a.test', 552, '5.2.2'],
    ['policy@a.test', 550, '5.7.1'],
  ])('%s is refused at RCPT with %d %s', async (to, code, enhanced) => {
    expect(await sendMail(sandbox, to)).toMatchObject({ ok: false, code, response: expect.stringContaining(`${code} ${enhanced}`) });
    expect(tried(to)).toEqual([{ outcome: 'refused', code: `${code} ${enhanced}`, handedOver: false }]);
  });

  test('a refused recipient does not stop the others of the same mail', async () => {
    const sent = await sendMail(sandbox, ['fine@b.test', 'bounce@b.test'], { messageId: '<partial@example.test>' });
    expect(sent).toMatchObject({ ok: true, rejected: ['bounce@b.test'] });
    expect(sandbox.journal.list({ messageId: 'partial@example.test' }).map((entry) => entry.recipients)).toEqual([['fine@b.test']]);
    expect(tried('bounce@b.test')).toEqual([{ outcome: 'refused', code: '550 5.1.1', handedOver: false }]);
  });

  test('throttle says 421 4.7.28 once per Message-ID', async () => {
    const once = { messageId: '<throttle@example.test>' };
    expect(await sendMail(sandbox, 'throttle@a.test', once)).toMatchObject({ code: 421, response: expect.stringContaining('4.7.28') });
    expect(await sendMail(sandbox, 'throttle@a.test', once)).toMatchObject({ ok: true });
  });

  test('slow-<ms> has the mail at once and answers later', async () => {
    const started = Date.now();
    const sending = sendMail(sandbox, 'slow-400@a.test');
    expect(await sending).toMatchObject({ ok: true });
    expect(Date.now() - started).toBeGreaterThanOrEqual(400);
    const [entry] = sandbox.journal.list({ recipient: 'slow-400@a.test' });
    expect(Date.now() - Date.parse(entry?.at ?? '')).toBeGreaterThanOrEqual(399);
  });

  test('drop takes the mail and closes the line, once per Message-ID; both are hand-overs', async () => {
    const once = { messageId: '<drop@example.test>' };
    const first = await sendMail(sandbox, 'drop@a.test', once);
    expect(first).toMatchObject({ ok: false, code: undefined });
    expect(await sendMail(sandbox, 'drop@a.test', once)).toMatchObject({ ok: true });
    expect(tried('drop@a.test')).toEqual([{ outcome: 'dropped', code: null, handedOver: true }, taken]);
    const { body } = await sandbox.call('GET', '/control/journal/count?messageId=drop@example.test&handedOver=true');
    expect(body.count).toBe(2);
  });

  test('drop-always never answers', async () => {
    const same = { messageId: '<drop-always@example.test>' };
    await sendMail(sandbox, 'drop-always@a.test', same);
    expect(await sendMail(sandbox, 'drop-always@a.test', same)).toMatchObject({ ok: false, code: undefined });
    expect(tried('drop-always@a.test')).toEqual(Array(2).fill({ outcome: 'dropped', code: null, handedOver: true }));
  });

  test('hang takes the mail and says nothing', async () => {
    expect(await sendMail(sandbox, 'hang@a.test', { timeoutMs: 400 })).toMatchObject({ ok: false, code: undefined });
    expect(tried('hang@a.test')).toEqual([{ outcome: 'hung', code: null, handedOver: true }]);
  });

  test('garbage takes the mail and answers nonsense', async () => {
    expect(await sendMail(sandbox, 'garbage@a.test')).toMatchObject({ ok: false, code: undefined, response: expect.stringContaining('?!%') });
    expect(tried('garbage@a.test')).toEqual([{ outcome: 'garbled', code: null, handedOver: true }]);
  });

  test('dropdata closes the line before the dot: nothing is handed over', async () => {
    expect(await sendMail(sandbox, 'dropdata@a.test')).toMatchObject({ ok: false, code: undefined });
    expect(tried('dropdata@a.test')).toEqual([{ outcome: 'dropped', code: null, handedOver: false }]);
  });
});

describe('faults on demand', () => {
  const fault = async (body: object) => expect((await sandbox.call('POST', '/control/faults', { channel: 'email', ...body })).status).toBe(201);

  test('a reply is given to the next mails of that recipient alone, as often as told', async () => {
    await fault({ recipient: 'Fault@a.test', count: 2, do: { reply: '450 4.2.1 not now' } });
    expect(await sendMail(sandbox, 'other@a.test')).toMatchObject({ ok: true });
    expect(await sendMail(sandbox, 'fault@a.test')).toMatchObject({ code: 450 });
    expect(await sendMail(sandbox, 'fault@a.test')).toMatchObject({ code: 450 });
    expect(await sendMail(sandbox, 'fault@a.test')).toMatchObject({ ok: true });
    expect((await sandbox.call('GET', '/control/faults')).body).toEqual({ faults: [] });
  });

  test('at RCPT it refuses the recipient, not the mail', async () => {
    await fault({ recipient: 'late@a.test', do: { reply: '550 5.7.26 unsigned', at: 'rcpt' } });
    expect(await sendMail(sandbox, ['good@a.test', 'late@a.test'])).toMatchObject({ ok: true, rejected: ['late@a.test'] });
  });

  test('drop before is no hand-over, drop after and hang are', async () => {
    for (const what of [{ drop: 'before' }, { drop: 'after' }, { hangMs: 50 }]) {
      await fault({ recipient: 'line@a.test', do: what });
      expect(await sendMail(sandbox, 'line@a.test')).toMatchObject({ ok: false, code: undefined });
    }
    expect(tried('line@a.test').map(({ outcome, handedOver }) => [outcome, handedOver])).toEqual([
      ['dropped', false],
      ['dropped', true],
      ['hung', true],
    ]);
  });

  test('a delay alone answers late, and DELETE forgets what is waiting', async () => {
    await fault({ recipient: 'delay@a.test', count: 9, do: { delayMs: 300 } });
    const started = Date.now();
    expect(await sendMail(sandbox, 'delay@a.test')).toMatchObject({ ok: true });
    expect(Date.now() - started).toBeGreaterThanOrEqual(300);
    expect((await sandbox.call('DELETE', '/control/faults')).status).toBe(204);
    expect((await sandbox.call('GET', '/control/faults')).body.faults).toEqual([]);
  });

  test('what is no fault is refused with a pointer', async () => {
    const bad = await sandbox.call('POST', '/control/faults', { channel: 'email', do: { reply: '250 fine' } });
    expect(bad).toMatchObject({ status: 400, body: { errors: [{ pointer: '/do/reply' }] } });
    const two = await sandbox.call('POST', '/control/faults', { channel: 'email', do: { drop: 'after', hangMs: 1 } });
    expect(two.status).toBe(400);
    expect((await sandbox.call('GET', '/control/faults')).body.faults).toEqual([]);
  });
});
