/** What each wait of the story is ended by, and where that leads: null is once more round the loop. */

import type { WaitingFor, DispatchState } from '../domain/dispatch.js';
import { decideDoubt, type EndReason } from '../domain/next-step.js';
import type { DeliveryPlan } from '../domain/plan.js';
import type { Course } from './course.js';
import type { Settled } from './deliver.js';
import type { Desk, Heard } from './desk.js';
import type { DispatchInput } from './dispatch-message.contract.js';
import type { End } from './dispatch-message.js';
import { ledger } from './ledger.js';

const personWaits: Partial<Record<WaitingFor, { state: DispatchState; expires: EndReason }>> = {
  recipient: { state: 'awaiting_recipient', expires: 'CHOICE_EXPIRED' },
  decision: { state: 'awaiting_decision', expires: 'DECISION_EXPIRED' },
  template: { state: 'needs_template', expires: 'DECISION_EXPIRED' },
};

/** Waits for a choice, a decision or a template. A choice stays unanswered until the loop has checked it. */
export async function waitForPerson(
  desk: Desk,
  course: Course,
  input: DispatchInput,
  why: { waitingFor: WaitingFor; reason: EndReason | null },
): Promise<End | null> {
  const { state, expires } = personWaits[why.waitingFor]!;
  const waitMs = why.waitingFor === 'recipient' ? input.deadlines.choiceMs : input.deadlines.decisionMs;
  const heard = await desk.wait({
    state,
    waitingFor: why.waitingFor,
    waitMs,
    reason: why.reason,
    releaseThread: why.waitingFor !== 'recipient' && !desk.accepted,
  });
  if (heard.kind === 'deadline') return { state: 'expired', reason: expires };
  if (heard.kind === 'choice') course.restart();
  return endOrGoOn(desk, course, heard);
}

/** A named timer between two attempts; `retryNow`, another channel, `abandon` or a message of the client cut it short (R101). */
export async function backOff(desk: Desk, course: Course, after: { waitMs: number; reason: EndReason }): Promise<End | null> {
  const heard = await desk.wait({ state: 'sending', waitingFor: 'retry', waitMs: after.waitMs, reason: after.reason, releaseThread: false });
  return endOrGoOn(desk, course, heard);
}

/**
 * An attempt that nobody can tell about: a receipt may settle it while we wait; then the channel's policy or a person decides (R99).
 * Going round the loop asks the ledger again, so news needs no answer here.
 */
export async function settleDoubt(desk: Desk, course: Course, input: DispatchInput, plan: DeliveryPlan, outcome: Settled): Promise<End | null> {
  // A message that may have left is not sent by another channel as well: somebody has to say first what became of it.
  if (desk.pending('revision')) desk.answer('NOT_WAITING');
  const doubt = { state: 'outcome_unknown', waitingFor: 'outcome', reason: 'OUTCOME_UNKNOWN' } as const;
  if (outcome.kind === 'unknown' && plan.policy.unknownWaitMs > 0 && !desk.parked) {
    const heard = await desk.wait({ ...doubt, waitMs: plan.policy.unknownWaitMs, releaseThread: false });
    if (heard.kind !== 'deadline') return await resolve(desk, course, input, heard);
    const after = decideDoubt(plan.policy, course.clock({ kind: 'refused_by_check' }));
    if (after.kind === 'back_off') {
      course.next(after.fresh);
      return await backOff(desk, course, after);
    }
  }
  desk.parked = true;
  const { attemptNo, generation, revision } = course;
  if (outcome.kind === 'unknown')
    await ledger.recordResolution({ dispatchId: input.dispatchId, attemptNo, generation, revision, outcome: 'parked', actorId: null });
  const heard = await desk.wait({ ...doubt, waitMs: input.deadlines.outcomeMs, releaseThread: true });
  if (heard.kind === 'deadline') return { state: 'expired', reason: 'OUTCOME_UNKNOWN' };
  return await resolve(desk, course, input, heard);
}

async function resolve(desk: Desk, course: Course, input: DispatchInput, heard: Heard): Promise<End | null> {
  if (heard.kind !== 'resolution') return endOrGoOn(desk, course, heard);
  const { attemptNo, generation, revision } = course;
  const { outcome, actorId, sendEpoch } = heard;
  await ledger.recordResolution({ dispatchId: input.dispatchId, attemptNo, generation, revision, outcome, actorId });
  desk.parked = false;
  course.restart();
  course.sendEpoch = sendEpoch;
  if (outcome !== 'sent') course.next(outcome === 'not_sent');
  desk.answer('taken');
  return null;
}

/** What a person may say in any wait: stop, go on with something else, or go on now. */
function endOrGoOn(desk: Desk, course: Course, heard: Heard): End | null {
  switch (heard.kind) {
    case 'cancel':
      return { state: 'cancelled', reason: 'CANCELLED_BY_STAFF', actorId: heard.actorId };
    case 'abandon':
      return { state: 'failed', reason: 'ABANDONED', actorId: heard.actorId };
    case 'revision':
      course.revise(heard.revision);
      desk.answer('taken');
      return null;
    case 'retry':
      course.restart();
      desk.answer('taken');
      return null;
    default:
      return null;
  }
}
