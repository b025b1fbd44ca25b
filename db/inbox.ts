/** What providers told us: stored before they are answered, applied afterwards, once (H7). */

import { and, eq, isNull, sql } from 'drizzle-orm';
import type { Database, Queryable } from './connect.js';
import { inbox } from './schema/index.js';

export interface ChannelEventRow {
  eventId: string;
  kind: string;
  event: Record<string, unknown>;
}

export interface InboxRow extends ChannelEventRow {
  id: number;
  channelId: string;
}

/** Stores what is new and wakes the relay; tells how many were new. One parameter carries them all: their number is the provider's choice. */
export async function storeEvents(db: Queryable, channelId: string, events: readonly ChannelEventRow[]): Promise<number> {
  if (events.length === 0) return 0;
  const rows = await db.execute(sql`
    insert into inbox (channel_id, event_id, kind, event)
    select ${channelId}, one."eventId", one.kind, one.event
    from jsonb_to_recordset(${JSON.stringify(events)}::jsonb) as one("eventId" text, kind text, event jsonb)
    on conflict do nothing
    returning id`);
  if (rows.length > 0) await db.execute(sql`select pg_notify('waybill_relay', 'inbox')`);
  return rows.length;
}

/** Events that wait to be applied, oldest first: receipts after all others, of which there are few, and last those that failed often. */
export async function listUnapplied(db: Queryable, limit: number): Promise<{ id: number; isReceipt: boolean }[]> {
  const isReceipt = sql<boolean>`${inbox.kind} = 'receipt'`;
  return await db
    .select({ id: inbox.id, isReceipt })
    .from(inbox)
    .where(isNull(inbox.appliedAt))
    .orderBy(sql`tries > 3`, isReceipt, inbox.id)
    .limit(limit);
}

/** Locks one event for the caller's transaction; null when it is applied or in other hands. */
export async function lockEvent(tx: Queryable, id: number): Promise<InboxRow | null> {
  const [row] = await tx
    .select()
    .from(inbox)
    .where(and(eq(inbox.id, id), isNull(inbox.appliedAt)))
    .for('update', { skipLocked: true });
  return row ? { id: row.id, channelId: row.channelId, eventId: row.eventId, kind: row.kind, event: row.event } : null;
}

/** Part of the transaction that applies the event. */
export async function markApplied(tx: Queryable, id: number): Promise<void> {
  await tx
    .update(inbox)
    .set({ appliedAt: sql`now()` })
    .where(eq(inbox.id, id));
}

/** An event that could not be applied is tried again, later each time it fails. */
export async function countFailure(db: Database, id: number): Promise<void> {
  await db
    .update(inbox)
    .set({ tries: sql`tries + 1` })
    .where(eq(inbox.id, id));
}
