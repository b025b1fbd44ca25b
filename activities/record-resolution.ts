/** A person decides about an attempt that nobody can tell about (R99). */

import { type Resolution, resolveAttempt } from '../db/resolutions.js';
import type { ActivityDeps } from './deps.js';

/** Safe to repeat: what is settled stays. */
export const recordResolution =
  (deps: ActivityDeps) =>
  async (resolution: Resolution): Promise<void> => {
    await deps.checkpoint('resolve.before', resolution.dispatchId);
    await resolveAttempt(deps.db, resolution);
    await deps.checkpoint('resolve.recorded', resolution.dispatchId);
  };
