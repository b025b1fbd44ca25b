/** Writes down what the hand-over could not: a sent message is never sent again because a write failed (H11). */

import { askLedger, voidAttempt } from '../db/attempts.js';
import { settleAttempt } from '../db/settle.js';
import type { AttemptOutcome } from '../domain/next-step.js';
import type { Unrecorded } from './deliver-message.js';
import type { ActivityDeps } from './deps.js';
import type { AttemptRef } from './reconcile-attempt.js';

/** Answers what the ledger says then. Safe to repeat; the workflow repeats it for ever. */
export const recordOutcome =
  (deps: ActivityDeps) =>
  async (ref: AttemptRef & { unrecorded: Unrecorded }): Promise<AttemptOutcome> => {
    const { unrecorded } = ref;
    await deps.checkpoint('record.before', ref.dispatchId);
    if (unrecorded.kind === 'answer') await settleAttempt(deps.db, unrecorded.attemptId, unrecorded.answer);
    else await voidAttempt(deps.db, unrecorded.attemptId, ref);
    const outcome = await deps.db.transaction((tx) => askLedger(tx, ref.dispatchId, ref.attemptNo, ref.generation, ref.revision));
    await deps.checkpoint('record.recorded', ref.dispatchId);
    return outcome;
  };
