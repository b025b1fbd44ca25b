/** Writes what a provider answered: the attempt, its recipients, the message's status and the lasting marks, in one transaction. */

import { and, eq, isNotNull, sql } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import { type Failure, meaningOf } from '../domain/failure.js';
import { provesHandOver } from '../domain/receipt.js';
import { adoptReceipts, type AttemptRow, doubtAttempt, moveAttempt } from './attempts.js';
import type { Database, Queryable } from './connect.js';
import { recordEvent } from './events.js';
import { raiseMessageStatus } from './messages.js';
import { leaveSignal } from './outbox.js';
import { attemptExternalIds, attemptRecipients, attempts, blocks, channels, contactPointChannels, dispatches, optOuts, templates } from './schema/index.js';

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
 * one that a person or a repeat has settled stays as it is. Safe to repeat.
 */
export async function settleAttempt(db: Database, attemptId: string, answer: Answer): Promise<void> {
  await db.transaction(async (tx) => {
    const [row] = await tx.select().from(attempts).where(eq(attempts.id, attemptId)).for('no key update');
    if (!row) throw new Error(`There is no attempt ${attemptId}.`);
    const late = row.state === 'in_doubt' || row.state === 'parked';
    if (row.state !== 'sending' && !late) return;
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

/** Answers travel without addresses; they are looked up where they are written. */
function addressAt(row: AttemptRow, position: number) {
  return position === 0
    ? sql<string>`(select address from contact_points where id = ${row.contactPointId})`
    : sql<string>`(select rendered->'bcc'->>(${position - 1}::int) from dispatch_revisions where dispatch_id = ${row.dispatchId} and revision = ${row.revision})`;
}

async function settleAccepted(tx: Queryable, row: AttemptRow, answer: Extract<Answer, { kind: 'accepted' }>, late: boolean): Promise<void> {
  await moveAttempt(tx, row.id, ['sending', 'in_doubt', 'parked'], late ? 'reconciled_sent' : 'accepted', { externalIds: answer.externalIds });
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
    await raiseMessageStatus(tx, row.dispatchId, receipt.status, receipt.failure ? { failure: receipt.failure, reason: receipt.reason ?? 'UNLISTED' } : {});
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

/** The provider's own name of a contact point, to match what it sends us; the first one to claim it keeps it. */
async function rememberCanonical(tx: Queryable, contactPointId: string, channelId: string, canonicalValue: string): Promise<void> {
  await tx.execute(sql`
    insert into contact_point_channels (contact_point_id, channel_id, canonical_value)
    select ${contactPointId}, ${channelId}, ${canonicalValue}
    where not exists (select 1 from contact_point_channels where channel_id = ${channelId} and canonical_value = ${canonicalValue})
    on conflict (contact_point_id, channel_id) do update set canonical_value = excluded.canonical_value`);
}

/** What a refusal changes beyond the dispatch (4.3): a block, an opt-out, an undeliverable mark, a paused template or channel. */
export async function leaveMark(
  tx: Queryable,
  row: Pick<AttemptRow, 'dispatchId' | 'channelId' | 'contactPointId' | 'revision'>,
  failure: Failure,
): Promise<void> {
  const { mark, reason } = meaningOf(failure);
  const channelId = row.channelId!;
  const contactPointId = row.contactPointId!;
  const clientId = sql`(select client_id from dispatches where id = ${row.dispatchId})` as never;
  if (mark === 'block') {
    await tx.insert(blocks).values({ id: uuidv7(), clientId, channelId, contactPointId, origin: 'provider', reason }).onConflictDoNothing();
  } else if (mark === 'opt_out') {
    const channelType = sql`(select type from channels where id = ${channelId})` as never;
    await tx.insert(optOuts).values({ id: uuidv7(), clientId, contactPointId, channelType, origin: 'provider' }).onConflictDoNothing();
  } else if (mark === 'undeliverable') {
    await tx
      .insert(contactPointChannels)
      .values({ contactPointId, channelId, undeliverableReason: reason, undeliverableAt: sql`now()` as never })
      .onConflictDoUpdate({
        target: [contactPointChannels.contactPointId, contactPointChannels.channelId],
        set: { undeliverableReason: reason, undeliverableAt: sql`now()` },
      });
  } else if (mark === 'pause_template') {
    await tx
      .update(templates)
      .set({ status: 'paused' })
      .where(
        sql`${templates.id} = (select (content->>'templateId')::uuid from dispatch_revisions where dispatch_id = ${row.dispatchId} and revision = ${row.revision})`,
      );
  } else if (mark === 'pause_channel') {
    await tx
      .update(channels)
      .set({ pausedReason: reason, pausedAt: sql`coalesce(paused_at, now())` })
      .where(eq(channels.id, channelId));
  }
}

/** A receipt on an attempt that nobody could tell about settles it as sent. */
export async function reconcileByReceipt(tx: Queryable, row: AttemptRow, status: Parameters<typeof provesHandOver>[0]): Promise<boolean> {
  if (!provesHandOver(status)) return false;
  const settled = await moveAttempt(tx, row.id, ['in_doubt', 'parked'], 'reconciled_sent');
  if (!settled) return false;
  await tx.update(dispatches).set({ inDoubt: false }).where(eq(dispatches.id, row.dispatchId));
  await recordEvent(tx, row.dispatchId, 'delivery.reconciled', { attemptNo: row.attemptNo });
  return true;
}
