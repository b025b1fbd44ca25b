/** The plug-in email/smtp against relays of this test's own: what leaves, what is believed, and what becomes of every broken exchange. */

import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { SMTPPoolSentMessageInfo } from 'nodemailer';
import PostalMime from 'postal-mime';
import { HandOverForbidden, type OutboundMessage, type SendCtx, type SendOutcome } from '../../channels/channel.js';
import { emailConfigSchema, type EmailConfig } from '../../channels/email/config.js';
import { createEmailSmtp } from '../../channels/email/email-smtp.js';
import { sendEmail } from '../../channels/email/send.js';
import { createTransports, type GatedMail } from '../../channels/email/transport.js';
import type { Ladder } from '../../domain/channel.js';
import type { FailureClass } from '../../domain/failure.js';
import { closedPort, startRawRelay, startRelay, type Act, type Point, type Relay } from './support/relays.js';
import { attemptId, ctxOf, dispatchId, emailTo, hasty, until } from './support/sends.js';

const secret = 'a-relay-password-42';
let plugin: ReturnType<typeof createEmailSmtp>;
let relay: Relay | undefined;

beforeEach(() => {
  plugin = createEmailSmtp();
});

afterEach(async () => {
  await plugin.close();
  await relay?.close();
  relay = undefined;
});

function configFor(port: number, more: Partial<Record<keyof EmailConfig, unknown>> = {}): EmailConfig {
  return emailConfigSchema.parse({
    host: '127.0.0.1',
    port,
    mailboxes: [{ address: 'help@shop.test', name: 'Shop help' }, { address: 'sales@shop.test' }],
    domain: 'mail.shop.test',
    inboundSecrets: ['an-inbound-secret-1'],
    ...more,
  });
}

async function send(
  message: OutboundMessage,
  more: Partial<SendCtx<EmailConfig>> = {},
  config: Partial<Record<keyof EmailConfig, unknown>> = {},
): Promise<SendOutcome> {
  return plugin.send(message, ctxOf(configFor(relay!.port, config), more));
}

function failureIn(outcome: SendOutcome) {
  if (outcome.kind === 'accepted') throw new Error('The send was accepted.');
  return outcome.failure;
}

const line = 'A line of a long message that has many of them.\n';
/** Does not fit into one write. */
const longText = line.repeat(20_000);
/** Does not fit into the buffers of the machine either, so that a relay can answer or go while it is on its way. */
const hugeText = line.repeat(500_000);

