/** Mail addresses whose local part scripts the SMTP relay, at any domain and with any tag (`busy-2+anything@example.test`). */

import { type MailBehaviour, type SmtpReply, smtpReply } from './behaviour.js';

interface MagicAddress {
  pattern: RegExp;
  example: string;
  what: string;
  /** `tries`: how often this Message-ID was tried for this address before. */
  behave(number: number, tries: number): MailBehaviour;
}

const accept: MailBehaviour = { at: 'dot', act: 'accept' };
const refuseAtRcpt = (reply: SmtpReply): MailBehaviour => ({ at: 'rcpt', act: 'refuse', reply });
const refuseAtDot = (reply: SmtpReply): MailBehaviour => ({ at: 'dot', act: 'refuse', reply });

const bounce = smtpReply('550 5.1.1 no such mailbox');
const full = smtpReply('452 4.2.2 mailbox is full, try again later');
const mailboxFull = smtpReply('552 5.2.2 mailbox is full');
const policy = smtpReply('550 5.7.1 refused by policy');
const throttle = smtpReply('421 4.7.28 too many messages, slow down');
const busy = smtpReply('451 4.7.1 busy, try again later');

/** The table, also shown on the mailbox page. */
export const magicAddresses: readonly MagicAddress[] = [
  {
    pattern: /^busy-(\d{1,4})$/,
    example: 'busy-<n>@',
    what: '451 4.7.1 after the final dot, n times per recipient and Message-ID, then works',
    behave: (times, tries) => (tries < times ? refuseAtDot(busy) : accept),
  },
  { pattern: /^bounce$/, example: 'bounce@', what: '550 5.1.1 at RCPT', behave: () => refuseAtRcpt(bounce) },
  { pattern: /^full$/, example: 'full@', what: '452 4.2.2 at RCPT', behave: () => refuseAtRcpt(full) },
  { pattern: /^mailbox-full$/, example: 'mailbox-full@', what: '552 5.2.2 at RCPT', behave: () => refuseAtRcpt(mailboxFull) },
  { pattern: /^policy$/, example: 'policy@', what: '550 5.7.1 at RCPT', behave: () => refuseAtRcpt(policy) },
  {
    pattern: /^throttle$/,
    example: 'throttle@',
    what: '421 4.7.28 after the final dot and the line is closed, once per Message-ID, then works',
    behave: (_, tries) => (tries === 0 ? refuseAtDot(throttle) : accept),
  },
  {
    pattern: /^slow-(\d{1,6})$/,
    example: 'slow-<ms>@',
    what: 'takes the message, answers the final dot that much later',
    behave: (delayMs) => ({ at: 'dot', act: 'accept', delayMs }),
  },
  {
    pattern: /^drop$/,
    example: 'drop@',
    what: 'takes the message, then closes the line without an answer, once per Message-ID, then works',
    behave: (_, tries) => (tries === 0 ? { at: 'dot', act: 'drop_after' } : accept),
  },
  {
    pattern: /^drop-always$/,
    example: 'drop-always@',
    what: 'takes the message, then closes the line without an answer, every time',
    behave: () => ({ at: 'dot', act: 'drop_after' }),
  },
  { pattern: /^hang$/, example: 'hang@', what: 'takes the message and never answers', behave: () => ({ at: 'dot', act: 'hang' }) },
  {
    pattern: /^garbage$/,
    example: 'garbage@',
    what: 'takes the message and answers something that is no SMTP reply',
    behave: () => ({ at: 'dot', act: 'garble' }),
  },
  {
    pattern: /^dropdata$/,
    example: 'dropdata@',
    what: 'closes the line in answer to DATA: nothing was taken',
    behave: () => ({ at: 'data', act: 'drop_before' }),
  },
];

/** What an address makes the relay do; an address that is not in the table is accepted. */
export function behaveForAddress(address: string, tries: number): MailBehaviour {
  const localPart = address.slice(0, address.lastIndexOf('@')).split('+')[0] ?? '';
  for (const magic of magicAddresses) {
    const match = magic.pattern.exec(localPart.toLowerCase());
    if (match) return magic.behave(Number(match[1] ?? 0), tries);
  }
  return accept;
}
