/** Where a dispatch stands: every change is guarded in SQL and leaves an entry in the timeline. */

import { and, eq, inArray, isNull, type SQL, sql } from 'drizzle-orm';
import { type DispatchState, type EndState, statesBefore, type WaitingFor } from '../domain/dispatch.js';
import type { Verdict } from '../domain/eligibility.js';
import { decideEnd, type EndReason } from '../domain/next-step.js';
import { settleOverdue, summariseAttempts } from './attempts.js';
import type { Database, Queryable } from './connect.js';
import { recordEvent } from './events.js';
import { dispatches } from './schema/index.js';
import { raiseMessageStatus } from './messages.js';
import { releaseThread } from './threads.js';

/** In SQL, what a step to a state sets: whatever the dispatch waited for is over. */
export const stepTo = (to: DispatchState): SQL => sql`state = ${to}, waiting_for = null, waiting_since = null, due_at = null, updated_at = now()`;

/** In SQL, whether a dispatch in this state may take that step. */
export const mayStepTo = (to: DispatchState, state: SQL = sql`state`): SQL => inArray(state, statesBefore(to));

/** Moves a dispatch to a state that may follow the one it is in; false when it has moved on. */
export async function moveDispatch(db: Queryable, dispatchId: string, to: DispatchState, more: Partial<typeof dispatches.$inferInsert> = {}): Promise<boolean> {
  const moved = await db
    .update(dispatches)
    .set({ state: to, waitingFor: null, waitingSince: null, dueAt: null, updatedAt: sql`now()`, ...more })
    .where(and(eq(dispatches.id, dispatchId), inArray(dispatches.state, statesBefore(to))))
    .returning({ id: dispatches.id });
  return moved.length > 0;
}

/**
 * Stores a check's verdict and what it decided; false when the dispatch has moved on since its facts were read, so that a check which
 * comes late does not hide where the dispatch stands now. Safe to repeat, from the reading of the facts.
 */
export async function recordVerdict(
  db: Database,
  check: { dispatchId: string; revision: number; verdict: Verdict; asOf: string; choice: { contactPointId: string; chosenBy: string } | null },
): Promise<boolean> {
  const { dispatchId, revision, verdict, asOf, choice } = check;
  const checked = { allowed: verdict.allowed, ask: verdict.ask, codes: verdict.refusals.map((one) => one.code) };
  const [row] = await db.execute<{ recorded: boolean }>(sql`
    with unmoved as (select id, revision from dispatches where id = ${dispatchId} and updated_at = ${asOf}::timestamptz for no key update),
    chosen as (
      insert into recipient_choices (dispatch_id, revision, contact_point_id, chosen_by)
      select id, ${revision}::int, ${choice?.contactPointId ?? null}::uuid, ${choice?.chosenBy ?? null} from unmoved where ${choice !== null}
      on conflict do nothing returning dispatch_id),
    moved as (
      update dispatches d set ${stepTo('checking')},
        verdict = ${JSON.stringify(verdict)}, revision = ${revision}, channel_id = ${verdict.channelId}, contact_point_id = ${verdict.contactPointId}
      from unmoved where d.id = unmoved.id and ${mayStepTo('checking', sql`d.state`)}),
    told as (
      insert into events (dispatch_id, type, data)
      select dispatch_id, 'recipient.chosen', ${JSON.stringify(choice)}::jsonb from chosen
      ${revision === 1 ? sql`` : sql`union all ${templateProvided(revision)}`}
      union all select id, 'eligibility.checked', ${JSON.stringify(checked)}::jsonb from unmoved)
    select exists (select 1 from unmoved) as recorded`);
  return row!.recorded;
}

/** In SQL, the entry for a template that comes into force with this revision: which one, and who gave it. */
const templateProvided = (revision: number): SQL => sql`
  select u.id, 'template.provided', jsonb_build_object('templateId', now.content->>'templateId', 'revision', now.revision, 'by', now.created_by)
  from unmoved u
  join dispatch_revisions now on now.dispatch_id = u.id and now.revision = ${revision}::int
  join dispatch_revisions before on before.dispatch_id = u.id and before.revision = u.revision
  where u.revision < now.revision and now.content->>'kind' = 'template' and now.content is distinct from before.content`;

