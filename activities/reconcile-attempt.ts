/** What became of an attempt whose activity did not come back? Asking is a write: the answer holds for good (H1, H3). */

import { askLedger } from '../db/attempts.js';
import type { AttemptOutcome } from '../domain/next-step.js';
import type { ActivityDeps } from './deps.js';

export interface AttemptRef {
  dispatchId: string;
  attemptNo: number;
  generation: number;
  revision: number;
}

/** Safe to repeat. */
export const reconcileAttempt =
  (deps: ActivityDeps) =>
  async (ref: AttemptRef): Promise<AttemptOutcome> => {
    await deps.checkpoint('reconcile.before', ref.dispatchId);
    const outcome = await deps.db.transaction((tx) => askLedger(tx, ref.dispatchId, ref.attemptNo, ref.generation, ref.revision));
    await deps.checkpoint('reconcile.after', ref.dispatchId);
    return outcome;
  };
