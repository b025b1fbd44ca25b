/** One attempt as one activity execution, in one of two lanes; if it does not come back, the ledger is asked, and asking is a write (H1, H3). */

import { ActivityCancellationType, CancellationScope, isCancellation, proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { DeliverResult } from '../activities/deliver-message.js';
import type { Activities } from '../activities/index.js';
import type { AttemptOutcome } from '../domain/next-step.js';
import type { DeliveryPlan } from '../domain/plan.js';
import type { Course } from './course.js';
import type { Desk } from './desk.js';
import { ledger } from './ledger.js';

/** How long an attempt waits for one of its channel's sends in flight to end, before it makes room for other channels; milliseconds. */
const slotWaitMs = 2_000;

/** How long an attempt in the express lane keeps the run's task; well below the task's time-out, so that people are heard. Milliseconds. */
const expressAnswerMs = 1_000;

const once = { maximumAttempts: 1 };
const cancellationType = ActivityCancellationType.WAIT_CANCELLATION_COMPLETED;

type Delivery = Pick<Activities, 'deliverMessage'>;

export type Settled = Exclude<AttemptOutcome, { kind: 'still_sending' }>;

export async function deliver(desk: Desk, course: Course, dispatchId: string, plan: DeliveryPlan): Promise<Settled> {
  const { attemptNo, generation, revision } = course;
  const ref = { dispatchId, attemptNo, generation, revision };
  const elapsedMs = course.startSending();
  desk.beginAttempt(attemptNo);
  let outcome: AttemptOutcome;
  try {
    const startToCloseMs = slotWaitMs + plan.policy.ladder.startToCloseMs;
    const { heartbeatMs, sendDeadlineMs } = plan.policy.ladder;
    const call = { startToCloseTimeout: startToCloseMs, cancellationType, summary: `attempt ${attemptNo}` };
    const send = {
      ...{ ...ref, channelId: plan.channelId, contactPointId: plan.contactPointId, sendEpoch: course.sendEpoch },
      ...{ maxInFlight: plan.policy.maxInFlight, heartbeatMs, sendDeadlineMs },
    };
    let result: DeliverResult | null = null;
    if (plan.lane === 'express') {
      const express = proxyLocalActivities<Delivery>({ ...call, retry: once });
      result = await express.deliverMessage({ ...send, slotWaitMs: 0, answerWithinMs: expressAnswerMs });
    }
    if (result === null || result.outcome.kind === 'busy') {
      const scheduleToCloseTimeout = Math.max(startToCloseMs, plan.policy.retry.deadlineMs - elapsedMs);
      const queued = proxyActivities<Delivery>({ ...call, retry: once, scheduleToCloseTimeout, heartbeatTimeout: heartbeatMs });
      result = await queued.deliverMessage({ ...send, slotWaitMs, answerWithinMs: null });
    }
    const { unrecorded } = result;
    // Also when the run was cancelled meanwhile: what is known is written down first.
    outcome = unrecorded ? await CancellationScope.nonCancellable(() => ledger.recordOutcome({ ...ref, unrecorded })) : result.outcome;
  } catch (error) {
    if (isCancellation(error)) throw error;
    outcome = await ledger.reconcileAttempt(ref);
  }
  while (outcome.kind === 'still_sending') {
    await desk.untilNews(outcome.waitMs);
    outcome = await ledger.reconcileAttempt(ref);
  }
  desk.hearOutcome(outcome);
  return outcome;
}
