/** After the provider has accepted: the disposition, alone and once (R96), then the first receipt where a refusal can still follow. */

import type { Disposition, DispositionResult } from '../domain/disposition.js';
import { decideLateRefusal } from '../domain/next-step.js';
import type { DeliveryPlan } from '../domain/plan.js';
import type { Course } from './course.js';
import type { Desk } from './desk.js';
import type { DispatchInput } from './dispatch-message.contract.js';
import type { End } from './dispatch-message.js';
import { ledger } from './ledger.js';
import { waitForPerson } from './waits.js';

/** The end, or null when a late refusal leads to another attempt. */
export async function conclude(desk: Desk, course: Course, input: DispatchInput, plan: DeliveryPlan): Promise<End | null> {
  desk.accept();
  if (plan.disposition && !course.disposed) await dispose(desk, input, plan.disposition);
  course.disposed = true;
  return plan.lateRefusals ? await heedReceipts(desk, course, input, plan) : { state: 'completed', reason: null };
}

/** A disposition that cannot be carried out waits for another one; after the deadline the thread stays active and unassigned. */
async function dispose(desk: Desk, input: DispatchInput, asked: Disposition['kind']): Promise<void> {
  desk.state = 'disposing';
  let result = await apply(input.dispatchId, asked, null, null);
  while (result.status === 'failed' && result.reason === 'TRANSFER_TARGET_UNKNOWN') {
    const heard = await desk.wait({
      state: 'disposing',
      waitingFor: 'disposition',
      waitMs: input.deadlines.decisionMs,
      reason: result.reason,
      releaseThread: false,
    });
    if (heard.kind !== 'disposition') return;
    result = await apply(input.dispatchId, heard.disposition.kind, heard.disposition, heard.actorId);
    desk.answer(result.status === 'failed' && result.reason === 'TRANSFER_TARGET_UNKNOWN' ? result.reason : 'taken');
  }
}

/** Three activities by name, so that Temporal Web shows what became of the thread. */
async function apply(dispatchId: string, kind: Disposition['kind'], repair: Disposition | null, actorId: string | null): Promise<DispositionResult> {
  const activity = { close: ledger.closeThread, assign_self: ledger.assignThread, transfer: ledger.transferThread }[kind];
  return await activity({ dispatchId, repair, actorId });
}

async function heedReceipts(desk: Desk, course: Course, input: DispatchInput, plan: DeliveryPlan): Promise<End | null> {
  for (;;) {
    const { status, failure } = await ledger.readReceipts({ dispatchId: input.dispatchId, attemptNo: course.attemptNo });
    if (failure) {
      const after = decideLateRefusal(failure, input.parks);
      if (after.kind === 'end') return after;
      desk.accepted = false;
      course.next(true);
      return await waitForPerson(desk, course, input, after);
    }
    if (status) return { state: 'completed', reason: null };
    const heard = await desk.wait({
      state: 'awaiting_receipt',
      waitingFor: 'receipt',
      waitMs: plan.policy.receiptWindowMs,
      reason: null,
      releaseThread: false,
    });
    if (heard.kind === 'deadline' || heard.kind === 'ended') return { state: 'completed', reason: null };
  }
}
