/** Later statuses of attempts, stored once and applied by rank (R103). */

import { and, desc, eq, sql } from 'drizzle-orm';
import type { Failure } from '../domain/failure.js';
import { meaningOf } from '../domain/failure.js';
import type { MessageStatus } from '../domain/receipt.js';
import { type AttemptRow, refusedByReceipt } from './attempts.js';
import type { Queryable } from './connect.js';
import { heedReceipt } from './proofs.js';
import { attempts, receipts } from './schema/index.js';

export interface StoredReceipt {
  channelId: string;
  externalId: string;
  /** Our own id, where the provider gives it back. */
  attemptId: string | null;
  status: MessageStatus;
  failure: Failure | null;
  at: Date;
}

/**
 * Stores a receipt and applies it to its attempt's dispatch, also after that has ended; without an attempt it waits for one.
 * Part of the transaction that marks the event applied.
 */
export async function applyReceipt(tx: Queryable, receipt: StoredReceipt): Promise<void> {
  const row = await matchAttempt(tx, receipt);
  const reason = receipt.failure ? meaningOf(receipt.failure).reason : null;
  await tx.insert(receipts).values({ ...receipt, attemptId: row?.id ?? null, reason });
  if (row) await heedReceipt(tx, row, receipt);
}

/** By our own id, else by the provider's; locked, so that it does not change hands while the receipt is applied. */
async function matchAttempt(tx: Queryable, receipt: StoredReceipt): Promise<AttemptRow | null> {
  const byProvider = sql`${attempts.id} = (select attempt_id from attempt_external_ids where channel_id = ${receipt.channelId} and external_id = ${receipt.externalId})`;
  const [row] = await tx
    .select()
    .from(attempts)
    .where(receipt.attemptId ? and(eq(attempts.id, receipt.attemptId), eq(attempts.channelId, receipt.channelId)) : byProvider)
    .for('no key update');
  return row ?? null;
}

/**
 * What receipts say of the attempt that stands for the dispatch: this one, or an earlier one that turned out to have left. Its highest
 * status, and the failure if that is what it is.
 */
export async function readReceipts(db: Queryable, dispatchId: string, attemptNo: number): Promise<{ status: MessageStatus | null; failure: Failure | null }> {
  const standing = sql`(select a.id from attempts a
    where a.dispatch_id = ${dispatchId} and a.attempt_no <= ${attemptNo} and a.state in ('accepted', 'reconciled_sent')
    order by ${refusedByReceipt(sql`a.id`)} is true, a.attempt_no desc limit 1)`;
  const rows = await db
    .select({ status: receipts.status, failure: receipts.failure })
    .from(receipts)
    .where(eq(receipts.attemptId, standing))
    .orderBy(desc(sql`array_position(array['queued','wired','sent','failed','delivered','read'], ${receipts.status})`))
    .limit(1);
  const highest = rows[0];
  return { status: highest?.status ?? null, failure: highest?.status === 'failed' ? highest.failure : null };
}
