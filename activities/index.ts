import { assignThread } from './assign-thread.js';
import { checkEligibility } from './check-eligibility.js';
import { closeThread } from './close-thread.js';
import { deliverMessage } from './deliver-message.js';
import type { ActivityDeps } from './deps.js';
import { endDispatch } from './end-dispatch.js';
import { readReceipts } from './read-receipts.js';
import { reconcileAttempt } from './reconcile-attempt.js';
import { recordOutcome } from './record-outcome.js';
import { recordResolution } from './record-resolution.js';
import { recordWait } from './record-wait.js';
import { renderTemplate } from './render-template.js';
import { transferThread } from './transfer-thread.js';

/** All activities of the worker, by the names that Temporal Web shows. */
export function createActivities(deps: ActivityDeps) {
  return {
    assignThread: assignThread(deps),
    checkEligibility: checkEligibility(deps),
    closeThread: closeThread(deps),
    deliverMessage: deliverMessage(deps),
    endDispatch: endDispatch(deps),
    readReceipts: readReceipts(deps),
    reconcileAttempt: reconcileAttempt(deps),
    recordOutcome: recordOutcome(deps),
    recordResolution: recordResolution(deps),
    recordWait: recordWait(deps),
    renderTemplate: renderTemplate(deps),
    transferThread: transferThread(deps),
  };
}

export type Activities = ReturnType<typeof createActivities>;
