/** Ends a dispatch as the ledger allows (I4). */

import { type Ending, endDispatch as end } from '../db/dispatches.js';
import type { EndState } from '../domain/dispatch.js';
import type { EndReason } from '../domain/next-step.js';
import type { ActivityDeps } from './deps.js';

/** Safe to repeat: the first end stays, and it is the one that is told. */
export const endDispatch =
  (deps: ActivityDeps) =>
  async (asked: { dispatchId: string; state: EndState; reason: EndReason | null; actorId?: string }): Promise<Ending> => {
    await deps.checkpoint('end.before', asked.dispatchId);
    const ended = await end(deps.db, asked);
    await deps.checkpoint('end.recorded', asked.dispatchId);
    return ended;
  };