describe('what leaves', () => {
  test('R72 golden bytes: the message on the wire is exactly this, and the envelope holds To and BCC', async () => {
    relay = await startRelay();
    const outcome = await send(emailTo('Anna@client.test', { bcc: ['boss@shop.test'] }));

    expect(outcome).toEqual({
      kind: 'accepted',
      externalIds: [`<${dispatchId}@mail.shop.test>`],
      perRecipient: [
        { address: 'Anna@client.test', status: 'accepted' },
        { address: 'boss@shop.test', status: 'accepted' },
      ],
    });
    expect(relay.received).toHaveLength(1);
    expect(relay.received[0]).toMatchObject({ from: 'help@shop.test', to: ['Anna@client.test', 'boss@shop.test'] });
    expect(relay.received[0]!.raw.toString()).toBe(
      [
        'Subject: Your order 81',
        'From: Shop help <help@shop.test>',
        'To: Anna@client.test',
        `Message-ID: <${dispatchId}@mail.shop.test>`,
        'Date: Wed, 21 Jan 2026 08:00:00 +0000',
        'Content-Transfer-Encoding: 7bit',
        'MIME-Version: 1.0',
        'Content-Type: text/plain; charset=utf-8',
        '',
        'Hello Anna,',
        'it is ready.',
        '',
      ].join('\r\n'),
    );
  });

  test.each([
    ['an encoded word', '=?utf-8?B?aGVsbG8=?='],
    ['what looks like one, among others', 'Order =?utf-8?Q?x_y?= of =?today'],
    ['spaces where a reader drops them', '  two  and  a last '],
    ['other scripts', 'Größe 日本語 שלום 😀'.repeat(20)],
    ['one word as long as a subject can be', 'x'.repeat(998)],
    ['many words', 'word '.repeat(199) + 'end'],
    ['quotes and brackets', 'Re: "a" \\ <b@c.test>, (d); e'],
    ['a line break', 'Hello\r\nBcc: evil@x.test'],
  ])('R75 a subject is read as it was written: %s', async (_what, subject) => {
    relay = await startRelay();
    await send(emailTo('anna@client.test', { subject }));
    const { raw } = relay.received[0]!;
    const parsed = await PostalMime.parse(raw);
    expect(parsed.subject).toBe(subject);
    expect(parsed.headers.filter((one) => one.key === 'bcc')).toEqual([]);
    expect(
      Math.max(
        ...raw
          .toString('latin1')
          .split('\r\n')
          .map((one) => one.length),
      ),
    ).toBeLessThanOrEqual(998);
  });

  test('R72 I9 another parser finds no BCC in any header, only known headers, and one From', async () => {
    relay = await startRelay();
    const bcc = ['boss@shop.test', 'audit@shop.test'];
    await send(emailTo('anna@client.test', { bcc, text: 'Grüße ✉️\n.\n..\nBcc: nobody@x.test\n', subject: 'Grüße\r\nBcc: evil@x.test' }));

    const { raw } = relay.received[0]!;
    for (const address of bcc) expect(raw.toString()).not.toContain(address);
    const parsed = await PostalMime.parse(raw);
    expect(parsed.headers.map((one) => one.key).toSorted()).toEqual(
      ['content-transfer-encoding', 'content-type', 'date', 'from', 'message-id', 'mime-version', 'subject', 'to'].toSorted(),
    );
    expect(parsed.bcc).toBeUndefined();
    expect(parsed.text).toContain('Grüße ✉️\n.\n..\n');
    expect(relay.received[0]!.to).toEqual(['anna@client.test', ...bcc]);
  });

  test.each([
    ['plain', {}],
    [
      'signed with DKIM',
      {
        dkim: {
          domainName: 'shop.test',
          keySelector: 's1',
          privateKey: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
        },
      },
    ],
  ])('I8 H2 two attempts of one dispatch are byte-identical, also from another process (%s)', async (_name, config) => {
    relay = await startRelay();
    const message = emailTo('anna@client.test', { text: `Grüße ✉️\n${'x'.repeat(2000)}\n` });
    await send(message, {}, config);
    const other = createEmailSmtp();
    await other.send(message, ctxOf(configFor(relay.port, config), { attemptId: '0197a000-0000-7000-8000-0000000000a2', attemptNo: 2 }));
    await other.close();

    expect(relay.received).toHaveLength(2);
    expect(relay.received[1]!.raw.equals(relay.received[0]!.raw)).toBe(true);
    expect(relay.received[0]!.raw.includes('DKIM-Signature')).toBe('dkim' in config);
  });

  test('R74 the named mailbox sends, the default one without a name, and one that is not connected refuses before anything leaves', async () => {
    relay = await startRelay();
    expect(plugin.mailboxes(configFor(1, { mailboxes: [{ address: 'a@shop.test' }, { address: 'B@shop.test', default: true }] }))).toEqual([
      'b@shop.test',
      'a@shop.test',
    ]);
    await send(emailTo('anna@client.test', { from: 'Sales@shop.test' }));
    await send(emailTo('anna@client.test'), {}, { mailboxes: [{ address: 'a@shop.test' }, { address: 'b@shop.test', default: true }] });
    const refused = await send(emailTo('anna@client.test', { from: 'ceo@bank.test' }));

    expect(relay.received.map((one) => one.from)).toEqual(['sales@shop.test', 'b@shop.test']);
    expect(failureIn(refused)).toMatchObject({ class: 'config', scope: 'message', provider: { code: 'FROM_NOT_CONNECTED' } });
  });

  test('H2 a bounce names its attempt: the envelope sender carries the attempt id, the header does not', async () => {
    relay = await startRelay();
    await send(emailTo('anna@client.test'), {}, { bounceDomain: 'bounces.shop.test' });
    expect(relay.received[0]!.from).toBe(`bounce+${attemptId}@bounces.shop.test`);
    expect(relay.received[0]!.raw.toString()).not.toContain('bounce');
  });

  test('R72 a recipient that a composer could misread is refused and no relay is asked', async () => {
    relay = await startRawRelay({});
    const hostile = [
      'anna＠client.test',
      'b@y.test\r\nBcc: evil@x.test',
      'b@y.test\0',
      'a@b@c.test',
      '"a b"@c.test',
      'b@y.test, evil@x.test',
      '<b@y.test>',
      'b@y.test ',
      'anna@клиент.test',
      'anna@\u212Alient.test',
    ];
    for (const address of hostile) {
      const outcome = await send(emailTo(address));
      expect(failureIn(outcome)).toMatchObject({ class: 'invalid_address', scope: 'recipient' });
    }
    expect(relay.commands).toEqual([]);
  });

  test('R72 H10 a BCC that a composer could misread is refused alone; the others get the message', async () => {
    relay = await startRelay();
    const evil = 'boss@shop.test\r\nBcc: evil@x.test';
    const outcome = await send(emailTo('anna@client.test', { bcc: [evil, 'audit@shop.test', 'ANNA@client.test'] }));
    expect(outcome).toMatchObject({
      kind: 'accepted',
      perRecipient: [
        { address: 'anna@client.test', status: 'accepted' },
        { address: 'audit@shop.test', status: 'accepted' },
        { address: evil, status: 'refused', failure: { class: 'invalid_address' } },
      ],
    });
    expect(relay.received.map((one) => one.to)).toEqual([['anna@client.test', 'audit@shop.test']]);
  });
});

