/** What a person or the end of a wait decides about an attempt in doubt (R99). */

import { eq, sql } from 'drizzle-orm';
import { doubtful, findAttempt, insertSettled, leftInDoubt, moveAttempt } from './attempts.js';
import type { Database } from './connect.js';
import { recordEvent } from './events.js';
import { raiseMessageStatus } from './messages.js';
import { dispatches } from './schema/index.js';

export interface Resolution {
  dispatchId: string;
  attemptNo: number;
  generation: number;
  revision: number;
  /** `parked`: nobody has decided yet, and waiting for a receipt is over. */
  outcome: 'sent' | 'not_sent' | 'resend' | 'parked';
  actorId: string | null;
}

/** Settles the doubt; an attempt without a row (another send epoch, H14) gets one that says so. */
export async function resolveAttempt(db: Database, resolution: Resolution): Promise<void> {
  const { dispatchId, attemptNo, outcome } = resolution;
  await db.transaction(async (tx) => {
    const row = await findAttempt(tx, dispatchId, attemptNo);
    if (outcome === 'resend') {
      // What follows an attempt in doubt is marked as a possible duplicate when it is claimed, so there has to be one.
      await insertSettled(tx, resolution, 'parked');
      await tx
        .update(dispatches)
        .set({ inDoubt: leftInDoubt(dispatchId) })
        .where(eq(dispatches.id, dispatchId));
      await recordEvent(tx, dispatchId, 'outcome.resolved', { attemptNo, outcome, by: resolution.actorId });
      return;
    }
    const to = outcome === 'sent' ? 'reconciled_sent' : outcome === 'not_sent' ? 'reconciled_not_sent' : 'parked';
    const changed = row
      ? await moveAttempt(tx, row.id, outcome === 'parked' ? ['in_doubt'] : doubtful, to)
      : outcome !== 'parked' && (await insertSettled(tx, resolution, to));
    if (!changed) return;
    if (outcome === 'sent') await raiseMessageStatus(tx, dispatchId, 'wired');
    if (outcome !== 'parked')
      await tx
        .update(dispatches)
        .set({ inDoubt: outcome === 'sent' || leftInDoubt(dispatchId), updatedAt: sql`now()` })
        .where(eq(dispatches.id, dispatchId));
    await recordEvent(tx, dispatchId, outcome === 'parked' ? 'delivery.parked' : 'outcome.resolved', { attemptNo, outcome, by: resolution.actorId });
  });
}
