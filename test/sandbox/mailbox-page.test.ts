import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { magicAddresses } from '../../sandbox/magic-addresses.js';
import { magicNumbers } from '../../sandbox/whatsapp-cloud/magic-numbers.js';
import { html } from '../../sandbox/html.js';
import { type RunningSandbox, sendMail, sendWhatsApp, startSandbox, textMessage } from './support.js';

const HOSTILE = '<script>alert("1")</script><img src=x onerror=\'alert(2)\'>';

let sandbox: RunningSandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

test('the page lists what arrived, newest first, and every magic address and number', async () => {
  await sendMail(sandbox, ['anna@example.test', 'hidden@example.test']);
  await sendWhatsApp(sandbox, textMessage('15550001111', 'Your parcel is here.'));
  const { body, headers } = await sandbox.call('GET', '/');
  expect(headers.get('content-type')).toContain('text/html');
  expect(body.indexOf('Your parcel is here.')).toBeLessThan(body.indexOf('Your order'));
  expect(body).toContain('anna@example.test, hidden@example.test');
  const rows = body.replaceAll(/>\s+</g, '><');
  for (const { example, what } of magicAddresses) expect(rows).toContain(html`<td><code>${example}</code></td>`.text + html`<td>${what}</td>`.text);
  for (const { ending, what } of magicNumbers) expect(rows).toContain(html`<td><code>…${ending}</code></td>`.text + html`<td>${what}</td>`.text);
});

test('nothing that was sent becomes markup, and nothing is loaded from outside', async () => {
  const before = sandbox.journal.lastSeq();
  await sendMail(sandbox, 'anna@example.test', { text: HOSTILE, headers: { 'X-Note': HOSTILE } });
  await sendWhatsApp(sandbox, textMessage('15550001111', HOSTILE));
  for (const path of ['/', `/received/${before + 1}`, `/received/${before + 2}`]) {
    const { body, headers, status } = await sandbox.call('GET', path);
    expect(status).toBe(200);
    expect(body).toContain('alert(');
    expect(body).not.toMatch(/<script|<img|(src|href)="(?!\/)/i);
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  }
  expect((await sandbox.call('GET', '/sandbox.css')).headers.get('content-type')).toContain('text/css');
});

test('a mail that no parser likes is shown as it is', async () => {
  const before = sandbox.journal.lastSeq();
  await sendMail(sandbox, 'anna@example.test', { headers: { 'Content-Type': 'multipart/mixed; boundary="' } });
  expect((await sandbox.call('GET', `/received/${before + 1}`)).body).toContain('multipart/mixed');
  expect((await sandbox.call('GET', '/control/mails')).status).toBe(200);
});

test('what is not there is 404, bad JSON 400, a body over 1 MB 413: each as problem+json', async () => {
  const post = (body: string) => fetch(`${sandbox.url}/control/faults`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
  const answers = [
    await fetch(`${sandbox.url}/received/99999`),
    await fetch(`${sandbox.url}/nowhere`),
    await post('{"channel":'),
    await post(JSON.stringify({ channel: 'x'.repeat(1_100_000) })),
  ];
  expect(answers.map((answer) => answer.status)).toEqual([404, 404, 400, 413]);
  for (const answer of answers) {
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(await answer.json()).toMatchObject({ status: answer.status, detail: expect.any(String) });
  }
});

test('reset empties the mailbox and makes every message a first try again; the journal stays', async () => {
  const mail = { messageId: '<reset@example.test>' };
  await sendMail(sandbox, 'drop@example.test', mail);
  const { body } = await sandbox.call('POST', '/control/reset');
  expect(body.lastSeq).toBe(sandbox.journal.lastSeq());
  expect((await sandbox.call('GET', '/control/mails')).body.mails).toEqual([]);
  expect(await sendMail(sandbox, 'drop@example.test', mail)).toMatchObject({ ok: false });
  expect(sandbox.journal.list({ messageId: 'reset@example.test' })).toHaveLength(2);
});
