/** What we send through: channel types, the kinds of contact point they reach, and what each can do. Source: requirements 4.6, channels section 13. */

export const contactPointKinds = ['phone', 'email', 'telegram_id', 'whatsapp_id', 'viber_id', 'apple_id', 'external_id', 'twitter_id'] as const;
export type ContactPointKind = (typeof contactPointKinds)[number];

export const channelTypes = ['email', 'whatsapp', 'viber', 'telegram_account', 'telegram_bot', 'webchat', 'mobile_app', 'sms', 'apple_messages'] as const;
export type ChannelType = (typeof channelTypes)[number];

export const templatePolicies = ['required', 'optional', 'unavailable'] as const;
export type TemplatePolicy = (typeof templatePolicies)[number];

export const templateEnforcements = ['strict', 'passthrough'] as const;
export type TemplateEnforcement = (typeof templateEnforcements)[number];

/** What the engine does with an attempt that nobody can tell about, once waiting for a receipt has not helped (R99). */
export const onUnknownPolicies = ['park', 'resend'] as const;
export type OnUnknown = (typeof onUnknownPolicies)[number];

/** How the first attempts of a channel run: `auto` takes the express lane where the channel is fit for it. */
export const lanePolicies = ['auto', 'queued'] as const;
export type LanePolicy = (typeof lanePolicies)[number];

export type ReceiptStatus = 'sent' | 'delivered' | 'read' | 'failed';

/** A contact point's normalised value with its kind. */
export interface Address {
  kind: ContactPointKind;
  value: string;
}

/** What a channel can do; lengths in characters, sizes in bytes, times in milliseconds. A plug-in states it per configuration. */
export interface Capabilities {
  text: { maxChars: number } | null;
  subject: boolean;
  bcc: boolean;
  /** The kind a person chooses among when several are selected (R44); null: this channel never asks. */
  recipientChoice: 'phone' | 'email' | null;
  template: 'none' | 'optional' | 'required' | 'required_outside_window';
  templateHeader: ('text' | 'image' | 'video' | 'document')[];
  templateFooter: boolean;
  attachments: {
    max: number;
    maxBytesEach: number;
    maxBytesTotal: number;
    mime: string[];
    by: ('upload' | 'url' | 'providerId')[];
    withText: 'same_message' | 'caption_limit' | 'separate';
  } | null;
  addressKinds: ContactPointKind[];
  coldStart: boolean;
  sessionWindowMs: number | null;
  opensThread: boolean;
  allowedWithActiveThread: boolean;
  receipts: Partial<Record<ReceiptStatus, 'push' | 'poll'>>;
  idempotency: { mode: 'provider_key' | 'none'; contentWindowMs?: number };
  limits: { perSecond?: number; perRecipientMs?: number; perDay?: number };
}

/**
 * The time-outs around one send, in milliseconds; every inner one is shorter than the one around it (H3).
 * `exchangeMs` bounds everything a plug-in may do for one attempt; `sendDeadlineMs` is what the attempt row carries.
 */
export interface Ladder {
  connectMs: number;
  replyMs: number;
  exchangeMs: number;
  sendDeadlineMs: number;
  startToCloseMs: number;
  heartbeatMs: number;
}

/** What a channel's operator may set beside the provider's configuration; times in milliseconds. */
export interface ChannelPolicy {
  templatePolicy: TemplatePolicy;
  templateEnforcement: TemplateEnforcement;
  onUnknown: OnUnknown;
  unknownWaitMs: number;
  receiptWindowMs: number;
  retry: { deadlineMs: number; initialMs: number; maximumMs: number };
  ladder: Ladder;
  maxInFlight: number;
  lane: LanePolicy;
}

const seconds = (n: number): number => n * 1000;
const minutes = (n: number): number => n * 60_000;

/** The default policy of a channel of this type: requirements 4.6 (settings) and the ladder of reliability section 3. */
export function defaultPolicy(type: ChannelType): ChannelPolicy {
  const email = type === 'email';
  return {
    templatePolicy: 'optional',
    templateEnforcement: 'strict',
    onUnknown: email ? 'resend' : 'park',
    unknownWaitMs: email ? 0 : minutes(15),
    receiptWindowMs: minutes(15),
    retry: {
      deadlineMs: email ? minutes(24 * 60) : minutes(15),
      initialMs: seconds(5),
      maximumMs: email ? minutes(30) : minutes(5),
    },
    ladder: email
      ? ladder({ connectMs: seconds(10), replyMs: seconds(30), exchangeMs: seconds(60), heartbeatMs: seconds(20) })
      : ladder({ connectMs: seconds(3), replyMs: seconds(10), exchangeMs: seconds(20), heartbeatMs: seconds(10) }),
    maxInFlight: 20,
    lane: 'auto',
  };
}

/** Completes a ladder from its inner rungs: the send deadline covers the whole exchange, start-to-close covers that and the two writes. */
export function ladder(inner: Pick<Ladder, 'connectMs' | 'replyMs' | 'exchangeMs' | 'heartbeatMs'>): Ladder {
  const sendDeadlineMs = inner.exchangeMs + Math.max(500, Math.round(inner.exchangeMs / 10));
  return { ...inner, sendDeadlineMs, startToCloseMs: sendDeadlineMs + Math.max(1_000, Math.round(inner.exchangeMs / 5)) };
}
