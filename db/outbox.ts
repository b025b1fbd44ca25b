/** What has to reach Temporal; a row stays until it has (H4). */

import { and, eq, inArray, sql } from 'drizzle-orm';
import type { SenderRole } from '../domain/disposition.js';
import type { Database, Queryable } from './connect.js';
import { dispatchColumns, type StoredDispatch } from './dispatches-read.js';
import { dispatches, outbox } from './schema/index.js';

/** A signal of the system to a run. */
export type SignalKind = 'receipt' | 'client_wrote';

export interface OutboxRow {
  id: number;
  dispatchId: string;
  kind: 'start' | SignalKind;
  tries: number;
}

/** Everything a start needs, from the dispatch's own row. */
export interface StartFacts {
  dispatchId: string;
  clientId: string;
  senderId: string;
  senderRole: SenderRole;
  channelId: string | null;
  channelType: string | null;
  contentKind: string;
  sendEpoch: number;
  parks: boolean;
  deadlines: { choiceMs: number; decisionMs: number; outcomeMs: number };
}

/** Reads the facts of a start; throws when there is no such dispatch. */
export async function loadStart(db: Queryable, dispatchId: string): Promise<StartFacts> {
  const [row] = await db.execute<{ [key: string]: unknown }>(sql`
    select d.id, d.client_id, d.sender_id, d.sender_role, d.send_epoch, d.parks, d.deadlines, r.channel_id, c.type, r.content->>'kind' as content_kind
    from dispatches d
    join dispatch_revisions r on r.dispatch_id = d.id and r.revision = 1
    left join channels c on c.id = r.channel_id
    where d.id = ${dispatchId}`);
  if (!row) throw new Error(`There is no dispatch ${dispatchId}.`);
  const { choiceMs, decisionMs, outcomeMs } = row['deadlines'] as StartFacts['deadlines'];
  return {
    dispatchId,
    clientId: row['client_id'] as string,
    senderId: row['sender_id'] as string,
    senderRole: row['sender_role'] as SenderRole,
    channelId: row['channel_id'] as string | null,
    channelType: row['type'] as string | null,
    contentKind: row['content_kind'] as string,
    sendEpoch: row['send_epoch'] as number,
    parks: row['parks'] as boolean,
    deadlines: { choiceMs, decisionMs, outcomeMs },
  };
}

/** The workflow runs: the order is done. Where the dispatch stands by now. */
export async function completeStart(db: Database, dispatchId: string, runId: string): Promise<StoredDispatch> {
  const done = db.$with('done').as(
    db
      .delete(outbox)
      .where(and(eq(outbox.dispatchId, dispatchId), eq(outbox.kind, 'start')))
      .returning({ id: outbox.id }),
  );
  const [row] = await db.with(done).update(dispatches).set({ runId }).where(eq(dispatches.id, dispatchId)).returning(dispatchColumns);
  return row!;
}

/** Leaves word for a run; the caller's transaction decides whether it was said. */
export async function leaveSignal(db: Queryable, dispatchId: string, kind: SignalKind): Promise<void> {
  await db.insert(outbox).values({ dispatchId, kind });
  await db.execute(sql`select pg_notify('waybill_relay', 'outbox')`);
}

/** Asks for a start again, for a dispatch whose run is gone; harmless when one is asked for already (H14). */
export async function askForStart(db: Queryable, dispatchId: string): Promise<void> {
  await db.insert(outbox).values({ dispatchId, kind: 'start' }).onConflictDoNothing();
}

/** Takes due rows for `leaseSeconds`, oldest first; nobody else gets them meanwhile. */
export async function leaseOutbox(db: Database, limit: number, leaseSeconds: number): Promise<OutboxRow[]> {
  const rows = await db.execute<{ id: string; dispatch_id: string; kind: OutboxRow['kind']; tries: number }>(sql`
    update outbox set leased_until = now() + make_interval(secs => ${leaseSeconds}), tries = tries + 1
    where id in (select id from outbox where leased_until <= now() order by id limit ${limit} for update skip locked)
    returning id, dispatch_id, kind, tries`);
  return rows.map((row) => ({ id: Number(row.id), dispatchId: row.dispatch_id, kind: row.kind, tries: row.tries })).toSorted((a, b) => a.id - b.id);
}

/** These rows have reached Temporal. */
export async function deleteOutbox(db: Queryable, ids: readonly number[]): Promise<void> {
  if (ids.length > 0) await db.delete(outbox).where(inArray(outbox.id, [...ids]));
}

/** True when a start is still to be made. */
export async function hasStart(db: Queryable, dispatchId: string): Promise<boolean> {
  const rows = await db
    .select({ id: outbox.id })
    .from(outbox)
    .innerJoin(dispatches, eq(dispatches.id, outbox.dispatchId))
    .where(and(eq(outbox.dispatchId, dispatchId), eq(outbox.kind, 'start')));
  return rows.length > 0;
}