describe('several recipients', () => {
  const bcc = ['boss@shop.test', 'audit@shop.test'];

  test('H10 To accepted and one BCC refused: accepted, and the refusal is told', async () => {
    relay = await startRelay({ rcpt: (address) => (address.startsWith('audit') ? '550 5.1.1 no such user' : undefined) });
    const outcome = await send(emailTo('anna@client.test', { bcc }));
    expect(outcome).toMatchObject({
      kind: 'accepted',
      perRecipient: [
        { address: 'anna@client.test', status: 'accepted' },
        { address: 'boss@shop.test', status: 'accepted' },
        { address: 'audit@shop.test', status: 'refused', failure: { class: 'not_on_channel', provider: { code: '550 5.1.1' } } },
      ],
    });
    expect(relay.received.map((one) => one.to)).toEqual([['anna@client.test', 'boss@shop.test']]);
  });

  test('H10 To refused for now while BCC are accepted: refused; the retry names only To and makes the same bytes', async () => {
    let greylisted = true;
    relay = await startRelay({ rcpt: (address) => (greylisted && address.startsWith('anna') ? '450 4.7.1 greylisted' : undefined) });
    const first = await send(emailTo('anna@client.test', { bcc }));
    expect(first).toMatchObject({
      kind: 'refused',
      failure: { class: 'transient' },
      perRecipient: [
        { address: 'anna@client.test', status: 'refused', failure: { class: 'transient' } },
        { address: 'boss@shop.test', status: 'accepted' },
        { address: 'audit@shop.test', status: 'accepted' },
      ],
    });
    greylisted = false;
    const second = await send(emailTo('anna@client.test', { bcc }, ['Anna@client.test']), { attemptNo: 2 });
    expect(second).toMatchObject({ kind: 'accepted', perRecipient: [{ address: 'anna@client.test', status: 'accepted' }] });
    expect(relay.received.map((one) => one.to)).toEqual([bcc, ['anna@client.test']]);
    expect(relay.received[1]!.raw.equals(relay.received[0]!.raw)).toBe(true);
  });

  test('H10 all refused, each in its own way: To decides, whatever the order and the mildest answer', async () => {
    relay = await startRelay({ rcpt: (address) => (address.startsWith('anna') ? '550 5.1.1 no such user' : '451 4.3.0 later') });
    const outcome = await send(emailTo('anna@client.test', { bcc }));
    expect(outcome).toMatchObject({
      kind: 'refused',
      failure: { class: 'not_on_channel' },
      perRecipient: [{ failure: { class: 'not_on_channel' } }, { failure: { class: 'transient' } }, { failure: { class: 'transient' } }],
    });
    expect(relay.received).toEqual([]);
  });

  test('H10 a message without anyone left to serve is refused and not sent', async () => {
    relay = await startRelay();
    const outcome = await send(emailTo('anna@client.test', { bcc }, []));
    expect(failureIn(outcome)).toMatchObject({ class: 'config', scope: 'message', provider: { code: 'NO_RECIPIENT_LEFT' } });
    expect(relay.received).toEqual([]);
  });
});

