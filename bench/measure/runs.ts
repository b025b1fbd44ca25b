/** What Temporal counts. */

import type { Temporal } from '../stack/temporal.js';
import { median } from './figures.js';

/** Runs of a task queue that have not ended, as its search says. */
export async function countOpenRuns({ client }: Temporal, taskQueue: string): Promise<number> {
  const { count } = await client.workflow.count(`TaskQueue = '${taskQueue}' AND ExecutionStatus = 'Running'`);
  return count;
}

/** Events and state transitions of these runs, medians. */
export async function describeRuns({ client }: Temporal, workflowIds: readonly string[]): Promise<{ events: number; transitions: number }> {
  const described = await Promise.all(workflowIds.map((id) => client.workflow.getHandle(id).describe()));
  return {
    events: median(described.map((one) => one.historyLength)),
    transitions: median(described.map((one) => Number(one.raw.workflowExecutionInfo?.stateTransitionCount ?? 0))),
  };
}
