/** The life of one outgoing message, as one loop: its first line is the check, and every branch ends, waits or sends (R2, R95). */

import { CancellationScope, continueAsNew, isCancellation, patched, sleep, workflowInfo } from '@temporalio/workflow';
import { decideAfterAttempt, type EndReason } from '../domain/next-step.js';
import type { EndState } from '../domain/dispatch.js';
import { conclude } from './conclude.js';
import { Course } from './course.js';
import { deliver } from './deliver.js';
import { Desk } from './desk.js';
import type { DispatchInput, DispatchResult } from './dispatch-message.contract.js';
import { ledger } from './ledger.js';
import { backOff, settleDoubt, waitForPerson } from './waits.js';

/** A check that was overtaken is made again after this time, in milliseconds. */
const overtakenMs = 100;

export interface End {
  state: EndState;
  reason: EndReason | null;
  actorId?: string;
}

/** One run per dispatch. A business "no" is its result; only our own faults fail it. */
export async function dispatchMessage(input: DispatchInput): Promise<DispatchResult> {
  const desk = new Desk(input);
  try {
    return await finish(desk, input, await send(desk, input));
  } catch (error) {
    // Cancelled in Temporal Web: what the ledger knows decides how the dispatch ends.
    if (isCancellation(error)) await CancellationScope.nonCancellable(() => finish(desk, input, { state: 'cancelled', reason: 'CANCELLED_BY_STAFF' }));
    throw error;
  }
}

async function send(desk: Desk, input: DispatchInput): Promise<End> {
  const { dispatchId, parks } = input;
  const course = new Course(input.course ?? { sendEpoch: input.sendEpoch });
  for (;;) {
    // A dispatch that tries for days outgrows what Temporal keeps of a run: it goes on in another before the server ends this one.
    if (workflowInfo().continueAsNewSuggested && desk.isQuiet()) await continueAsNew<typeof dispatchMessage>({ ...input, course: course.handOn() });
    const check = await ledger.checkEligibility({ dispatchId, ...course.question(), pick: pickOf(desk) });
    if ('overtaken' in check) {
      // Once more by way of the server: a worker that has lost this run finds out there.
      await sleep(overtakenMs, { summary: 'the dispatch moved on' });
      continue;
    }
    course.checked(check.position);
    desk.hearVerdict(check);
    if (check.step.kind === 'end') return check.step;
    if (check.step.kind === 'wait') {
      const end = await waitForPerson(desk, course, input, check.step);
      if (end) return end;
      continue;
    }
    const plan = check.plan!;
    const rendering = await ledger.renderTemplate({ dispatchId, revision: course.revision, channelId: plan.channelId, contactPointId: plan.contactPointId });
    if (!rendering.rendered) return { state: 'failed', reason: rendering.reason };
    const cancelled = desk.pending('cancel');
    if (cancelled) return { state: 'cancelled', reason: 'CANCELLED_BY_STAFF', actorId: cancelled.actorId };

    const outcome = await deliver(desk, course, dispatchId, plan);
    const after = decideAfterAttempt(outcome, plan.policy, course.clock(outcome), parks);
    course.follows(outcome, after);
    switch (after.kind) {
      case 'dispose': {
        const end = await conclude(desk, course, input, plan);
        if (end) return end;
        continue;
      }
      case 'again':
        continue;
      case 'back_off': {
        const end = await backOff(desk, course, after);
        if (end) return end;
        continue;
      }
      case 'ask': {
        const end = after.waitingFor === 'outcome' ? await settleDoubt(desk, course, input, plan, outcome) : await waitForPerson(desk, course, input, after);
        if (end) return end;
        continue;
      }
      case 'end':
        return after;
    }
  }
}

/** A pick that has not been checked yet goes into the next check. */
function pickOf(desk: Desk): { contactPointId: string; chosenBy: string } | null {
  const word = desk.pending('choice');
  return word && { contactPointId: word.contactPointId, chosenBy: word.actorId };
}

async function finish(desk: Desk, { dispatchId }: DispatchInput, end: End): Promise<DispatchResult> {
  let ended = await ledger.endDispatch({ dispatchId, ...end });
  while ('stillSendingMs' in ended) {
    await sleep(ended.stillSendingMs, { summary: 'until the send deadline' });
    ended = await ledger.endDispatch({ dispatchId, ...end });
  }
  // A stop that a person asked for is answered as taken; whatever else waits comes too late.
  await desk.close(ended, end.actorId !== undefined && ended.state === end.state);
  // What was said last is kept, and answered, before the run ends.
  if (desk.heardInThisTask() && patched('word-before-end')) await sleep(1, { summary: 'what was said is kept first' });
  return { state: ended.state, endReason: ended.reason, attempts: desk.attemptCount };
}
