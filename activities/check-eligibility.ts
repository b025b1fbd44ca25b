/** May we send now, to whom, through what? Facts in one read, decided by the domain, stored with the dispatch. */

import type { Position } from '../db/attempts.js';
import { type DispatchFacts, loadFacts } from '../db/facts.js';
import { recordRefusedChoice, recordVerdict } from '../db/dispatches.js';
import { isEndState } from '../domain/dispatch.js';
import { decideEligibility, type EligibilityFacts, type Verdict } from '../domain/eligibility.js';
import { decideNextStep, type Step } from '../domain/next-step.js';
import { decideLane, type DeliveryPlan, planDelivery } from '../domain/plan.js';
import { isSamePick, type Pick } from '../domain/recipient.js';
import type { ActivityDeps } from './deps.js';
import { assembleFacts } from './eligibility-facts.js';

export interface CheckInput {
  dispatchId: string;
  revision: number;
  attemptNo: number;
  generation: number;
  /** A pick that was just made and has not been checked yet. */
  pick: Pick | null;
  firstCheck: boolean;
}

export interface CheckResult {
  step: Step;
  verdict: Verdict;
  /** Null unless the step is to send. */
  plan: DeliveryPlan | null;
  /** The fresh pick cannot be used; the wait goes on with these candidates (R46). */
  pickRefused: boolean;
  /** Another pick is on record, made before by a worker that was lost: it holds, and the fresh one comes too late (H6). */
  pickMade?: true;
  /** With the first check of a run: where the runs before it have come to. */
  position?: Position;
}

/** The dispatch moved on while it was checked: nothing is decided. */
export interface Overtaken {
  overtaken: true;
}

const nothingDecided: Verdict = { allowed: false, refusals: [], warnings: [], candidates: [], channelId: null, contactPointId: null, ask: false };

/** Safe to repeat, also after the send: an attempt that has a row gets the verdict it was sent under (H12). */
export const checkEligibility =
  (deps: ActivityDeps) =>
  async (input: CheckInput): Promise<CheckResult | Overtaken> => {
    const { dispatchId } = input;
    const facts = await loadFacts(deps.db, dispatchId, input.firstCheck ? null : input);
    if (!facts) throw new Error(`There is no such revision of dispatch ${dispatchId}.`);
    const { revision, attemptNo } = facts.position;
    const { state, parks } = facts.dispatch;
    // A lost worker may have come further than its run knows: a pick that it wrote down holds, whatever has followed since.
    const made = input.pick !== null && facts.choice !== null && !isSamePick(facts.choice, input.pick) ? { pickMade: true as const } : null;
    if (isEndState(state)) {
      return { step: { kind: 'end', state, reason: null }, verdict: facts.dispatch.verdict ?? nothingDecided, plan: null, pickRefused: false, ...made };
    }
    const told = input.firstCheck ? { position: facts.position } : {};
    const pick = (made ? facts.choice : (input.pick ?? facts.choice))?.contactPointId ?? null;
    const firstCheck = input.firstCheck && attemptNo === 1 && revision === 1;
    let eligibility = assembleFacts(deps.registry, facts, { firstCheck, pick });
    // A person may have said `sent` of an attempt that was never written here (H14): the last verdict stands for it.
    const stored = facts.attempt?.verdict ?? (facts.attempt?.state === 'reconciled_sent' ? facts.dispatch.verdict : null);
    if (stored) return { step: { kind: 'send' }, verdict: stored, plan: planFor(facts, eligibility, stored, attemptNo), pickRefused: false, ...made, ...told };

    let verdict = decideEligibility(eligibility);
    const pickRefused = input.pick !== null && !made && !verdict.candidates.some((one) => one.usable && one.contactPointId === pick);
    if (pickRefused) {
      eligibility = assembleFacts(deps.registry, facts, { firstCheck, pick: null });
      verdict = decideEligibility(eligibility);
      await recordRefusedChoice(deps.db, dispatchId, input.pick!);
    }
    await deps.checkpoint('check.decided', dispatchId);
    const recorded = await recordVerdict(deps.db, {
      dispatchId,
      revision,
      verdict,
      asOf: facts.dispatch.updatedAt,
      choice: pickRefused || made ? null : input.pick,
    });
    await deps.checkpoint('check.recorded', dispatchId);
    if (!recorded) {
      deps.log.warn({ dispatchId }, 'the dispatch moved on while it was checked');
      return { overtaken: true };
    }
    const step = decideNextStep(verdict, { firstCheck: eligibility.firstCheck, parks, attemptRefused: facts.anyRefused });
    const plan = step.kind === 'send' ? planFor(facts, eligibility, verdict, attemptNo) : null;
    return { step, verdict, plan, pickRefused, ...made, ...told };
  };

function planFor({ now, channels, request }: DispatchFacts, facts: EligibilityFacts, verdict: Verdict, attemptNo: number): DeliveryPlan {
  const channel = facts.channels.find((one) => one.id === verdict.channelId);
  if (!channel || !verdict.contactPointId) throw new Error('A verdict that allows sending names no channel or no contact point.');
  const troubledAt = channels.find((one) => one.id === channel.id)?.troubledAt ?? null;
  const lane = decideLane(channel, { now, attemptNo, firstCheck: facts.firstCheck, troubledAt: troubledAt === null ? null : new Date(troubledAt) });
  return planDelivery(channel, verdict.contactPointId, request.disposition, lane);
}