/** A choice that was made but could not be used stays visible in the timeline. */
export async function recordRefusedChoice(db: Queryable, dispatchId: string, choice: { contactPointId: string; chosenBy: string }): Promise<void> {
  await recordEvent(db, dispatchId, 'recipient.refused', choice);
}

export interface Wait {
  dispatchId: string;
  state: DispatchState;
  waitingFor: WaitingFor;
  /** How long at most, in milliseconds. */
  waitMs: number;
  reason: EndReason | null;
}

/**
 * Enters a wait; `ended`: the dispatch is over, and nothing is waited for. Parked for a person before anything was accepted, it gives its
 * thread back (R97).
 */
export async function recordWait(db: Database, wait: Wait & { releaseThread: boolean }): Promise<{ ended: boolean }> {
  return await db.transaction(async (tx) => {
    const due = sql`now() + make_interval(secs => ${wait.waitMs / 1000})`;
    const moved = await moveDispatch(tx, wait.dispatchId, wait.state, { waitingFor: wait.waitingFor, waitingSince: sql`now()` as never, dueAt: due as never });
    if (!moved) {
      const [row] = await tx.select({ endedAt: dispatches.endedAt }).from(dispatches).where(eq(dispatches.id, wait.dispatchId));
      return { ended: row?.endedAt != null };
    }
    if (wait.releaseThread) await releaseThread(tx, wait.dispatchId);
    await recordEvent(tx, wait.dispatchId, 'wait.began', { state: wait.state, waitingFor: wait.waitingFor, seconds: wait.waitMs / 1000, reason: wait.reason });
    return { ended: false };
  });
}

/** The end in force; or how long an attempt may still take, in milliseconds: a dispatch does not end over one (I4). */
export type Ending = { state: EndState; reason: EndReason | null } | { stillSendingMs: number };

/**
 * Ends a dispatch as the ledger allows (I4) and gives its thread back unless something was accepted. Safe to repeat: the first end
 * stays, and it is the one that is told.
 */
export async function endDispatch(db: Database, end: { dispatchId: string; state: EndState; reason: EndReason | null; actorId?: string }): Promise<Ending> {
  return await db.transaction(async (tx) => {
    const stillSendingMs = await settleOverdue(tx, end.dispatchId);
    if (stillSendingMs > 0) return { stillSendingMs };
    const [row] = await tx
      .select({ state: dispatches.state, endReason: dispatches.endReason, endedAt: dispatches.endedAt, dispositionStatus: dispatches.dispositionStatus })
      .from(dispatches)
      .where(eq(dispatches.id, end.dispatchId))
      .for('no key update');
    if (!row) throw new Error(`There is no dispatch ${end.dispatchId}.`);
    if (row.endedAt) return { state: row.state as EndState, reason: row.endReason as EndReason | null };
    const ledger = await summariseAttempts(tx, end.dispatchId);
    const { accepted } = ledger;
    if (ledger.sending) throw new Error('An attempt began while its dispatch was about to end; it is asked again.');
    const asEnded = decideEnd(end, ledger);
    await tx
      .update(dispatches)
      .set({
        state: asEnded.state,
        endReason: asEnded.reason,
        endedAt: sql`now()`,
        updatedAt: sql`now()`,
        waitingFor: null,
        waitingSince: null,
        dueAt: null,
        ...(row.dispositionStatus === 'pending' ? { dispositionStatus: accepted ? ('failed' as const) : ('not_applicable' as const) } : {}),
      })
      .where(and(eq(dispatches.id, end.dispatchId), isNull(dispatches.endedAt)));
    if (!accepted) await releaseThread(tx, end.dispatchId);
    // No attempt follows any more, so a refusal by receipt counts from now on (4.4).
    if (asEnded.state === 'failed' || (ledger.refusedLate && !accepted)) await raiseMessageStatus(tx, end.dispatchId, 'failed');
    await recordEvent(tx, end.dispatchId, `dispatch.${asEnded.state}`, { reason: asEnded.reason, ...(end.actorId ? { by: end.actorId } : {}) });
    return asEnded;
  });
}
