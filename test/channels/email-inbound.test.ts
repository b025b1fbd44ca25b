/** Inbound mail by signed webhook: who wrote, to which mailbox, what; and that nothing hostile throws. */

import { createHmac } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Inbound, RawRequest } from '../../channels/channel.js';
import { emailConfigSchema } from '../../channels/email/config.js';
import { emailWebhook } from '../../channels/email/webhook.js';

const cfg = emailConfigSchema.parse({
  host: 'relay.test',
  port: 25,
  mailboxes: [{ address: 'help@shop.test' }, { address: 'Sales@shop.test' }],
  domain: 'shop.test',
  inboundSecrets: ['the-new-secret-123', 'the-old-secret-123'],
});

function mail(headers: string[], body = 'Hello,\r\nwhere is it?\r\n'): Buffer {
  return Buffer.from([...headers, '', body].join('\r\n'));
}

const usual = [
  'From: Anna <Anna@client.test>',
  'To: help@shop.test',
  'Subject: Where?',
  'Message-ID: <m1@client.test>',
  'Date: Wed, 21 Jan 2026 08:00:00 +0000',
];

function requestOf(body: Buffer, signature?: string): RawRequest {
  return { method: 'POST', headers: { 'content-type': 'message/rfc822', 'x-waybill-signature-256': signature }, query: {}, body };
}

function sign(body: Buffer, secret: string): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}

async function inbound(body: Buffer): Promise<Inbound> {
  const { events, reply } = await emailWebhook.parse(requestOf(body), cfg);
  expect(reply.status).toBe(200);
  expect(events).toHaveLength(1);
  return events[0] as Inbound;
}

describe('R103 the signature', () => {
  const body = mail(usual, 'Grüße ✉️');

  test('R103 either secret is good during a rotation', () => {
    for (const secret of cfg.inboundSecrets) expect(emailWebhook.verify(requestOf(body, sign(body, secret)), cfg)).toBe('ok');
  });

  test('R103 absent is unsigned; another secret, another body by one byte, or a bare or shortened digest is bad', () => {
    const good = sign(body, cfg.inboundSecrets[0]!);
    expect(emailWebhook.verify(requestOf(body), cfg)).toBe('unsigned');
    const changed = Buffer.from(body);
    changed[changed.length - 1]! ^= 1;
    expect(emailWebhook.verify(requestOf(changed, good), cfg)).toBe('bad');
    for (const signature of [sign(body, 'a-foreign-secret-1'), good.slice(7), good.slice(0, -1), `${good}0`, good.toUpperCase(), 'sha256=', 'sha1=00']) {
      expect(emailWebhook.verify(requestOf(body, signature), cfg)).toBe('bad');
    }
  });

  test('R103 a vector made by another tool is accepted', () => {
    // printf 'From: a@b.test\r\n\r\nhi' | openssl dgst -sha256 -hmac the-new-secret-123
    const vector = 'b684475250eaf202b38ea02ee018e7a5fd51270a492b604b0c5dca03b30ef122';
    expect(emailWebhook.verify(requestOf(Buffer.from('From: a@b.test\r\n\r\nhi'), `sha256=${vector}`), cfg)).toBe('ok');
  });
});

