/** A client's message: its client, its thread, its place in the history, and what it changes (R10, R68, R95). */

import { and, eq, isNull, sql } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import type { ChannelType, ContactPointKind } from '../domain/channel.js';
import { toOneLine } from '../domain/one-line.js';
import { threadScopeKey } from '../domain/thread.js';
import type { Queryable } from './connect.js';
import { leaveSignal } from './outbox.js';
import { channels, contactPointChannels, contactPoints, dispatches, messages, optOuts, settings } from './schema/index.js';
import { findOrCreateClient } from './submit.js';
import { joinThread } from './threads.js';

export interface InboundMessage {
  channelId: string;
  from: { kind: ContactPointKind; value: string; address: string };
  /** The provider's own name for the sender, where it differs. */
  canonicalValue: string | null;
  /** The mailbox or number of ours that was written to. */
  to: string | null;
  displayName: string | null;
  externalId: string;
  subject: string | null;
  text: string;
  at: Date;
}

/** Part of the transaction that marks the event applied. An unknown sender becomes a client. */
export async function applyInbound(tx: Queryable, inbound: InboundMessage): Promise<void> {
  const [channel] = await tx.select({ id: channels.id, type: channels.type }).from(channels).where(eq(channels.id, inbound.channelId));
  if (!channel) throw new Error(`There is no channel ${inbound.channelId}.`);
  const { clientId, contactPointId } = await findSender(tx, inbound);
  await rememberContact(tx, contactPointId, inbound);
  await liftOptOuts(tx, contactPointId, channel.type);
  const scope = await readScope(tx);
  const thread = await joinThread(tx, { clientId, channel, scopeKey: threadScopeKey(scope, clientId, channel.id), at: inbound.at });
  await tx.insert(messages).values({
    id: uuidv7(),
    threadId: thread.threadId,
    direction: 'inbound',
    authorId: clientId,
    subject: inbound.subject,
    text: inbound.text,
    status: 'delivered',
    externalId: inbound.externalId,
  });
  if (thread.claimedBy) await tellDispatch(tx, thread.claimedBy);
}

async function findSender(tx: Queryable, inbound: InboundMessage): Promise<{ clientId: string; contactPointId: string }> {
  const byCanonical =
    inbound.canonicalValue === null
      ? []
      : await tx
          .select({ clientId: contactPoints.clientId, contactPointId: contactPoints.id })
          .from(contactPointChannels)
          .innerJoin(contactPoints, eq(contactPoints.id, contactPointChannels.contactPointId))
          .where(and(eq(contactPointChannels.channelId, inbound.channelId), eq(contactPointChannels.canonicalValue, inbound.canonicalValue)));
  if (byCanonical[0]) return byCanonical[0];
  const { kind, value, address } = inbound.from;
  const clientId = await findOrCreateClient(tx, { kind, value, address, name: toOneLine(inbound.displayName ?? '').trim() || 'Unknown sender' });
  const [point] = await tx
    .select({ id: contactPoints.id })
    .from(contactPoints)
    .where(and(eq(contactPoints.kind, kind), eq(contactPoints.value, value)));
  return { clientId, contactPointId: point!.id };
}

/** Opens or extends the session window, and clears the mark that the contact point cannot receive. */
async function rememberContact(tx: Queryable, contactPointId: string, inbound: InboundMessage): Promise<void> {
  const { channelId, at, to } = inbound;
  await tx
    .insert(contactPointChannels)
    .values({ contactPointId, channelId, lastInboundAt: at, lastInboundTo: to, canonicalValue: inbound.canonicalValue })
    .onConflictDoUpdate({
      target: [contactPointChannels.contactPointId, contactPointChannels.channelId],
      set: {
        lastInboundAt: sql`greatest(${contactPointChannels.lastInboundAt}, excluded.last_inbound_at)`,
        lastInboundTo: sql`coalesce(excluded.last_inbound_to, ${contactPointChannels.lastInboundTo})`,
        undeliverableAt: null,
        undeliverableReason: null,
      },
    });
}

/** An opt-out that the provider reported holds until the client writes. */
async function liftOptOuts(tx: Queryable, contactPointId: string, channelType: ChannelType): Promise<void> {
  await tx
    .update(optOuts)
    .set({ liftedAt: sql`now()` })
    .where(and(eq(optOuts.contactPointId, contactPointId), eq(optOuts.channelType, channelType), eq(optOuts.origin, 'provider'), isNull(optOuts.liftedAt)));
}

async function readScope(tx: Queryable): Promise<'client' | 'channel'> {
  const [row] = await tx.select({ value: settings.value }).from(settings).where(eq(settings.key, 'activeThreadScope'));
  return row?.value === 'channel' ? 'channel' : 'client';
}

async function tellDispatch(tx: Queryable, dispatchId: string): Promise<void> {
  const [open] = await tx
    .select({ id: dispatches.id })
    .from(dispatches)
    .where(and(eq(dispatches.id, dispatchId), isNull(dispatches.endedAt)));
  if (open) await leaveSignal(tx, dispatchId, 'client_wrote');
}
