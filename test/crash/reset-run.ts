import { randomUUID } from 'node:crypto';
import { type House, runOf } from '../support/house.js';

/** Begins the run of a dispatch anew, as `temporal workflow reset --event-id <first workflow task>` does. */
export async function resetRun(house: House, dispatchId: string): Promise<void> {
  const { runId } = await runOf(house, dispatchId).describe();
  const { events } = await runOf(house, dispatchId).fetchHistory();
  const first = events!.find((event) => event.workflowTaskCompletedEventAttributes)!;
  await house.temporal.workflowService.resetWorkflowExecution({
    namespace: house.temporal.options.namespace,
    workflowExecution: { workflowId: runOf(house, dispatchId).workflowId, runId },
    reason: 'by the test',
    workflowTaskFinishEventId: first.eventId!,
    requestId: randomUUID(),
  });
}
