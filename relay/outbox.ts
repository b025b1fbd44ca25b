/** Carries the outbox to Temporal: starts that the API could not make, and signals; a row stays until it has arrived (H4). */

import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';
import { completeStart, deleteOutbox, hasStart, leaseOutbox, loadStart, type OutboxRow } from '../db/outbox.js';
import { clientWroteSignal, dispatchStart, dispatchWorkflowId, dispatchWorkflowType, receiptSignal } from '../workflows/dispatch-message.contract.js';
import { callDeadlineMs, type RelayDeps } from './deps.js';

/** Rows a round takes, and for how long nobody else gets them. */
const batch = 50;
const leaseSeconds = 10;

/** One round; tells how many rows it took, so that a full batch is followed by another at once. */
export async function carryOutbox(deps: RelayDeps): Promise<number> {
  const rows = await leaseOutbox(deps.handle.db, batch, leaseSeconds);
  await Promise.all(
    rows.map((row) =>
      carry(deps, row).catch((error: unknown) =>
        deps.log.warn({ dispatchId: row.dispatchId, kind: row.kind, tries: row.tries, err: error }, 'outbox row not carried yet'),
      ),
    ),
  );
  return rows.length;
}

async function carry(deps: RelayDeps, row: OutboxRow): Promise<void> {
  const { db } = deps.handle;
  if (row.kind === 'start') {
    await completeStart(db, row.dispatchId, await start(deps, row.dispatchId));
    return;
  }
  // A signal may not overtake the start of its run.
  if (await hasStart(db, row.dispatchId)) return;
  const handle = deps.temporal.workflow.getHandle(dispatchWorkflowId(row.dispatchId));
  try {
    await deps.temporal.withDeadline(Date.now() + callDeadlineMs, () => handle.signal(row.kind === 'receipt' ? receiptSignal : clientWroteSignal));
  } catch (error) {
    // The run is over; what the signal told is in the database.
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
  await deleteOutbox(db, [row.id]);
}

/** The run id; a run that exists already is success, also when it has ended. */
async function start(deps: RelayDeps, dispatchId: string): Promise<string> {
  const facts = await loadStart(deps.handle.db, dispatchId);
  const { temporal, taskQueue, apiUrl } = deps;
  return await temporal.withDeadline(Date.now() + callDeadlineMs, async () => {
    try {
      return (await temporal.workflow.start(dispatchWorkflowType, dispatchStart(facts, { taskQueue, apiUrl }))).firstExecutionRunId;
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      return (await temporal.workflow.getHandle(dispatchWorkflowId(dispatchId)).describe()).runId;
    }
  });
}
