/** Puts the thread into the sender's own queue, minimised and waiting (R81). */

import { applyDisposition } from '../db/dispositions.js';
import type { DispositionResult } from '../domain/disposition.js';
import type { ActivityDeps } from './deps.js';
import type { DispositionInput } from './disposition-input.js';

/** Safe to repeat: what is done stays done; a business "no" is returned (R96). */
export const assignThread =
  (deps: ActivityDeps) =>
  async (input: DispositionInput): Promise<DispositionResult> => {
    await deps.checkpoint('dispose.before', input.dispatchId);
    const result = await applyDisposition(deps.db, input.dispatchId, input.repair, input.actorId);
    await deps.checkpoint('dispose.recorded', input.dispatchId);
    return result;
  };
