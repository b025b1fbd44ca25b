/** What a receipt or a late answer proves of an attempt, and what follows from it for the dispatch (R99, R103, I2, I12). */

import { eq, sql } from 'drizzle-orm';
import type { AttemptState } from '../domain/attempt.js';
import { type Failure, meaningOf } from '../domain/failure.js';
import { type MessageStatus, provesHandOver } from '../domain/receipt.js';
import { type AttemptRow, doubtful, leftInDoubt, moveAttempt, summariseAttempts } from './attempts.js';
import type { Queryable } from './connect.js';
import { recordEvent } from './events.js';
import { leaveMark } from './marks.js';
import { raiseMessageStatus } from './messages.js';
import { leaveSignal } from './outbox.js';
import { type attempts, dispatches } from './schema/index.js';

/** What nobody can tell about, and what somebody settled without knowing: a proof that the message left counts in all of them. */
export const provable: readonly AttemptState[] = [...doubtful, 'resent_possible_duplicate', 'reconciled_not_sent'];

/** Changes what a receipt changes, also after the dispatch has ended; the same whether it came before the provider's answer or after it. */
export async function heedReceipt(tx: Queryable, row: AttemptRow, receipt: { status: MessageStatus; failure: Failure | null }): Promise<void> {
  const { dispatchId, attemptNo } = row;
  const { status, failure } = receipt;
  const reason = failure ? meaningOf(failure).reason : null;
  if (provesHandOver(status) && (await proveSent(tx, row, {}))) await recordEvent(tx, dispatchId, 'delivery.reconciled', { attemptNo });
  // Locked: it has ended before this receipt, or it ends after it and sees it.
  const [open] = await tx
    .select({ endedAt: dispatches.endedAt, followed: isFollowed(row) })
    .from(dispatches)
    .where(eq(dispatches.id, dispatchId))
    .for('no key update');
  // It was taken for refused, so another one followed; now there are two (I2).
  if (open?.followed && (status === 'delivered' || status === 'read'))
    await tx.update(dispatches).set({ possibleDuplicate: true }).where(eq(dispatches.id, dispatchId));
  // What refuses one attempt says nothing of another that was accepted.
  const beside = status === 'failed' && (await summariseAttempts(tx, dispatchId)).accepted;
  // While the dispatch runs another attempt may follow, so a refusal is shown but does not make the message failed (4.4).
  const raised = status === 'failed' && (beside || !open?.endedAt) ? 'queued' : status;
  await raiseMessageStatus(tx, dispatchId, raised, {
    ...(failure ? { failure, reason: reason! } : {}),
    ...(status === 'failed' && !beside ? { inDoubt: leftInDoubt(dispatchId) } : {}),
  });
  if (failure) await leaveMark(tx, row, failure);
  await recordEvent(tx, dispatchId, 'receipt.arrived', { attemptNo, status, ...(reason ? { reason } : {}) });
  if (open && !open.endedAt) await leaveSignal(tx, dispatchId, 'receipt');
}

/** From a doubt to `reconciled_sent`; what followed an attempt that left after all may be a second copy, and the dispatch says so (I2). */
export async function proveSent(tx: Queryable, row: AttemptRow, more: Partial<typeof attempts.$inferInsert>): Promise<boolean> {
  if (!(await moveAttempt(tx, row.id, provable, 'reconciled_sent', more))) return false;
  await tx
    .update(dispatches)
    .set({ inDoubt: false, updatedAt: sql`now()`, possibleDuplicate: sql`${dispatches.possibleDuplicate} or ${isFollowed(row)}` })
    .where(eq(dispatches.id, row.dispatchId));
  return true;
}

/** In SQL: an attempt after this one may have left. */
function isFollowed(row: AttemptRow) {
  const nothingLeft = ['superseded', 'refused_temporary', 'refused_permanent', 'reconciled_not_sent'];
  return sql<boolean>`exists (select 1 from attempts a
    where a.dispatch_id = ${row.dispatchId} and a.attempt_no > ${row.attemptNo} and a.state not in ${nothingLeft})`;
}
