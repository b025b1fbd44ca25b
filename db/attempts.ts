/** The ledger of hand-overs: written before the call, settled after it; asking about an attempt is a write (H1–H3, H11, H12). */

import { and, eq, inArray, isNull, type SQL, sql } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import type { AttemptState } from '../domain/attempt.js';
import type { Verdict } from '../domain/eligibility.js';
import { type Failure, meaningOf } from '../domain/failure.js';
import type { AttemptOutcome, LedgerSummary } from '../domain/next-step.js';
import type { Queryable } from './connect.js';
import { recordEvent } from './events.js';
import { markTrouble } from './marks.js';
import { raiseMessageStatus } from './messages.js';
import { attempts, dispatches, receipts } from './schema/index.js';

export type AttemptRow = typeof attempts.$inferSelect;

export async function findAttempt(db: Queryable, dispatchId: string, attemptNo: number): Promise<AttemptRow | null> {
  const [row] = await db
    .select()
    .from(attempts)
    .where(and(eq(attempts.dispatchId, dispatchId), eq(attempts.attemptNo, attemptNo)));
  return row ?? null;
}

/** How far a dispatch has come: its latest attempt, or the one that a newer revision of its content is to have. */
export interface Position {
  attemptNo: number;
  generation: number;
  revision: number;
}

/** What stands before an attempt of a dispatch. */
export interface LookBack {
  /** The dispatch is over, whoever ended it. */
  ended: boolean;
  /** The latest earlier attempt that nobody can tell about. */
  doubtedId: string | null;
}

/** Nobody can tell whether an attempt in one of these left. */
export const doubtful: readonly AttemptState[] = ['in_doubt', 'parked'];

/**
 * Looks back before a claim and holds what it saw: neither a late sender nor an end comes between. Attempts are locked before their
 * dispatch, as every writer does.
 */
export async function lookBack(tx: Queryable, dispatchId: string, attemptNo: number): Promise<LookBack> {
  const [row] = await tx.execute<{ ended: boolean; doubted_id: string | null }>(sql`
    with before as materialized (
      select id, attempt_no, state from attempts
      where dispatch_id = ${dispatchId} and (attempt_no = ${attemptNo} or (attempt_no < ${attemptNo} and ${inArray(attempts.state, [...doubtful])}))
      order by attempt_no for no key update),
    doubted as (select id from before where attempt_no < ${attemptNo} order by attempt_no desc limit 1)
    select d.ended_at is not null as ended, (select id from doubted) as doubted_id
    from dispatches d where d.id = ${dispatchId} and (select count(*) from before) >= 0 for no key update of d`);
  return { ended: row?.ended ?? false, doubtedId: row?.doubted_id ?? null };
}

export interface NewAttempt {
  id: string;
  dispatchId: string;
  attemptNo: number;
  generation: number;
  revision: number;
  channelId: string;
  contactPointId: string;
  verdict: Verdict;
  /** From now, by the database's clock. */
  sendDeadlineMs: number;
  /** The attempt in doubt that this one follows. */
  repeatsAttemptId: string | null;
}

/**
 * Inserts `sending`; null when the number is taken, so whoever came first goes on and this one stops (H3). Whatever follows an attempt
 * in doubt is a possible duplicate, and the dispatch says so.
 */
export async function insertAttempt(tx: Queryable, attempt: NewAttempt): Promise<AttemptRow | null> {
  const { sendDeadlineMs, ...row } = attempt;
  const [inserted] = await tx
    .insert(attempts)
    .values({ state: 'sending', ...row, sendDeadlineAt: sql`now() + make_interval(secs => ${sendDeadlineMs / 1000})` })
    .onConflictDoNothing()
    .returning();
  if (!inserted) return null;
  if (attempt.repeatsAttemptId !== null) {
    await moveAttempt(tx, attempt.repeatsAttemptId, doubtful, 'resent_possible_duplicate');
    await tx.update(dispatches).set({ possibleDuplicate: true }).where(eq(dispatches.id, attempt.dispatchId));
  }
  return inserted;
}

