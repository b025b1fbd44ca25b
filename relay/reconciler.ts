/** Compares open dispatches with Temporal: a run that is gone is started again, one that was stopped there is ended by the ledger (H12, H14). */

import { WorkflowNotFoundError } from '@temporalio/client';
import { endDispatch } from '../db/dispatches.js';
import { askForStart } from '../db/outbox.js';
import { findOpen, takeUncompared } from '../db/reconcile.js';
import type { EndState } from '../domain/dispatch.js';
import type { EndReason } from '../domain/next-step.js';
import { dispatchIdOf, dispatchWorkflowId, dispatchWorkflowType } from '../workflows/dispatch-message.contract.js';
import { callDeadlineMs, type RelayDeps } from './deps.js';

/** Dispatches a round looks at: a hundred thousand that wait must not keep anybody busy. A round that finds something is followed by another at once. */
const batch = 50;
const atOnce = 10;

/** How far back a round asks Temporal for runs that were stopped there, in milliseconds; what is older is found by looking at each. */
const lookBackMs = 600_000;

/** One round over runs that were stopped and over open dispatches not compared within `everyMs`; true when some did not agree. */
export async function reconcile(deps: RelayDeps, everyMs: number): Promise<boolean> {
  const { db } = deps.handle;
  const stopped = await findOpen(db, await listStopped(deps));
  const uncompared = await takeUncompared(db, batch, everyMs);
  const running = await listRunning(deps, uncompared);
  const ids = [...new Set([...stopped, ...uncompared.filter((id) => !running.has(id))])];
  let off = 0;
  for (let i = 0; i < ids.length; i += atOnce) {
    await Promise.all(
      ids.slice(i, i + atOnce).map(async (dispatchId) => {
        try {
          if (!(await agrees(deps, dispatchId))) off += 1;
        } catch (error) {
          deps.log.warn({ dispatchId, err: error }, 'dispatch not compared with Temporal yet');
        }
      }),
    );
  }
  return off > 0;
}

/** Dispatches whose runs ended in Temporal lately in another way than by their own end. */
async function listStopped({ temporal, taskQueue }: RelayDeps): Promise<string[]> {
  const since = new Date(Date.now() - lookBackMs).toISOString();
  const query = `WorkflowType = '${dispatchWorkflowType}' AND TaskQueue = '${taskQueue}' AND ExecutionStatus IN ('Terminated', 'Canceled', 'Failed', 'TimedOut') AND CloseTime > '${since}'`;
  const ids: string[] = [];
  await temporal.withDeadline(Date.now() + callDeadlineMs, async () => {
    for await (const { workflowId } of temporal.workflow.list({ query, pageSize: batch })) {
      ids.push(dispatchIdOf(workflowId));
      if (ids.length >= batch) return;
    }
  });
  return ids;
}

/** Those of these dispatches whose runs are under way, by one call for all of them; the others have to be asked about one by one. */
async function listRunning({ temporal }: RelayDeps, dispatchIds: readonly string[]): Promise<Set<string>> {
  const running = new Set<string>();
  if (dispatchIds.length === 0) return running;
  const query = `ExecutionStatus = 'Running' AND WorkflowId IN (${dispatchIds.map((id) => `'${dispatchWorkflowId(id)}'`).join(', ')})`;
  await temporal.withDeadline(Date.now() + callDeadlineMs, async () => {
    for await (const { workflowId } of temporal.workflow.list({ query, pageSize: batch })) running.add(dispatchIdOf(workflowId));
  });
  return running;
}

async function agrees(deps: RelayDeps, dispatchId: string): Promise<boolean> {
  const { db } = deps.handle;
  const status = await statusOf(deps, dispatchId);
  if (status === 'RUNNING') return true;
  if (status === 'GONE') {
    deps.log.warn({ dispatchId }, 'the run of an open dispatch is gone; it is started again');
    await askForStart(db, dispatchId);
    return false;
  }
  const ended = await endDispatch(db, { dispatchId, ...endFor(status) });
  // A hand-over that is under way is settled by its owner, or is in doubt once its deadline has passed.
  if ('stillSendingMs' in ended) return true;
  deps.log.warn({ dispatchId, status, state: ended.state }, 'the run of an open dispatch was ended in Temporal');
  return false;
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
