/** Writes what a provider answered: the attempt, its recipients, the message's status and the lasting marks, in one transaction. */

import { and, eq, exists, gt, isNotNull, notInArray, sql } from 'drizzle-orm';
import { type Failure, meaningOf } from '../domain/failure.js';
import { provesHandOver } from '../domain/receipt.js';
import { adoptReceipts, type AttemptRow, doubtAttempt, moveAttempt } from './attempts.js';
import type { Database, Queryable } from './connect.js';
import { recordEvent } from './events.js';
import { leaveMark, rememberCanonical } from './marks.js';
import { raiseMessageStatus } from './messages.js';
import { leaveSignal } from './outbox.js';
import { attemptExternalIds, attemptRecipients, attempts, type AttemptState, channels, dispatches } from './schema/index.js';

/** One address of the envelope, by its place: 0 is the To address, the others are the BCC addresses in their order (H10). */
export interface SettledRecipient {
  position: number;
  status: 'accepted' | 'refused';
  failure?: Failure;
}

/** A provider's answer to one attempt, plain data. */
export type Answer =
  | { kind: 'accepted'; externalIds: string[]; canonicalValue: string | null; recipients: SettledRecipient[]; sentWithoutReceipt: boolean }
  | { kind: 'refused'; failure: Failure; recipients: SettledRecipient[] }
  | { kind: 'unknown'; failure: Failure };

/** What nobody can tell about, and what somebody settled without knowing: a proof that the message left counts in all of them. */
const doubtful: readonly AttemptState[] = ['in_doubt', 'parked'];
const provable: readonly AttemptState[] = [...doubtful, 'resent_possible_duplicate', 'reconciled_not_sent'];

/**
 * Settles an attempt with its owner's own answer. An attempt that was put in doubt meanwhile is reconciled, and its run is told;
 * against a person's word or a repeat only an acceptance counts. Safe to repeat.
 */
export async function settleAttempt(db: Database, attemptId: string, answer: Answer): Promise<void> {
  await db.transaction(async (tx) => {
    const [row] = await tx.select().from(attempts).where(eq(attempts.id, attemptId)).for('no key update');
    if (!row) throw new Error(`There is no attempt ${attemptId}.`);
    const late = row.state !== 'sending';
    if (late && !(answer.kind === 'accepted' ? provable : doubtful).includes(row.state)) return;
    if (answer.kind === 'unknown') {
      if (!late) await doubtAttempt(tx, row, answer.failure);
      return;
    }
    if (answer.kind === 'accepted') await settleAccepted(tx, row, answer, late);
    else await settleRefused(tx, row, answer, late);
    if (answer.recipients.length > 0) {
      await tx
        .insert(attemptRecipients)
        .values(
          answer.recipients.map((one) => ({
            attemptId,
            role: one.position === 0 ? ('to' as const) : ('bcc' as const),
            address: addressAt(row, one.position),
            ...one,
          })),
        )
        .onConflictDoNothing();
    }
    if (late) await leaveSignal(tx, row.dispatchId, 'receipt');
  });
}

/** Answers travel without addresses; they are looked up where they are written. A contact point may be removed during a send. */
function addressAt(row: AttemptRow, position: number) {
  return position === 0
    ? sql<string>`coalesce((select address from contact_points where id = ${row.contactPointId}), '(removed)')`
    : sql<string>`(select rendered->'bcc'->>(${position - 1}::int) from dispatch_revisions where dispatch_id = ${row.dispatchId} and revision = ${row.revision})`;
}