/** Moves an attempt on from one of these states; false when somebody was first. */
export async function moveAttempt(
  tx: Queryable,
  attemptId: string,
  from: readonly AttemptState[],
  to: AttemptState,
  more: Partial<typeof attempts.$inferInsert> = {},
): Promise<boolean> {
  const moved = await tx
    .update(attempts)
    .set({ state: to, finishedAt: sql`now()`, ...more })
    .where(and(eq(attempts.id, attemptId), inArray(attempts.state, [...from])))
    .returning({ id: attempts.id });
  return moved.length > 0;
}

/** What the row says of the attempt; a row still `sending` answers how long its owner may take. */
export async function readOutcome(db: Queryable, row: AttemptRow): Promise<AttemptOutcome> {
  switch (row.state) {
    case 'accepted':
    case 'reconciled_sent':
      return { kind: 'accepted' };
    case 'refused_temporary':
    case 'refused_permanent':
      return { kind: 'refused', failure: row.failure! };
    case 'in_doubt':
    case 'parked':
      return { kind: 'unknown', failure: row.failure ?? noReply };
    case 'superseded':
      return { kind: 'not_sent' };
    case 'reconciled_not_sent':
      return { kind: 'decided', fresh: true };
    case 'resent_possible_duplicate':
      return { kind: 'decided', fresh: false };
    case 'sending': {
      const [left] = await db.execute<{ ms: number }>(
        sql`select ceil(greatest(0, extract(epoch from ${row.sendDeadlineAt!.toISOString()}::timestamptz - now())) * 1000)::int as ms`,
      );
      return left!.ms > 0 ? { kind: 'still_sending', waitMs: left!.ms + 50 } : { kind: 'unknown', failure: noReply };
    }
  }
}

const noReply: Failure = { class: 'unknown', scope: 'message', provider: { message: 'The attempt ended without an answer.' } };

/**
 * Asks what became of an attempt, for good: without a row one is written as `superseded`, so that a late sender finds its number
 * taken; a row past its deadline becomes `in_doubt`, unless a receipt has come. Runs in the caller's transaction. Safe to repeat.
 */
export async function askLedger(tx: Queryable, dispatchId: string, attemptNo: number, generation: number, revision: number): Promise<AttemptOutcome> {
  if (await insertSettled(tx, { dispatchId, attemptNo, generation, revision }, 'superseded')) return { kind: 'not_sent' };
  const [row] = await tx
    .select()
    .from(attempts)
    .where(and(eq(attempts.dispatchId, dispatchId), eq(attempts.attemptNo, attemptNo)))
    .for('no key update');
  const outcome = await readOutcome(tx, row!);
  if (row!.state !== 'sending' || outcome.kind !== 'unknown') return outcome;
  return await doubtAttempt(tx, row!, noReply);
}

/** The owner says that nothing left and nothing will: the number is closed, whether its row was written or not. Somebody else's row stays (H11). */
export async function voidAttempt(
  tx: Queryable,
  id: string,
  ref: { dispatchId: string; attemptNo: number; generation: number; revision: number },
): Promise<void> {
  const { dispatchId, attemptNo, generation, revision } = ref;
  await tx
    .insert(attempts)
    .values({ id, dispatchId, attemptNo, generation, revision, state: 'superseded', finishedAt: sql`now()` })
    .onConflictDoUpdate({
      target: [attempts.dispatchId, attempts.attemptNo],
      set: { state: 'superseded', finishedAt: sql`now()` },
      setWhere: sql`${attempts.id} = ${id} and ${attempts.state} = 'sending'`,
    });
}

/** Puts attempts in doubt whose deadline has passed; how long the last of the others may still take, in milliseconds, 0 when there is none. */
export async function settleOverdue(tx: Queryable, dispatchId: string): Promise<number> {
  const open = await tx
    .select()
    .from(attempts)
    .where(and(eq(attempts.dispatchId, dispatchId), eq(attempts.state, 'sending')));
  let leftMs = 0;
  for (const row of open) {
    const outcome = await askLedger(tx, dispatchId, row.attemptNo, row.generation, row.revision);
    if (outcome.kind === 'still_sending') leftMs = Math.max(leftMs, outcome.waitMs);
  }
  return leftMs;
}

