/** Starts a dispatch's workflow right after its commit, to save time; the relay starts what this could not (H4). */

import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { StoredDispatch } from '../db/dispatches-read.js';
import { completeStart, type StartFacts } from '../db/outbox.js';
import { dispatchStart, dispatchWorkflowType } from '../workflows/dispatch-message.contract.js';
import type { ApiDeps } from './deps.js';
import { faultFacts } from './faults.js';

/** Where the dispatch stands then, or null. Never rejects: a dispatch is accepted by its commit, whatever becomes of the start. */
export type InlineStart = (start: StartFacts) => Promise<StoredDispatch | null>;

export function createInlineStart(deps: ApiDeps): InlineStart {
  let restsUntil = 0;
  return async (start) => {
    const { dispatchId } = start;
    const now = Date.now();
    if (now < restsUntil) return null;
    try {
      const options = dispatchStart(start, { taskQueue: deps.taskQueue, apiUrl: deps.publicUrl });
      const own = deps.ownWorker();
      const temporal = own ?? deps.temporal;
      const run = await temporal.withDeadline(now + deps.limits.inlineStartMs, () =>
        temporal.workflow.start(dispatchWorkflowType, { ...options, requestEagerStart: own !== null }),
      );
      return await completeStart(deps.db, dispatchId, run.firstExecutionRunId);
    } catch (error) {
      // The run is there and has ended already: nothing is wrong with the server.
      if (error instanceof WorkflowExecutionAlreadyStartedError) return null;
      restsUntil = Date.now() + deps.limits.inlineRestMs;
      deps.logger.warn({ dispatchId, ...faultFacts(error) }, 'the workflow could not be started at once; the relay will');
      return null;
    }
  };
}
