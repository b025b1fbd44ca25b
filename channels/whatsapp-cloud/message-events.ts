/** Statuses and inbound messages of Meta's webhook as events; an item of another shape is skipped (R103). */

import { z } from 'zod';
import type { Address } from '../../domain/channel.js';
import type { ChannelEvent } from '../channel.js';
import { cleanText, pastInstant } from '../inbound.js';
import { addressOf, timestamp } from './values.js';
import type { WhatsappCloudConfig } from './config.js';
import { classifyCloudError, cloudError } from './failures.js';

const id = z
  .string()
  .min(1)
  .max(512)
  .transform((text) => cleanText(text));
const text = z.string().optional().catch(undefined);

const status = z.looseObject({
  id,
  status: z.enum(['sent', 'delivered', 'read', 'failed']),
  timestamp,
  errors: z.array(cloudError).optional().catch(undefined),
  biz_opaque_callback_data: z.uuid().optional().catch(undefined),
});

const captioned = z.looseObject({ caption: text }).optional().catch(undefined);
const message = z.looseObject({
  id,
  timestamp,
  type: z
    .string()
    .regex(/^[a-z_]{1,40}$/)
    .catch('unsupported'),
  from: text,
  from_user_id: text,
  text: z.looseObject({ body: text }).optional().catch(undefined),
  button: z.looseObject({ text }).optional().catch(undefined),
  image: captioned,
  video: captioned,
  document: captioned,
  system: z.looseObject({ type: text, wa_id: text, new_wa_id: text }).optional().catch(undefined),
});
type Message = z.infer<typeof message>;

const contact = z.looseObject({ wa_id: text, user_id: text, profile: z.looseObject({ name: text }).optional().catch(undefined) });
const value = z.looseObject({
  metadata: z.looseObject({ phone_number_id: text, display_phone_number: text }).optional().catch(undefined),
  contacts: listOf(contact),
  statuses: listOf(status),
  messages: listOf(message),
});
type Value = z.infer<typeof value>;

/** A list of which the items that do not fit are left out. */
function listOf<T>(item: z.ZodType<T>): z.ZodType<T[]> {
  return z
    .array(z.unknown())
    .catch([])
    .transform((items) => items.flatMap((one) => item.safeParse(one).data ?? []));
}

/** The events of a `messages` change. One webhook may serve several numbers of an account: what is meant for another one is not ours. */
export function readMessages(change: unknown, cfg: WhatsappCloudConfig, now: number): ChannelEvent[] {
  const read = value.safeParse(change);
  if (!read.success || (read.data.metadata?.phone_number_id ?? cfg.phoneNumberId) !== cfg.phoneNumberId) return [];
  return [...read.data.statuses.map((one) => readStatus(one, now)), ...read.data.messages.flatMap((one) => readMessage(one, read.data, now))];
}

function readStatus(one: z.infer<typeof status>, now: number): ChannelEvent {
  const failure = one.status === 'failed' ? classifyCloudError({ status: 'failed', error: one.errors?.[0] }) : undefined;
  return {
    kind: 'receipt',
    eventId: [one.id, one.status, failure?.provider.code].filter((part) => part !== undefined).join(':'),
    externalId: one.id,
    ...(one.biz_opaque_callback_data === undefined ? {} : { attemptId: one.biz_opaque_callback_data }),
    status: one.status,
    at: pastInstant(one.timestamp, now),
    ...(failure ? { failure } : {}),
  };
}

function readMessage(one: Message, around: Value, now: number): ChannelEvent[] {
  const from = addressOf('phone', one.from) ?? addressOf('whatsapp_id', one.from ?? one.from_user_id);
  if (!from) return [];
  const at = pastInstant(one.timestamp, now);
  if (one.type === 'system') return readNumberChange(one, from, at);
  const canonical = addressOf('whatsapp_id', one.from);
  const to = around.metadata?.display_phone_number ?? around.metadata?.phone_number_id;
  const writer = around.contacts.find((known) => (one.from ? known.wa_id === one.from : known.user_id === one.from_user_id));
  return [
    {
      kind: 'inbound',
      eventId: one.id,
      externalId: one.id,
      from,
      ...(canonical ? { canonical } : {}),
      ...(to === undefined ? {} : { to: cleanText(to, 40) }),
      ...(writer?.profile?.name ? { displayName: cleanText(writer.profile.name, 200) } : {}),
      text: cleanText(textOf(one)),
      at,
    },
  ];
}

function readNumberChange(one: Message, from: Address, at: string): ChannelEvent[] {
  const changed = one.system?.type === 'user_changed_number' || one.system?.type === 'customer_changed_number';
  const to = addressOf('phone', one.system?.wa_id ?? one.system?.new_wa_id);
  return changed && to ? [{ kind: 'address_changed', eventId: one.id, from, to, at }] : [];
}

/** What the client typed, else a placeholder that names what came, with its caption. */
function textOf(one: Message): string {
  const typed = one.text?.body ?? one.button?.text;
  if (typed !== undefined) return typed;
  const caption = (one.image ?? one.video ?? one.document)?.caption;
  return caption === undefined ? `[${one.type}]` : `[${one.type}] ${caption}`;
}