/** True when its receipts refuse an attempt: one failed, and none tells that it arrived all the same (4.4). Null without receipts. */
export const refusedByReceipt = (attemptId: SQL): SQL<boolean> =>
  sql`(select bool_or(r.status = 'failed') and not bool_or(r.status in ('delivered', 'read')) from receipts r where r.attempt_id = ${attemptId})`;

/** True when a provider has accepted an attempt of this dispatch and has not refused it since, by receipt. */
export const acceptedInForce = (dispatchId: SQL): SQL<boolean> => sql`exists (select 1 from attempts a
  where a.dispatch_id = ${dispatchId} and a.state in ('accepted', 'reconciled_sent') and ${refusedByReceipt(sql`a.id`)} is not true)`;

/** What the attempts of a dispatch come to; `refusedLate`: one that was accepted has been refused by receipt. */
export async function summariseAttempts(tx: Queryable, dispatchId: string): Promise<LedgerSummary & { sending: boolean; refusedLate: boolean }> {
  const [row] = await tx.execute<{ accepted: boolean; open: boolean; sending: boolean; refusedLate: boolean }>(sql`
    select ${acceptedInForce(sql`${dispatchId}`)} as accepted,
      coalesce(bool_or(state in ('sending', 'in_doubt', 'parked', 'resent_possible_duplicate')), false) as open,
      coalesce(bool_or(state = 'sending'), false) as sending,
      coalesce(bool_or(${refusedByReceipt(sql`attempts.id`)}), false) as "refusedLate"
    from attempts where dispatch_id = ${dispatchId}`);
  return row!;
}

/** Written where another attempt is settled: whether nobody can tell about one of this dispatch, be it one that was repeated since. */
export const leftInDoubt = (dispatchId: string): SQL<boolean> =>
  sql`exists (select 1 from attempts where dispatch_id = ${dispatchId} and state in ('in_doubt', 'parked', 'resent_possible_duplicate'))`;

/** A row for an attempt that was never written here: its end is a person's word. False when there is one already. */
export async function insertSettled(
  tx: Queryable,
  ref: { dispatchId: string; attemptNo: number; generation: number; revision: number },
  state: AttemptState,
): Promise<boolean> {
  const { dispatchId, attemptNo, generation, revision } = ref;
  const rows = await tx
    .insert(attempts)
    .values({ id: uuidv7(), dispatchId, attemptNo, generation, revision, state, finishedAt: sql`now()` })
    .onConflictDoNothing()
    .returning({ id: attempts.id });
  return rows.length > 0;
}

/** From `sending` to `in_doubt`; a receipt that came first settles it as sent instead (H7). */
export async function doubtAttempt(tx: Queryable, row: AttemptRow, failure: Failure): Promise<AttemptOutcome> {
  const [receipt] = await tx.select({ id: receipts.id }).from(receipts).where(eq(receipts.attemptId, row.id)).limit(1);
  const to = receipt ? 'reconciled_sent' : 'in_doubt';
  await moveAttempt(tx, row.id, ['sending'], to, { failure, reason: meaningOf(failure).reason });
  await tx
    .update(dispatches)
    .set({ inDoubt: !receipt, updatedAt: sql`now()` })
    .where(eq(dispatches.id, row.dispatchId));
  // Handed over, as far as anybody can tell (4.4).
  await raiseMessageStatus(tx, row.dispatchId, 'wired');
  if (!receipt && row.channelId) await markTrouble(tx, row.channelId);
  await recordEvent(tx, row.dispatchId, receipt ? 'delivery.reconciled' : 'delivery.doubted', { attemptNo: row.attemptNo });
  return receipt ? { kind: 'accepted' } : { kind: 'unknown', failure };
}

/** Receipts that came before the provider's id was known find their attempt now. */
export async function adoptReceipts(
  tx: Queryable,
  channelId: string,
  attemptId: string,
  externalIds: readonly string[],
): Promise<(typeof receipts.$inferSelect)[]> {
  if (externalIds.length === 0) return [];
  return await tx
    .update(receipts)
    .set({ attemptId })
    .where(and(eq(receipts.channelId, channelId), inArray(receipts.externalId, [...externalIds]), isNull(receipts.attemptId)))
    .returning();
}