describe('R95 what a message becomes', () => {
  test('R95 sender, mailbox, subject, text, id and time', async () => {
    expect(await inbound(mail(usual))).toEqual({
      kind: 'inbound',
      eventId: '<m1@client.test>',
      externalId: '<m1@client.test>',
      from: { kind: 'email', value: 'anna@client.test' },
      to: 'help@shop.test',
      displayName: 'Anna',
      subject: 'Where?',
      text: 'Hello,\nwhere is it?\n',
      at: '2026-01-21T08:00:00.000Z',
    });
  });

  test('X19 the mailbox is the one it was delivered to, else one of ours among the recipients, else unnamed', async () => {
    const without = usual.filter((one) => !one.startsWith('To:'));
    expect((await inbound(mail([...usual, 'Delivered-To: SALES@shop.test']))).to).toBe('sales@shop.test');
    expect((await inbound(mail([...without, 'To: Boss <boss@x.test>, "Sales, all" <sales@shop.test>']))).to).toBe('sales@shop.test');
    expect((await inbound(mail([...without, 'To: team: x@x.test, sales@shop.test;']))).to).toBe('sales@shop.test');
    expect((await inbound(mail([...without, 'To: x@x.test', 'Cc: help@shop.test']))).to).toBe('help@shop.test');
    expect(await inbound(mail([...without, 'To: undisclosed-recipients:;']))).not.toHaveProperty('to');
  });

  test('R95 HTML without a text part becomes text; scripts, links and pictures do not', async () => {
    const html =
      '<style>p{}</style><p>Hi &amp; <b>you</b></p><script>evil()</script><a href="https://x.test">here</a><img src="https://x.test/i.png" alt="pic">';
    const one = await inbound(mail([...usual, 'Content-Type: text/html; charset=utf-8'], html));
    expect(one.text.trim()).toBe('Hi & you\n\nhere');
  });

  test('H7 the same bytes give the same event, and a message without an id is known by its bytes', async () => {
    const nameless = mail(usual.filter((one) => !one.startsWith('Message-ID')));
    expect(await inbound(nameless)).toEqual(await inbound(nameless));
    expect((await inbound(nameless)).eventId).toMatch(/^[0-9a-f]{64}$/);
    expect((await inbound(mail([...usual.slice(0, 3), `Message-ID: <${'x'.repeat(500)}@client.test>`]))).eventId).toMatch(/^[0-9a-f]{64}$/);
  });

  test('R95 a date that is unreadable or to come is now', async () => {
    for (const date of ['rubbish', 'Wed, 21 Jan 2099 08:00:00 +0000']) {
      const before = Date.now();
      const { at } = await inbound(mail([...usual.slice(0, 4), `Date: ${date}`]));
      expect(Date.parse(at)).toBeGreaterThanOrEqual(before);
      expect(Date.parse(at)).toBeLessThanOrEqual(Date.now());
    }
  });

  test('R95 what a database refuses does not reach it, and a text has an end', async () => {
    const one = await inbound(mail([...usual, 'Content-Type: text/plain; charset=utf-8'], `a\0b ${'x'.repeat(200_000)}`));
    expect(one.text.startsWith('ab ')).toBe(true);
    expect(one.text.length).toBeLessThanOrEqual(100_000);
  });

  test('R95 a delivery report is no message of a client', async () => {
    const body = mail(
      ['From: MAILER-DAEMON@mx.test', 'To: help@shop.test', 'Content-Type: multipart/report; report-type=delivery-status; boundary=b'],
      '--b\r\n\r\nIt bounced.\r\n--b--\r\n',
    );
    expect(await emailWebhook.parse(requestOf(body), cfg)).toEqual({ events: [], reply: { status: 200 } });
  });
});

describe('H7 hostile mail', () => {
  test.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['no header', Buffer.from('complete garbage')],
    ['no sender', mail(['To: help@shop.test'])],
    ['an empty sender', mail(['From: <>'])],
    ['a group as sender', mail(['From: many: a@b.test, c@d.test;'])],
    ['a sender that is no address', mail(['From: anna＠client.test'])],
    ['a sender with a line break', mail(['From: =?utf-8?q?a=0D=0ABcc=3A_x?= <"a\\\r\n b"@c.test>'])],
    ['parts within parts without end', mail(['From: a@b.test', 'Content-Type: multipart/mixed; boundary=b0'], nested(200))],
    ['headers without end', mail(['From: a@b.test', ...Array.from({ length: 30_000 }, (_, i) => `X-${i}: yyyyyyyyyyyy`)])],
  ])('H7 %s: 400 and no event', async (_name, body) => {
    expect(await emailWebhook.parse(requestOf(body), cfg)).toMatchObject({ events: [], reply: { status: 400 } });
  });

  test('H7 more than 30 MB: 413 and no event, without a look inside', async () => {
    expect(await emailWebhook.parse(requestOf(Buffer.alloc(30 * 1024 * 1024 + 1)), cfg)).toMatchObject({ events: [], reply: { status: 413 } });
  });

  test('H7 tags within tags without end are read in bounded time', async () => {
    const before = performance.now();
    await inbound(mail([...usual, 'Content-Type: text/html'], '<div><p><b>'.repeat(200_000)));
    expect(performance.now() - before).toBeLessThan(3_000);
  });

  test('H7 no bytes make it throw', async () => {
    const line = fc.oneof(
      fc.constantFrom(
        ...usual,
        'Content-Type: text/html',
        'Content-Type: multipart/mixed; boundary="b"',
        '--b',
        '--b--',
        '',
        'Content-Transfer-Encoding: base64',
      ),
      fc.string({ unit: 'binary', maxLength: 40 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 20 }), async (lines) => {
        const { events, reply } = await emailWebhook.parse(requestOf(Buffer.from(lines.join('\r\n'))), cfg);
        expect([200, 400]).toContain(reply.status);
        expect(reply.status === 400 ? events : []).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});

function nested(depth: number): string {
  let body = '';
  for (let i = 0; i < depth; i++) body += `--b${i}\r\nContent-Type: multipart/mixed; boundary=b${i + 1}\r\n\r\n`;
  return body;
}
