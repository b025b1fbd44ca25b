/** Inbound mail: a mail server posts the raw message as `message/rfc822`, signed with `X-Waybill-Signature-256: sha256=<hex HMAC>`. */

import { createHash } from 'node:crypto';
import { convert } from 'html-to-text';
import PostalMime, { type Email } from 'postal-mime';
import { normaliseContactPoint } from '../../domain/contact-point.js';
import type { ChannelEvent, HttpReply, Inbound, RawRequest, Webhook } from '../channel.js';
import { cleanText, pastInstant } from '../inbound.js';
import { verifySignature } from '../signature.js';
import { keyOf } from './address.js';
import { mailboxAddresses, type EmailConfig } from './config.js';

const maxMailBytes = 30 * 1024 * 1024;
const maxHeaderBytes = 256 * 1024;
const maxMimeDepth = 20;
/** An HTML part is read no further: the time for deeply nested tags grows with the square of their number. Characters, and levels of its tree. */
const maxHtmlChars = 100_000;
const maxHtmlDepth = 50;

export const emailWebhook: Webhook<EmailConfig> = {
  verify: (request, cfg) => verifySignature(request.headers['x-waybill-signature-256'], request.body, cfg.inboundSecrets),
  parse: parseInboundMail,
};

async function parseInboundMail(request: RawRequest, cfg: EmailConfig): Promise<{ events: ChannelEvent[]; reply: HttpReply }> {
  if (request.body.byteLength > maxMailBytes) return refuse(413, 'The message is too large.');
  const mail = await readMime(request.body);
  const from = mail?.from?.address === undefined ? undefined : normaliseContactPoint('email', mail.from.address);
  if (!mail || !from?.ok) return refuse(400, 'The body is not a mail message with a sender.');
  // A report about a message is not a message of a client.
  if (isReport(mail)) return { events: [], reply: { status: 200 } };
  return { events: [readInbound(mail, from.value, request.body, cfg)], reply: { status: 200 } };
}

async function readMime(body: Buffer): Promise<Email | null> {
  try {
    return await PostalMime.parse(body, { maxNestingDepth: maxMimeDepth, maxHeadersSize: maxHeaderBytes, forceRfc822Attachments: true });
  } catch {
    return null;
  }
}

function readInbound(mail: Email, from: string, body: Buffer, cfg: EmailConfig): Inbound {
  const id = /^<[\x21-\x3b\x3d\x3f-\x7e]{1,250}>$/.test(mail.messageId ?? '') ? mail.messageId! : createHash('sha256').update(body).digest('hex');
  const to = findOurMailbox(mail, cfg);
  return {
    kind: 'inbound',
    eventId: id,
    externalId: id,
    from: { kind: 'email', value: from },
    ...(to === undefined ? {} : { to }),
    ...(mail.from?.name ? { displayName: cleanText(mail.from.name, 200) } : {}),
    ...(mail.subject === undefined ? {} : { subject: cleanText(mail.subject, 998) }),
    text: cleanText(mail.text?.trim() ? mail.text : textOfHtml(mail.html ?? '')),
    at: pastInstant(Date.parse(mail.date ?? ''), Date.now()),
  };
}

/** The mailbox it was delivered to, else the first of ours among its recipients. */
function findOurMailbox(mail: Email, cfg: EmailConfig): string | undefined {
  const ours = mailboxAddresses(cfg);
  const named = [...(mail.to ?? []), ...(mail.cc ?? [])].flatMap((one) => (one.group ? one.group : [one])).map((one) => one.address);
  return [mail.deliveredTo ?? '', ...named].map(keyOf).find((one) => ours.includes(one));
}

function isReport(mail: Email): boolean {
  return mail.headers.some((one) => one.key === 'content-type' && /^\s*multipart\/report\b/i.test(one.value));
}

function textOfHtml(html: string): string {
  return convert(html.slice(0, maxHtmlChars), {
    wordwrap: false,
    limits: { maxDepth: maxHtmlDepth },
    selectors: [
      { selector: 'a', options: { ignoreHref: true } },
      { selector: 'img', format: 'skip' },
    ],
  });
}

function refuse(status: number, body: string): { events: ChannelEvent[]; reply: HttpReply } {
  return { events: [], reply: { status, body, contentType: 'text/plain' } };
}