describe('what a relay says', () => {
  test.each<[string, Parameters<typeof startRelay>[0], FailureClass]>([
    ['451 to MAIL', { mail: '451 4.3.0 try later' }, 'transient'],
    ['550 to MAIL about the sender', { mail: '550 5.1.1 sender unknown' }, 'config'],
    ['550 to RCPT', { rcpt: () => '550 5.1.1 no such user' }, 'not_on_channel'],
    ['550 without an enhanced code', { rcpt: () => '550 go away' }, 'unlisted'],
    ['421 to RCPT', { rcpt: () => '421 4.3.2 going down' }, 'transient'],
    ['greylisting', { rcpt: () => '450 4.7.1 greylisted' }, 'transient'],
    ['4.7.28 rate', { rcpt: () => '421 4.7.28 too fast' }, 'rate_limited'],
    ['4.7.28 after the final dot', { data: '421 4.7.28 too fast' }, 'rate_limited'],
    ['451 after the final dot', { data: '451 4.3.0 try later' }, 'transient'],
    ['552 too big after the final dot', { data: '552 5.3.4 too big' }, 'invalid_content'],
    ['550 policy after the final dot', { data: '550 5.7.1 spam' }, 'unlisted'],
    ['full mailbox', { data: '552 5.2.2 over quota' }, 'suppressed'],
  ])('R87 R101 %s', async (_name, refuse, expected) => {
    relay = await startRelay(refuse);
    const outcome = await send(emailTo('anna@client.test'));
    expect(outcome.kind).toBe('refused');
    expect(failureIn(outcome).class).toBe(expected);
    expect(relay.received).toEqual([]);
  });

  test('R87 H9 a wrong password pauses the channel; neither password nor address is in the failure', async () => {
    relay = await startRelay({ auth: `535 5.7.8 ${secret} is wrong for anna@client.test and +49 151 23456789` });
    const outcome = await send(emailTo('anna@client.test'), {}, { user: 'mailer', pass: secret });
    expect(failureIn(outcome)).toMatchObject({ class: 'auth', scope: 'channel', provider: { code: '535 5.7.8' } });
    expect(JSON.stringify(outcome)).not.toMatch(new RegExp(`${secret}|anna@|23456789`));
  });

  test('I13 an address that the relay repeats stays out of the failure texts', async () => {
    relay = await startRelay({ rcpt: (address) => `550 5.1.1 <${address}>: ${address.toUpperCase()} unknown, call 4915123456789` });
    const outcome = await send(emailTo('anna@client.test', { bcc: ['boss@shop.test'] }));
    if (outcome.kind !== 'refused') throw new Error('It was not refused.');
    const texts = JSON.stringify([outcome.failure, ...(outcome.perRecipient ?? []).map((one) => one.failure)]);
    expect(texts).toContain('unknown');
    expect(texts).not.toMatch(/client\.test|shop\.test|4915123456789/i);
  });
});

