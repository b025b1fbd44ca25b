/** Starts a dispatch's workflow right after its commit, to save time; the relay starts what this could not (H4). */

import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { completeStart, loadStart } from '../db/outbox.js';
import { dispatchStart, dispatchWorkflowType } from '../workflows/dispatch-message.contract.js';
import type { ApiDeps } from './deps.js';
import { faultFacts } from './faults.js';

/** Never rejects: a dispatch is accepted by its commit, whatever becomes of the start. */
export type InlineStart = (dispatchId: string) => Promise<void>;

export function createInlineStart(deps: ApiDeps): InlineStart {
  let restsUntil = 0;
  return async (dispatchId) => {
    const now = Date.now();
    if (now < restsUntil) return;
    try {
      const start = await loadStart(deps.db, dispatchId);
      const options = dispatchStart(start, { taskQueue: deps.taskQueue, apiUrl: deps.publicUrl });
      const run = await deps.temporal.withDeadline(now + deps.limits.inlineStartMs, () => deps.temporal.workflow.start(dispatchWorkflowType, options));
      await completeStart(deps.db, dispatchId, run.firstExecutionRunId);
    } catch (error) {
      // The run is there and has ended already: nothing is wrong with the server.
      if (error instanceof WorkflowExecutionAlreadyStartedError) return;
      restsUntil = Date.now() + deps.limits.inlineRestMs;
      deps.logger.warn({ dispatchId, ...faultFacts(error) }, 'the workflow could not be started at once; the relay will');
    }
  };
}
