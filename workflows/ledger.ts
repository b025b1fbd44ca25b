/** The short steps of a dispatch: local activities, repeated until the database answers. */

import { proxyLocalActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';

/** Longer than any statement may take (the pool's statement time-out). */
const stepTimeout = '12 seconds';

export const ledger = proxyLocalActivities<Omit<Activities, 'deliverMessage'>>({
  startToCloseTimeout: stepTimeout,
  retry: { initialInterval: '200 milliseconds', backoffCoefficient: 2, maximumInterval: '10 seconds' },
});
