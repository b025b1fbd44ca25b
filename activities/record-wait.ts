/** Says in the dispatch's row whom it waits for and until when (R4, R93). */

import { recordWait as enterWait, type Wait } from '../db/dispatches.js';
import type { ActivityDeps } from './deps.js';

/** Safe to repeat. */
export const recordWait =
  (deps: ActivityDeps) =>
  async (wait: Wait & { releaseThread: boolean }): Promise<{ ended: boolean }> => {
    await deps.checkpoint('wait.before', wait.dispatchId);
    const entered = await enterWait(deps.db, wait);
    await deps.checkpoint('wait.recorded', wait.dispatchId);
    return entered;
  };
