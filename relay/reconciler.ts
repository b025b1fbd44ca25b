/** Compares open dispatches with Temporal: a run that is gone is started again, one that was stopped there is ended by the ledger (H12, H14). */

import { WorkflowNotFoundError } from '@temporalio/client';
import { endDispatch } from '../db/dispatches.js';
import { askForStart } from '../db/outbox.js';
import { takeUncompared } from '../db/reconcile.js';
import type { EndState } from '../domain/dispatch.js';
import type { EndReason } from '../domain/next-step.js';
import { dispatchWorkflowId } from '../workflows/dispatch-message.contract.js';
import { callDeadlineMs, type RelayDeps } from './deps.js';

const batch = 100;
const atOnce = 10;

/** One round over dispatches that were not compared within `everyMs`; tells how many it took. */
export async function reconcile(deps: RelayDeps, everyMs: number): Promise<number> {
  const ids = await takeUncompared(deps.handle.db, batch, everyMs);
  for (let i = 0; i < ids.length; i += atOnce) {
    await Promise.all(
      ids
        .slice(i, i + atOnce)
        .map((dispatchId) =>
          compare(deps, dispatchId).catch((error: unknown) => deps.log.warn({ dispatchId, err: error }, 'dispatch not compared with Temporal yet')),
        ),
    );
  }
  return ids.length;
}

async function compare(deps: RelayDeps, dispatchId: string): Promise<void> {
  const { db } = deps.handle;
  const status = await statusOf(deps, dispatchId);
  if (status === 'RUNNING') return;
  if (status === 'GONE') {
    deps.log.warn({ dispatchId }, 'the run of an open dispatch is gone; it is started again');
    await askForStart(db, dispatchId);
    return;
  }
  const ended = await endDispatch(db, { dispatchId, ...endFor(status) });
  // A hand-over that is under way is settled by its owner, or is in doubt once its deadline has passed.
  if ('stillSendingMs' in ended) return;
  deps.log.warn({ dispatchId, status, state: ended.state }, 'the run of an open dispatch was ended in Temporal');
}

/** A person stops a run by Cancel or Terminate; anything else that ends a run without ending the dispatch is a fault of ours. */
function endFor(status: string): { state: EndState; reason: EndReason } {
  const stopped = status === 'TERMINATED' || status === 'CANCELLED';
  return stopped ? { state: 'cancelled', reason: 'CANCELLED_BY_STAFF' } : { state: 'failed', reason: 'INTERNAL' };
}

async function statusOf(deps: RelayDeps, dispatchId: string): Promise<string> {
  const handle = deps.temporal.workflow.getHandle(dispatchWorkflowId(dispatchId));
  try {
    const { status } = await deps.temporal.withDeadline(Date.now() + callDeadlineMs, () => handle.describe());
    return status.name;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'GONE';
    throw error;
  }
}