describe('what breaks', () => {
  test.each<[string, Partial<Record<Point, Act>>]>([
    ['dropped before the greeting', { greeting: 'drop' }],
    ['dropped at EHLO', { EHLO: 'drop' }],
    ['dropped at MAIL', { MAIL: 'drop' }],
    ['reset at RCPT', { RCPT: 'reset' }],
    ['dropped at DATA', { DATA: 'drop' }],
    ['dropped mid-body', { body: 'drop' }],
    ['reset mid-body', { body: 'reset' }],
    ['turned away at the door', { greeting: '554 5.7.1 not today' }],
    ['garbage at the door', { greeting: 'hello there' }],
    ['421 at the door', { greeting: '421 4.3.2 busy' }],
  ])('H2 H9 %s: nothing was complete at the relay, so transient, after exactly one try', async (_name, acts) => {
    relay = await startRawRelay(acts);
    const outcome = await send(emailTo('anna@client.test', { text: 'body' in acts ? hugeText : longText }));
    expect(outcome.kind).toBe('refused');
    expect(failureIn(outcome)).toMatchObject({ class: 'transient', scope: 'channel' });
    expect(relay.received).toEqual([]);
    await plugin.close();
    expect(relay.connections()).toBe(1);
  });

  test.each<[string, Act]>([
    ['dropped after the final dot', 'drop'],
    ['reset after the final dot', 'reset'],
    ['garbage after the final dot', 'what is this?'],
    ['half a code after the final dot', '2'],
    ['a number that is none', '2OO okay'],
    ['a reply that is no answer', '354 go on'],
    ['a code that does not exist', '999 never heard'],
  ])('H2 R99 %s: handed over and no answer to believe, so unknown, after exactly one try', async (_name, dot) => {
    relay = await startRawRelay({ dot });
    const outcome = await send(emailTo('anna@client.test'));
    expect(outcome.kind).toBe('unknown');
    expect(failureIn(outcome).class).toBe('unknown');
    await plugin.close();
    expect(relay.received).toHaveLength(1);
    expect(relay.connections()).toBe(1);
  });

  test('H2 R99 a large message dropped after the final dot is unknown as well', async () => {
    relay = await startRawRelay({ dot: 'drop' });
    const outcome = await send(emailTo('anna@client.test', { text: longText }));
    expect(outcome.kind).toBe('unknown');
    expect(relay.received).toHaveLength(1);
  });

  test('H2 an answer before the end of the message is not believed, and the message never becomes complete', async () => {
    relay = await startRawRelay({ body: '250 2.0.0 taken already' });
    const outcome = await send(emailTo('anna@client.test', { text: hugeText }));
    expect(outcome.kind).toBe('unknown');
    await plugin.close();
    expect(relay.received).toEqual([]);
  });

  test('H2 once the send has an outcome, what is left of the message stays here', async () => {
    let passage: Readable | undefined;
    const transports = {
      send: async (_cfg: EmailConfig, _ladder: Ladder, mail: GatedMail) => {
        passage = mail.gate.wrap(Readable.from(['first', 'second', 'third']));
        await once(passage, 'readable');
        passage.read();
        return { accepted: ['anna@client.test'], rejected: [], response: '250 ok' } as unknown as SMTPPoolSentMessageInfo;
      },
      size: () => 0,
      close: () => {},
    };
    const outcome = await sendEmail(transports, emailTo('anna@client.test'), ctxOf(configFor(25)));
    expect(outcome.kind).toBe('unknown');
    expect(passage).toMatchObject({ destroyed: true, readableEnded: false });
  });

  test('H2 R87 a refusal before the end of the message is believed, and the message never becomes complete', async () => {
    relay = await startRawRelay({ body: '552 5.3.4 too big' });
    const outcome = await send(emailTo('anna@client.test', { text: hugeText }));
    expect(outcome.kind).toBe('refused');
    expect(failureIn(outcome).class).toBe('invalid_content');
    await plugin.close();
    expect(relay.received).toEqual([]);
  });

  test('H2 nobody listens: transient, nothing left', async () => {
    const outcome = await plugin.send(emailTo('anna@client.test'), ctxOf(configFor(await closedPort())));
    expect(outcome.kind).toBe('refused');
    expect(failureIn(outcome)).toMatchObject({ class: 'transient', scope: 'channel', provider: { code: 'ESOCKET' } });
  });
});

