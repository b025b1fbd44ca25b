/** Mail as it was received, and mail that the stand-in for a client's mailbox sends to us. */

import express, { type Router } from 'express';
import { z } from 'zod';
import { parse, Problem } from '../http.js';
import { composeMail } from '../mail-bytes.js';
import { parseMail, type Received } from '../mailbox.js';
import { send, sign } from '../whatsapp-cloud/webhooks.js';
import type { ControlDeps } from './deps.js';

const listing = z.strictObject({ to: z.string().optional(), limit: z.coerce.number().int().min(1).max(500).default(50) });

/** A line of a header: nothing in it may begin another one. */
const line = z
  .string()
  .max(900)
  .regex(/^[^\r\n\0]*$/, 'no line breaks');
const address = line.regex(/^[^\s<>@]+@[^\s<>@]+$/, 'an address, as in anna@example.test');
const inboundMail = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  secret: z.string().min(1),
  from: address,
  to: address,
  subject: line,
  text: z.string().max(500_000),
  messageId: address.optional(),
  inReplyTo: address.optional(),
});

export function mailRoutes({ mailbox }: Pick<ControlDeps, 'mailbox'>): Router {
  const router = express.Router();

  /** Newest first; `to` is a recipient of the envelope. */
  router.get('/mails', async (req, res) => {
    const { to, limit } = parse(listing, req.query);
    res.json({ mails: await Promise.all(mailbox.list({ channel: 'email', to, limit }).map(describe)) });
  });

  /** The bytes as they came. */
  router.get('/mails/:seq/raw', (req, res) => {
    const received = mailbox.find(Number(req.params.seq));
    if (received?.entry.channel !== 'email') throw new Problem(404, 'No mail with this number is in memory.');
    res.type('text/plain').send(received.raw);
  });

  /** Posts raw MIME, signed with `X-Waybill-Signature-256`; one try, its status is null when there was no answer. */
  router.post('/inbound-mail', async (req, res) => {
    const { url, secret, ...mail } = parse(inboundMail, req.body);
    const raw = composeMail(mail);
    res.json({ webhookStatus: await send(url, raw, { 'content-type': 'message/rfc822', 'x-waybill-signature-256': sign(secret, raw) }) });
  });
  return router;
}

async function describe({ entry, raw }: Received) {
  const mail = await parseMail(raw);
  return {
    seq: entry.seq,
    at: entry.at,
    envelope: { from: entry.sender, to: entry.recipients, id: entry.envelopeId },
    messageId: entry.messageId,
    bytes: raw.length,
    sha256: entry.contentSha256,
    from: mail?.from ?? null,
    to: mail?.to ?? [],
    cc: mail?.cc ?? [],
    subject: mail?.subject ?? null,
    date: mail?.date ?? null,
    headers: mail?.headers.map(({ originalKey, value }) => ({ name: originalKey, value })) ?? [],
    text: mail?.text ?? null,
    html: mail?.html ?? null,
    attachments: mail?.attachments.map(({ filename, mimeType, content }) => ({ filename, mimeType, bytes: sizeOf(content) })) ?? [],
  };
}

const sizeOf = (content: ArrayBuffer | Uint8Array | string): number => (typeof content === 'string' ? content.length : content.byteLength);
