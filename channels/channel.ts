/** The plug-in interface: one provider's dialect behind one shape. Source: channels section 13. */

import type { Readable } from 'node:stream';
import type { ZodType } from 'zod';
import type { Address, Capabilities, ChannelType, Ladder } from '../domain/channel.js';
import type { RenderedContent } from '../domain/content.js';
import type { Failure } from '../domain/failure.js';
import type { MessageStatus } from '../domain/receipt.js';

/** One attempt's message: to whom, from which mailbox, what. */
export interface OutboundMessage {
  to: Address;
  content: RenderedContent;
  /** Frozen at acceptance, so that Date, Message-ID and boundary are the same on every repeat. */
  acceptedAt: Date;
  /** The addresses that are still to be served, on a channel with several recipients; undefined means all (H10). The message's bytes do not change. */
  only?: string[];
}

/** Everything a send needs besides the message. Nothing in a plug-in reads the environment or a table. */
export interface SendCtx<C> {
  cfg: C;
  dispatchId: string;
  attemptId: string;
  attemptNo: number;
  providerKey: string;
  ladder: Ladder;
  signal: AbortSignal;
  /** Throws `HandOverForbidden` when the send deadline has passed; a plug-in calls it right before the bytes leave (H3). */
  assertMayHandOver(): void;
  openAttachment(id: string): Readable;
}

/** Thrown by `assertMayHandOver`: the attempt is no longer ours, and nothing has left. */
export class HandOverForbidden extends Error {
  override name = 'HandOverForbidden';
}

export interface RecipientResult {
  address: string;
  status: 'accepted' | 'refused';
  failure?: Failure;
}

export type SendOutcome =
  | { kind: 'accepted'; externalIds: string[]; replayed?: boolean; canonicalAddress?: Address; perRecipient?: RecipientResult[] }
  | { kind: 'refused'; failure: Failure; perRecipient?: RecipientResult[] }
  | { kind: 'unknown'; failure: Failure };

/** A request as it came in: header names in lower case, the body's raw bytes (signatures are over these). */
export interface RawRequest {
  method: string;
  headers: Record<string, string | undefined>;
  query: Record<string, string | undefined>;
  body: Buffer;
}

export interface HttpReply {
  status: number;
  body?: string;
  contentType?: string;
}

/** A later status of an attempt. `eventId` is unique per channel; `attemptId` is our own id where it comes back. */
export interface Receipt {
  kind: 'receipt';
  eventId: string;
  externalId: string;
  attemptId?: string;
  status: MessageStatus;
  at: string;
  failure?: Failure;
}

/** A message from a client. `to` is the mailbox or number that was written to. */
export interface Inbound {
  kind: 'inbound';
  eventId: string;
  externalId: string;
  from: Address;
  /** What the provider calls the sender where it differs from the address we know (WhatsApp's `wa_id`). */
  canonical?: Address;
  to?: string;
  displayName?: string;
  text: string;
  subject?: string;
  at: string;
}

export interface ContactBlocked {
  kind: 'contact_blocked' | 'contact_unblocked';
  eventId: string;
  from: Address;
  at: string;
}

export interface AddressChanged {
  kind: 'address_changed';
  eventId: string;
  from: Address;
  to: Address;
  at: string;
}

/** `status` is ours, the provider's own word stays in `raw`. */
export interface TemplateChanged {
  kind: 'template_changed';
  eventId: string;
  name: string;
  language: string;
  status: 'approved' | 'pending' | 'rejected' | 'paused';
  raw: string;
  at: string;
}

export type ChannelEvent = Receipt | Inbound | ContactBlocked | AddressChanged | TemplateChanged;

export interface Webhook<C> {
  /** Answers a provider's own set-up request; null: this is no handshake. */
  handshake?(request: RawRequest, cfg: C): HttpReply | null;
  /** Over the raw bytes, in constant time. */
  verify(request: RawRequest, cfg: C): 'ok' | 'bad' | 'unsigned';
  /** Called after `verify`; a body that is not of the provider's shape gives no events and status 400. */
  parse(request: RawRequest, cfg: C): Promise<{ events: ChannelEvent[]; reply: HttpReply }>;
}

export interface ChannelPlugin<C = unknown> {
  readonly type: ChannelType;
  readonly provider: string;
  /** Fields marked `.meta({ secret: true })` are credentials: encrypted at rest, never shown, redacted. */
  readonly configSchema: ZodType<C>;
  capabilities(cfg: C): Capabilities;
  /** The from addresses that are connected; empty where the channel has one sender (R74). */
  mailboxes(cfg: C): string[];
  /** ONE attempt: no retry, no sleeping inside; a failure is data, only our own faults throw. */
  send(message: OutboundMessage, ctx: SendCtx<C>): Promise<SendOutcome>;
  /** Pure and table-driven. */
  classifyError(error: unknown): Failure;
  webhook?: Webhook<C>;
  /** Closes pooled connections. */
  close?(): Promise<void>;
}