describe('time', () => {
  test.each<[string, Partial<Record<Point, Act>>, 'refused' | 'unknown', FailureClass]>([
    ['no greeting', { greeting: 'hang' }, 'refused', 'transient'],
    ['no answer to EHLO', { EHLO: 'hang' }, 'refused', 'transient'],
    ['no answer to MAIL', { MAIL: 'hang' }, 'refused', 'transient'],
    ['no answer to DATA', { DATA: 'hang' }, 'refused', 'transient'],
    ['no answer to the final dot', { dot: 'hang' }, 'unknown', 'unknown'],
  ])('H3 %s: it ends within the ladder', async (_name, acts, kind, expected) => {
    relay = await startRawRelay(acts);
    const before = performance.now();
    const outcome = await send(emailTo('anna@client.test'), { ladder: hasty });
    expect(performance.now() - before).toBeLessThan(hasty.startToCloseMs + 1_000);
    expect(outcome.kind).toBe(kind);
    expect(failureIn(outcome).class).toBe(expected);
    await until(() => relay!.openConnections() === 0);
  });

  test('H3 a relay that keeps talking without an answer is not waited for beyond the ladder', async () => {
    relay = await startRawRelay({ dot: 'mumble' });
    const before = performance.now();
    const outcome = await send(emailTo('anna@client.test'), { ladder: hasty });
    expect(performance.now() - before).toBeLessThan(hasty.startToCloseMs + 1_000);
    expect(outcome.kind).toBe('unknown');
  });

  test.each<[Point, 'refused' | 'unknown', string]>([
    ['DATA', 'refused', 'transient'],
    ['dot', 'unknown', 'unknown'],
  ])('H3 the caller calls off a send that hangs at %s: it ends at once and says what is known', async (point, kind, expected) => {
    relay = await startRawRelay({ [point]: 'hang' });
    const stop = new AbortController();
    const sending = send(emailTo('anna@client.test'), { signal: stop.signal });
    await until(() => relay!.commands.includes('DATA') && (point === 'DATA' || relay!.received.length === 1));
    stop.abort();
    const outcome = await sending;
    expect(outcome.kind).toBe(kind);
    expect(failureIn(outcome).class).toBe(expected);
    await until(() => relay!.openConnections() === 0);
  });

  test.each([
    ['a short message', 'Hello'],
    ['a long message', longText],
  ])('H3 the last look at the clock comes when the relay has said go ahead, and %s it forbids is never complete there', async (_name, text) => {
    relay = await startRawRelay({});
    let looked: string[] = [];
    const forbid = (): void => {
      looked = [...relay!.commands];
      throw new HandOverForbidden('too late');
    };
    const outcome = await send(emailTo('anna@client.test', { text }), { assertMayHandOver: forbid });
    expect(failureIn(outcome)).toMatchObject({ class: 'transient', scope: 'message', provider: { code: 'HAND_OVER_FORBIDDEN' } });
    expect(outcome.kind).toBe('refused');
    expect(looked.at(-1)).toBe('DATA');
    await until(() => relay!.openConnections() === 0);
    expect(relay.received).toEqual([]);
  });

  test('H3 our own fault in the check is thrown, not called a relay’s', async () => {
    relay = await startRawRelay({});
    const broken = (): void => {
      throw new RangeError('a bug');
    };
    await expect(send(emailTo('anna@client.test'), { assertMayHandOver: broken })).rejects.toThrow('a bug');
    await until(() => relay!.openConnections() === 0);
    expect(relay.received).toEqual([]);
  });

  test('H3 a send that was called off before it began asks no relay', async () => {
    relay = await startRawRelay({});
    const outcome = await send(emailTo('anna@client.test'), { signal: AbortSignal.abort() });
    expect(failureIn(outcome)).toMatchObject({ class: 'transient', provider: { code: 'EABORT' } });
    expect(relay.commands).toEqual([]);
  });
});

describe('connections', () => {
  test('I14 many sends, good and broken, leave one pool and, once closed, no connection', async () => {
    let count = 0;
    relay = await startRelay({ rcpt: () => (count++ % 3 === 0 ? '451 4.3.0 later' : undefined) });
    const outcomes = await Promise.all(Array.from({ length: 30 }, () => send(emailTo('anna@client.test'))));
    expect(outcomes.filter((one) => one.kind === 'accepted')).toHaveLength(20);
    expect(relay.openConnections()).toBeLessThanOrEqual(10);
    await plugin.close();
    await until(() => relay!.openConnections() === 0);
  });

  test('H9 a connection that the relay closed while idle makes one transient failure at most, and no second hand-over', async () => {
    relay = await startRawRelay({});
    expect((await send(emailTo('anna@client.test'))).kind).toBe('accepted');
    relay.dropAll();
    const outcomes = [await send(emailTo('anna@client.test')), await send(emailTo('anna@client.test'))];
    const accepted = outcomes.filter((one) => one.kind === 'accepted').length;
    expect(relay.received).toHaveLength(1 + accepted);
    expect(outcomes.map((one) => one.kind)).not.toContain('unknown');
    expect(accepted).toBeGreaterThan(0);
  });

  test('I14 pools of configurations that are no longer used are closed: their number is bounded', async () => {
    relay = await startRawRelay({});
    const transports = createTransports();
    for (let i = 0; i < 60; i++) {
      const cfg = configFor(relay.port, { domain: `d${i}.shop.test` });
      expect((await sendEmail(transports, emailTo('anna@client.test'), ctxOf(cfg))).kind).toBe('accepted');
    }
    expect(transports.size()).toBe(50);
    await until(() => relay!.openConnections() <= 50);
    transports.close();
    await until(() => relay!.openConnections() === 0);
  });

  test('H9 after close a new send opens a new pool', async () => {
    relay = await startRelay();
    await send(emailTo('anna@client.test'));
    await plugin.close();
    expect((await send(emailTo('anna@client.test'))).kind).toBe('accepted');
  });
});