async function settleAccepted(tx: Queryable, row: AttemptRow, answer: Extract<Answer, { kind: 'accepted' }>, late: boolean): Promise<void> {
  const { externalIds } = answer;
  if (late) await proveSent(tx, row, { externalIds });
  else await moveAttempt(tx, row.id, ['sending'], 'accepted', { externalIds });
  await tx
    .update(dispatches)
    .set({ inDoubt: false, updatedAt: sql`now()` })
    .where(eq(dispatches.id, row.dispatchId));
  const channelId = row.channelId!;
  if (answer.externalIds.length > 0) {
    await tx
      .insert(attemptExternalIds)
      .values(answer.externalIds.map((externalId) => ({ channelId, externalId, attemptId: row.id })))
      .onConflictDoNothing();
  }
  if (answer.canonicalValue) await rememberCanonical(tx, row.contactPointId!, channelId, answer.canonicalValue);
  const externalId = answer.externalIds[0];
  await raiseMessageStatus(tx, row.dispatchId, answer.sentWithoutReceipt ? 'sent' : 'wired', externalId ? { externalId } : {});
  for (const receipt of await adoptReceipts(tx, channelId, row.id, answer.externalIds)) {
    // The run reads them and decides; until then a refusal is shown and the message is not failed (4.4).
    const raised = receipt.status === 'failed' ? 'queued' : receipt.status;
    await raiseMessageStatus(tx, row.dispatchId, raised, receipt.failure ? { failure: receipt.failure, reason: receipt.reason ?? 'UNLISTED' } : {});
  }
  // The provider takes our messages again.
  await tx
    .update(channels)
    .set({ pausedReason: null, pausedAt: null })
    .where(and(eq(channels.id, channelId), isNotNull(channels.pausedAt)));
  await recordEvent(tx, row.dispatchId, 'delivery.accepted', { attemptNo: row.attemptNo });
}

async function settleRefused(tx: Queryable, row: AttemptRow, answer: Extract<Answer, { kind: 'refused' }>, late: boolean): Promise<void> {
  const { reason, retry } = meaningOf(answer.failure);
  const to = late ? 'reconciled_not_sent' : retry === 'permanent' ? 'refused_permanent' : 'refused_temporary';
  await moveAttempt(tx, row.id, ['sending', 'in_doubt', 'parked'], to, { failure: answer.failure, reason });
  await raiseMessageStatus(tx, row.dispatchId, 'queued', { failure: answer.failure, reason });
  await tx
    .update(dispatches)
    .set({ inDoubt: false, updatedAt: sql`now()` })
    .where(eq(dispatches.id, row.dispatchId));
  await leaveMark(tx, row, answer.failure);
  await recordEvent(tx, row.dispatchId, retry === 'permanent' ? 'delivery.failed' : 'delivery.errored', {
    attemptNo: row.attemptNo,
    reason,
    code: answer.failure.provider.code ?? null,
  });
}

/** A receipt on an attempt that nobody could tell about, or that somebody took for lost, settles it as sent. */
export async function reconcileByReceipt(tx: Queryable, row: AttemptRow, status: Parameters<typeof provesHandOver>[0]): Promise<boolean> {
  if (!provesHandOver(status) || !(await proveSent(tx, row, {}))) return false;
  await recordEvent(tx, row.dispatchId, 'delivery.reconciled', { attemptNo: row.attemptNo });
  return true;
}

/** What followed an attempt that left after all may be a second copy, and the dispatch says so (I2). */
async function proveSent(tx: Queryable, row: AttemptRow, more: Partial<typeof attempts.$inferInsert>): Promise<boolean> {
  if (!(await moveAttempt(tx, row.id, provable, 'reconciled_sent', more))) return false;
  const nothingLeft: AttemptState[] = ['superseded', 'refused_temporary', 'refused_permanent', 'reconciled_not_sent'];
  const followed = tx
    .select({ one: sql`1` })
    .from(attempts)
    .where(and(eq(attempts.dispatchId, row.dispatchId), gt(attempts.attemptNo, row.attemptNo), notInArray(attempts.state, nothingLeft)));
  await tx
    .update(dispatches)
    .set({ inDoubt: false, possibleDuplicate: sql`${dispatches.possibleDuplicate} or ${exists(followed)}` })
    .where(eq(dispatches.id, row.dispatchId));
  return true;
}
