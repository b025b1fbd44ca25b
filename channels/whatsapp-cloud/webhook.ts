/** Meta's webhook: set-up handshake, signature, and the shapes that become events. What is not understood is skipped, never thrown (H7, R103). */

import { z } from 'zod';
import type { ChannelEvent, HttpReply, RawRequest, Webhook } from '../channel.js';
import { parseJson } from '../inbound.js';
import { isSame, verifySignature } from '../signature.js';
import type { WhatsappCloudConfig } from './config.js';
import { readMessages } from './message-events.js';
import { readTemplateNews } from './template-events.js';

/** Meta posts at most 3 MB. */
const maxBodyBytes = 4 * 1024 * 1024;
const maxDepth = 40;

export const whatsappWebhook: Webhook<WhatsappCloudConfig> = { handshake, verify, parse };

function handshake(request: RawRequest, cfg: WhatsappCloudConfig): HttpReply | null {
  if (request.method !== 'GET' || request.query['hub.mode'] === undefined) return null;
  const { 'hub.mode': mode, 'hub.verify_token': token = '', 'hub.challenge': challenge = '' } = request.query;
  const right = isSame(token, cfg.verifyToken);
  if (mode !== 'subscribe' || !right || !/^[A-Za-z0-9._-]{1,256}$/.test(challenge)) return { status: 403 };
  return { status: 200, body: challenge, contentType: 'text/plain' };
}

function verify(request: RawRequest, cfg: WhatsappCloudConfig): 'ok' | 'bad' | 'unsigned' {
  return verifySignature(request.headers['x-hub-signature-256'], request.body, cfg.appSecrets);
}

const envelope = z.looseObject({
  entry: z.array(
    z.looseObject({
      id: z.string().optional(),
      time: z.unknown().optional(),
      changes: z.array(z.looseObject({ field: z.string(), value: z.looseObject({}) })),
    }),
  ),
});
type Entry = z.infer<typeof envelope>['entry'][number];
type Change = Entry['changes'][number];

async function parse(request: RawRequest, cfg: WhatsappCloudConfig): Promise<{ events: ChannelEvent[]; reply: HttpReply }> {
  const parsed = envelope.safeParse(parseJson(request.body, maxBodyBytes, maxDepth));
  if (!parsed.success) return { events: [], reply: { status: 400, body: 'The body is not a webhook of this provider.', contentType: 'text/plain' } };
  const now = Date.now();
  const events = parsed.data.entry.flatMap((entry) => entry.changes.flatMap((change) => eventsOf(entry, change, cfg, now)));
  return { events, reply: { status: 200 } };
}

function eventsOf(entry: Entry, change: Change, cfg: WhatsappCloudConfig, now: number): ChannelEvent[] {
  if (change.field === 'message_template_status_update') return readTemplateNews(entry, change.value, cfg, now);
  return change.field === 'messages' ? readMessages(change.value, cfg, now) : [];
}
