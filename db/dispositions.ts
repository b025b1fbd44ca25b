/** What becomes of the thread after sending: applied once, alone, and never a reason to send again (R79–R82, R96). */

import { and, eq, isNull, sql } from 'drizzle-orm';
import { mayFollow } from '../domain/dispatch.js';
import { type Disposition, type DispositionResult, threadAfter } from '../domain/disposition.js';
import type { Database, Queryable } from './connect.js';
import { recordEvent } from './events.js';
import { dispatches, dispatchRevisions, staff, threads, transferTargets } from './schema/index.js';

/** Carries out the disposition of a dispatch, or `repair` in its place. Safe to repeat: what is done stays done. */
export async function applyDisposition(db: Database, dispatchId: string, repair: Disposition | null, actorId: string | null): Promise<DispositionResult> {
  return await db.transaction(async (tx) => {
    const [row] = await tx
      .select({
        status: dispatches.dispositionStatus,
        threadId: dispatches.threadId,
        senderId: dispatches.senderId,
        asked: dispatchRevisions.disposition,
        state: dispatches.state,
      })
      .from(dispatches)
      .innerJoin(dispatchRevisions, and(eq(dispatchRevisions.dispatchId, dispatches.id), eq(dispatchRevisions.revision, dispatches.revision)))
      .where(eq(dispatches.id, dispatchId))
      .for('no key update', { of: dispatches });
    if (!row) throw new Error(`There is no dispatch ${dispatchId}.`);
    if (row.status === 'done') return { status: 'done' };
    const disposition = repair ?? row.asked;
    const result = disposition && row.threadId ? await dispose(tx, row.threadId, disposition, row.senderId) : { status: 'not_applicable' as const };
    await tx
      .update(dispatches)
      .set({
        dispositionStatus: result.status,
        dispositionReason: result.reason ?? null,
        updatedAt: sql`now()`,
        // Only the main line moves on to `disposing`; a repair finds the dispatch there already.
        ...(row.state !== 'disposing' && mayFollow(row.state, 'disposing')
          ? { state: 'disposing' as const, waitingFor: null, waitingSince: null, dueAt: null }
          : {}),
      })
      .where(eq(dispatches.id, dispatchId));
    await recordEvent(tx, dispatchId, result.status === 'failed' ? 'disposition.failed' : 'disposition.applied', {
      kind: disposition?.kind ?? null,
      reason: result.reason ?? null,
      ...(actorId ? { by: actorId } : {}),
    });
    return result;
  });
}

async function dispose(tx: Queryable, threadId: string, disposition: Disposition, senderId: string): Promise<DispositionResult> {
  const [thread] = await tx.select().from(threads).where(eq(threads.id, threadId)).for('no key update');
  if (!thread) return { status: 'not_applicable' };
  if (disposition.kind === 'transfer' && !(await findTarget(tx, disposition.target))) return { status: 'failed', reason: 'TRANSFER_TARGET_UNKNOWN' };
  if (thread.status === 'closed') return disposition.kind === 'close' ? { status: 'done' } : { status: 'failed', reason: 'THREAD_CLOSED' };
  // Also in a thread that was given back since: it is theirs now (R97).
  if (disposition.kind === 'close' && thread.clientWroteAt !== null) return { status: 'failed', reason: 'CLIENT_WROTE' };
  const after = threadAfter(disposition, senderId);
  await tx
    .update(threads)
    .set({
      ...after,
      transferComment: disposition.kind === 'transfer' ? (disposition.comment ?? null) : null,
      ...(after.status === 'closed' ? { closedAt: sql`now()`, closedBy: senderId } : {}),
    })
    .where(eq(threads.id, threadId));
  return { status: 'done' };
}

async function findTarget(tx: Queryable, target: { type: string; id: string }): Promise<boolean> {
  const rows =
    target.type === 'employee'
      ? await tx
          .select({ id: staff.id })
          .from(staff)
          .where(and(sql`${staff.id}::text = ${target.id}`, isNull(staff.archivedAt)))
      : await tx
          .select({ id: transferTargets.id })
          .from(transferTargets)
          .where(and(eq(transferTargets.type, target.type), eq(transferTargets.id, target.id), isNull(transferTargets.archivedAt)));
  return rows.length > 0;
}
