/** The little that the relay itself must know of a raw mail, and the raw mail that the stand-in for a mailbox sends to us. */

import { createHash, randomUUID } from 'node:crypto';

/** SHA-256 in hex of the raw bytes without Received fields: equal copies stay equal over any number of relays. */
export function mailSha256(raw: Buffer): string {
  const { fields, rest } = split(raw);
  const kept = fields.filter((field) => !/^received:/i.test(field)).join('');
  return createHash('sha256').update(kept, 'latin1').update(rest).digest('hex');
}

/** As on the wire, angle brackets included; null when there is none. */
export function messageIdOf(raw: Buffer): string | null {
  const field = split(raw).fields.find((one) => /^message-id:/i.test(one));
  return field?.slice(field.indexOf(':') + 1).replace(/\s+/g, '') ?? null;
}

/** The header block alone, for a list that needs no bodies. */
export function headerBlock(raw: Buffer): Buffer {
  return raw.subarray(0, headerLength(raw));
}

export interface PlainMail {
  from: string;
  to: string;
  subject: string;
  text: string;
  messageId?: string | undefined;
  inReplyTo?: string | undefined;
}

/** A mail in plain text as a client's mail program would send it. The caller has made sure that no field holds a line break. */
export function composeMail(mail: PlainMail): Buffer {
  const fields = [
    `From: <${mail.from}>`,
    `To: <${mail.to}>`,
    `Subject: ${encodeWords(mail.subject)}`,
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${mail.messageId ?? `${randomUUID()}@sandbox.invalid`}>`,
    ...(mail.inReplyTo === undefined ? [] : [`In-Reply-To: <${mail.inReplyTo}>`, `References: <${mail.inReplyTo}>`]),
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: base64',
  ];
  const body = Buffer.from(mail.text)
    .toString('base64')
    .replace(/.{76}(?=.)/g, '$&\r\n');
  return Buffer.from(`${fields.join('\r\n')}\r\n\r\n${body}\r\n`);
}

function headerLength(raw: Buffer): number {
  const end = raw.indexOf('\r\n\r\n');
  return end === -1 ? raw.length : end + 2;
}

/** Whole fields with their folded lines; latin1 keeps every byte. */
function split(raw: Buffer): { fields: string[]; rest: Buffer } {
  const length = headerLength(raw);
  return { fields: raw.toString('latin1', 0, length).split(/(?<=\r\n)(?![ \t])/), rest: raw.subarray(length) };
}

/** RFC 2047; ten characters fill an encoded word without breaking one of them. */
function encodeWords(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text) && !text.includes('=?')) return text;
  const characters = [...text];
  const words: string[] = [];
  for (let i = 0; i < characters.length; i += 10) words.push(`=?utf-8?B?${Buffer.from(characters.slice(i, i + 10).join('')).toString('base64')}?=`);
  return words.join('\r\n ');
}
