/** Writes what a provider answered: the attempt, its recipients, the message's status and the lasting marks, in one transaction. */

import { eq, type SQL, sql } from 'drizzle-orm';
import { type Failure, meaningOf } from '../domain/failure.js';
import { adoptReceipts, type AttemptRow, doubtAttempt, doubtful, leftInDoubt, moveAttempt } from './attempts.js';
import type { Database, Queryable } from './connect.js';
import { recordEvent } from './events.js';
import { leaveMark, markTrouble, rememberCanonical } from './marks.js';
import { raisedTo, raiseMessageStatus } from './messages.js';
import { leaveSignal } from './outbox.js';
import { heedReceipt, provable, proveSent } from './proofs.js';
import { attemptRecipients, attempts } from './schema/index.js';

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

/**
 * Settles an attempt with its owner's own answer. An attempt that was put in doubt meanwhile is reconciled, and its run is told;
 * against a person's word or a repeat only an acceptance counts. `unwaited`: its run has turned to the ledger meanwhile, and is told too.
 * Safe to repeat.
 */
export async function settleAttempt(db: Database, attemptId: string, answer: Answer, { unwaited = false } = {}): Promise<void> {
  await db.transaction(async (tx) => {
    const accepted = answer.kind === 'accepted' ? await acceptInTime(tx, attemptId, answer) : null;
    const row = accepted ?? (await lockAttempt(tx, attemptId));
    if (unwaited) await markTrouble(tx, row.channelId!);
    const late = accepted === null && row.state !== 'sending';
    if (late && !(answer.kind === 'accepted' ? provable : doubtful).includes(row.state)) return;
    if (late || unwaited) await leaveSignal(tx, row.dispatchId, 'receipt');
    if (answer.kind === 'unknown') {
      if (!late) await doubtAttempt(tx, row, answer.failure);
      return;
    }
    if (answer.kind === 'refused') await settleRefused(tx, row, answer, late);
    else if (late) await settleAcceptedLate(tx, row, answer);
    if (answer.kind === 'accepted' && !answer.sentWithoutReceipt) await meetReceipts(tx, row, answer);
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
  });
}

async function lockAttempt(tx: Queryable, attemptId: string): Promise<AttemptRow> {
  const [row] = await tx.select().from(attempts).where(eq(attempts.id, attemptId)).for('no key update');
  if (!row) throw new Error(`There is no attempt ${attemptId}.`);
  return row;
}

/** Answers travel without addresses; they are looked up where they are written. A contact point may be removed during a send. */
function addressAt(row: AttemptRow, position: number) {
  return position === 0
    ? sql<string>`coalesce((select address from contact_points where id = ${row.contactPointId}), '(removed)')`
    : sql<string>`(select rendered->'bcc'->>(${position - 1}::int) from dispatch_revisions where dispatch_id = ${row.dispatchId} and revision = ${row.revision})`;
}

type Accepted = Extract<Answer, { kind: 'accepted' }>;

/** The common case in one statement: its owner settles what is still `sending`. Null when it is not. */
async function acceptInTime(tx: Queryable, attemptId: string, { externalIds, sentWithoutReceipt }: Accepted): Promise<AttemptRow | null> {
  const [row] = await tx.execute<{ dispatch_id: string; attempt_no: number; revision: number; channel_id: string; contact_point_id: string }>(sql`
    with moved as (
      update attempts set state = 'accepted', finished_at = now(), external_ids = ${asArray(externalIds)}
      where id = ${attemptId} and state = 'sending' returning *),
    ${standsAsSent(externalIds, sentWithoutReceipt)}
    select dispatch_id, attempt_no, revision, channel_id, contact_point_id from moved`);
  if (!row) return null;
  const { dispatch_id: dispatchId, attempt_no: attemptNo, revision, channel_id: channelId, contact_point_id: contactPointId } = row;
  return { id: attemptId, dispatchId, attemptNo, revision, channelId, contactPointId } as AttemptRow;
}

/** What an acceptance changes besides its attempt, the row `moved`: the provider's ids, the message's status, a pause of the channel, the timeline. */
function standsAsSent(externalIds: readonly string[], sentWithoutReceipt: boolean): SQL {
  return sql`known as (
      insert into attempt_external_ids (channel_id, external_id, attempt_id)
      select channel_id, one, id from moved, unnest(${asArray(externalIds)}) one on conflict do nothing),
    raised as (
      update dispatches d set message_status = ${raisedTo(sentWithoutReceipt ? 'sent' : 'wired')}, in_doubt = false, updated_at = now()
      from moved where d.id = moved.dispatch_id returning d.id, d.message_status),
    entry as (
      update messages m set status = raised.message_status, external_id = coalesce(${externalIds[0] ?? null}, m.external_id)
      from raised where m.dispatch_id = raised.id),
    unpaused as (
      update channels c set paused_reason = null, paused_at = null from moved where c.id = moved.channel_id and c.paused_at is not null),
    told as (
      insert into events (dispatch_id, type, data)
      select dispatch_id, 'delivery.accepted', jsonb_build_object('attemptNo', attempt_no) from moved)`;
}

function asArray(texts: readonly string[]): SQL {
  return sql`array[${sql.join(
    texts.map((one) => sql`${one}`),
    sql`, `,
  )}]::text[]`;
}

async function settleAcceptedLate(tx: Queryable, row: AttemptRow, { externalIds, sentWithoutReceipt }: Accepted): Promise<void> {
  await proveSent(tx, row, { externalIds });
  await tx.execute(sql`with moved as (select * from attempts where id = ${row.id}), ${standsAsSent(externalIds, sentWithoutReceipt)} select 1`);
}

/** Receipts may have come before the answer; the provider's name of the contact point comes with it. */
async function meetReceipts(tx: Queryable, row: AttemptRow, { externalIds, canonicalValue }: Accepted): Promise<void> {
  if (canonicalValue) await rememberCanonical(tx, row.contactPointId!, row.channelId!, canonicalValue);
  // They came before the answer, and change what they would have changed after it (I12).
  for (const receipt of await adoptReceipts(tx, row.channelId!, row.id, externalIds)) await heedReceipt(tx, row, receipt);
}

async function settleRefused(tx: Queryable, row: AttemptRow, answer: Extract<Answer, { kind: 'refused' }>, late: boolean): Promise<void> {
  const { reason, retry } = meaningOf(answer.failure);
  const to = late ? 'reconciled_not_sent' : retry === 'permanent' ? 'refused_permanent' : 'refused_temporary';
  await moveAttempt(tx, row.id, ['sending', 'in_doubt', 'parked'], to, { failure: answer.failure, reason });
  await raiseMessageStatus(tx, row.dispatchId, 'queued', { failure: answer.failure, reason, inDoubt: leftInDoubt(row.dispatchId) });
  await leaveMark(tx, row, answer.failure);
  if (retry === 'retryable' && answer.failure.scope !== 'recipient') await markTrouble(tx, row.channelId!);
  await recordEvent(tx, row.dispatchId, retry === 'permanent' ? 'delivery.failed' : 'delivery.errored', {
    attemptNo: row.attemptNo,
    reason,
    code: answer.failure.provider.code ?? null,
  });
}
