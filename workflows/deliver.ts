/** One attempt as one activity execution; if it does not come back, the ledger is asked, and asking is a write (H1, H3). */

import { ActivityCancellationType, CancellationScope, isCancellation, proxyActivities, sleep } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import type { AttemptOutcome } from '../domain/next-step.js';
import type { DeliveryPlan } from '../domain/plan.js';
import type { Course } from './course.js';
import type { Desk } from './desk.js';
import { ledger } from './ledger.js';

/** How long an attempt waits for one of its channel's sends in flight to end, before it makes room for other channels; milliseconds. */
const slotWaitMs = 2_000;

export type Settled = Exclude<AttemptOutcome, { kind: 'still_sending' }>;

export async function deliver(desk: Desk, course: Course, dispatchId: string, plan: DeliveryPlan): Promise<Settled> {
  const { attemptNo, generation, revision } = course;
  const ref = { dispatchId, attemptNo, generation, revision };
  const elapsedMs = course.startSending();
  desk.beginAttempt(attemptNo);
  let outcome: AttemptOutcome;
  try {
    const startToCloseMs = slotWaitMs + plan.policy.ladder.startToCloseMs;
    const { deliverMessage } = proxyActivities<Pick<Activities, 'deliverMessage'>>({
      startToCloseTimeout: startToCloseMs,
      scheduleToCloseTimeout: Math.max(startToCloseMs, plan.policy.retry.deadlineMs - elapsedMs),
      heartbeatTimeout: plan.policy.ladder.heartbeatMs,
      retry: { maximumAttempts: 1 },
      cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
      summary: `attempt ${attemptNo}`,
    });
    const result = await deliverMessage({
      ...ref,
      channelId: plan.channelId,
      contactPointId: plan.contactPointId,
      sendEpoch: course.sendEpoch,
      maxInFlight: plan.policy.maxInFlight,
      slotWaitMs,
      heartbeatMs: plan.policy.ladder.heartbeatMs,
    });
    const { unrecorded } = result;
    // Also when the run was cancelled meanwhile: what is known is written down first.
    outcome = unrecorded ? await CancellationScope.nonCancellable(() => ledger.recordOutcome({ ...ref, unrecorded })) : result.outcome;
  } catch (error) {
    if (isCancellation(error)) throw error;
    outcome = await ledger.reconcileAttempt(ref);
  }
  while (outcome.kind === 'still_sending') {
    await sleep(outcome.waitMs, { summary: 'until the send deadline' });
    outcome = await ledger.reconcileAttempt(ref);
  }
  desk.hearOutcome(outcome);
  return outcome;
}
