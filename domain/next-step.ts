/** What follows from a verdict and from an attempt: send, wait for whom, or end how. Source: requirements 4.1, R84, R99, R101. */

import type { ChannelPolicy } from './channel.js';
import type { RefusalCode } from './codes.js';
import type { EndState, WaitingFor } from './dispatch.js';
import type { Verdict } from './eligibility.js';
import { type Failure, meaningOf, type ProviderReason } from './failure.js';

/** An end's reason: a refusal code, a provider reason, or one of the end reasons of 4.1. */
export type EndReason = RefusalCode | ProviderReason | 'CANCELLED_BY_STAFF' | 'DECISION_EXPIRED' | 'RETRIES_EXHAUSTED' | 'ABANDONED';

export type Step =
  { kind: 'send' } | { kind: 'wait'; waitingFor: WaitingFor; reason: EndReason | null } | { kind: 'end'; state: EndState; reason: EndReason | null };

/** What the check needs to know of the dispatch's past. */
export interface Progress {
  firstCheck: boolean;
  /** Staff wait for a person's decision; service keys and broadcasts never park (4.1). */
  parks: boolean;
  /** An attempt was refused by a provider before. */
  attemptRefused: boolean;
}

const finalRefusals: readonly RefusalCode[] = ['CLIENT_BLOCKED', 'OPTED_OUT', 'CONSENT_REQUIRED', 'LOOPING'];
const templateRefusals: readonly RefusalCode[] = [
  'TEMPLATE_REQUIRED',
  'NO_APPROVED_TEMPLATE',
  'TEMPLATE_NOT_APPROVED',
  'TEMPLATE_NOT_SUPPORTED',
  'TEMPLATE_NOT_TEXT_ONLY',
];

/** The step after a check. A first refusal rejects; later ones reject, ask for a template or ask for a decision (4.1). */
export function decideNextStep(verdict: Verdict, progress: Progress): Step {
  if (verdict.allowed) return verdict.ask ? { kind: 'wait', waitingFor: 'recipient', reason: null } : { kind: 'send' };
  const codes = verdict.refusals.map((one) => one.code);
  const afterAttempt: EndState = progress.attemptRefused ? 'failed' : 'rejected';
  const final = codes.find((code) => finalRefusals.includes(code));
  const reason = final ?? codes[0]!;
  if (progress.firstCheck || final) return { kind: 'end', state: afterAttempt, reason };
  const needsTemplate = codes.every((code) => templateRefusals.includes(code));
  if (!progress.parks) return { kind: 'end', state: needsTemplate ? afterAttempt : 'rejected', reason };
  return { kind: 'wait', waitingFor: needsTemplate ? 'template' : 'decision', reason };
}

/** What became of one attempt, as the ledger knows it. Every kind is data; only our own faults throw (H1, H3, H11). */
export type AttemptOutcome =
  | { kind: 'accepted' }
  | { kind: 'refused'; failure: Failure }
  | { kind: 'unknown'; failure: Failure }
  /** The row is still `sending` and its deadline lies ahead: ask again after this time. */
  | { kind: 'still_sending'; waitMs: number }
  /** The channel's cap of sends in flight is reached; nothing was claimed. */
  | { kind: 'busy' }
  /** Nothing left, and this attempt number will never be used: its row says so. */
  | { kind: 'not_sent' }
  /** The claim's own check refused; no row was written. */
  | { kind: 'refused_by_check' }
  /** A person has already decided about this attempt: the next one follows, under a new provider key when `fresh`. */
  | { kind: 'decided'; fresh: boolean }
  /** The installation's send epoch is another one: what this dispatch sent before a restore, nobody can tell (H14). */
  | { kind: 'wrong_epoch' };

/** The part of a dispatch's past that retrying depends on; times in milliseconds. */
export interface RetryClock {
  /** Retryable outcomes in a row since a person last acted, this one included. */
  tries: number;
  /** Attempts in doubt in a row since a person last acted, this one included. */
  doubts: number;
  /** How long the dispatch has been sending since a person last acted. */
  elapsedMs: number;
  /** A random number in [0, 1), for the jitter. */
  random: number;
}

export type AfterAttempt =
  | { kind: 'dispose' }
  | { kind: 'again'; fresh: boolean }
  | { kind: 'back_off'; waitMs: number; fresh: boolean; reason: ProviderReason }
  | { kind: 'ask'; waitingFor: 'template' | 'outcome'; reason: ProviderReason }
  | { kind: 'end'; state: EndState; reason: EndReason };

/** The step after an attempt (R99, R101). `again` without `fresh` repeats the hand-over under the same provider key, flagged as possible duplicate. */
export function decideAfterAttempt(
  outcome: Exclude<AttemptOutcome, { kind: 'still_sending' }>,
  policy: Pick<ChannelPolicy, 'retry' | 'onUnknown' | 'unknownWaitMs'>,
  clock: RetryClock,
  parks: boolean,
): AfterAttempt {
  switch (outcome.kind) {
    case 'accepted':
      return { kind: 'dispose' };
    case 'refused_by_check':
      // The check looks again at once; where the two go on to differ they take a breath, in which a person can be heard.
      return clock.tries < 2 ? { kind: 'again', fresh: true } : breathe(policy, clock);
    case 'decided':
      return { kind: 'again', fresh: outcome.fresh };
    case 'busy':
      return breathe(policy, clock);
    case 'not_sent':
      return backOff({ class: 'transient', scope: 'channel', provider: {} }, policy, clock);
    case 'wrong_epoch':
      return { kind: 'ask', waitingFor: 'outcome', reason: 'OUTCOME_UNKNOWN' };
    case 'unknown':
      return firstDoubt(policy, clock);
    case 'refused':
      return afterRefusal(outcome.failure, policy, clock, parks);
  }
}

/** A receipt may still tell: wait for it where the channel has any. */
function firstDoubt(policy: Pick<ChannelPolicy, 'retry' | 'onUnknown' | 'unknownWaitMs'>, clock: RetryClock): AfterAttempt {
  return policy.unknownWaitMs === 0 ? decideDoubt(policy, clock) : { kind: 'ask', waitingFor: 'outcome', reason: 'OUTCOME_UNKNOWN' };
}

/** A channel whose sends in flight are all taken is looked at again soon, and less and less often while it stays so. Milliseconds. */
const firstBreathMs = 1_000;
const longestBreathMs = 15_000;

/** Nothing was tried under this number, so it is used again; ends once the retry deadline has passed. */
function breathe(policy: Pick<ChannelPolicy, 'retry'>, clock: RetryClock): AfterAttempt {
  if (clock.elapsedMs > policy.retry.deadlineMs) return { kind: 'end', state: 'failed', reason: 'RETRIES_EXHAUSTED' };
  const grown = Math.min(longestBreathMs, firstBreathMs * 2 ** Math.min(clock.tries - 1, 20));
  return { kind: 'back_off', waitMs: Math.round(grown * (1 + clock.random)), fresh: false, reason: 'TEMPORARY' };
}

/** How often a message in doubt is handed over again before a person decides: each time may be one more copy. */
const maxResends = 2;

/** Still in doubt when waiting for a receipt is over: repeat under the same key where the channel says so, else a person decides (R99). */
export function decideDoubt(policy: Pick<ChannelPolicy, 'retry' | 'onUnknown'>, clock: RetryClock): AfterAttempt {
  const ask: AfterAttempt = { kind: 'ask', waitingFor: 'outcome', reason: 'OUTCOME_UNKNOWN' };
  if (policy.onUnknown !== 'resend' || clock.doubts > maxResends) return ask;
  const after = backOff({ class: 'unknown', scope: 'message', provider: {} }, policy, clock);
  return after.kind === 'back_off' ? { ...after, fresh: false } : ask;
}

function afterRefusal(failure: Failure, policy: Pick<ChannelPolicy, 'retry' | 'onUnknown' | 'unknownWaitMs'>, clock: RetryClock, parks: boolean): AfterAttempt {
  const { reason, retry } = meaningOf(failure);
  if (retry === 'unknown') return firstDoubt(policy, clock);
  if (retry === 'retryable') return backOff(failure, policy, clock);
  const wantsTemplate = reason === 'WINDOW_CLOSED' || reason === 'TEMPLATE_PAUSED';
  return wantsTemplate && parks ? { kind: 'ask', waitingFor: 'template', reason } : { kind: 'end', state: 'failed', reason };
}

/** A refusal that came by receipt, after the provider had accepted: a template for staff where that helps, else the end (4.1). */
export function decideLateRefusal(failure: Failure, parks: boolean): Extract<AfterAttempt, { kind: 'ask' | 'end' }> {
  const { reason } = meaningOf(failure);
  return reason === 'WINDOW_CLOSED' && parks ? { kind: 'ask', waitingFor: 'template', reason } : { kind: 'end', state: 'failed', reason };
}

/** The provider's wait, else 5 s doubling to a cap, with ±20 % jitter; ends when the retry deadline would pass (settings, 4.6). */
function backOff(failure: Failure, policy: Pick<ChannelPolicy, 'retry'>, clock: RetryClock): AfterAttempt {
  const { initialMs, maximumMs, deadlineMs } = policy.retry;
  const grown = Math.min(maximumMs, initialMs * 2 ** Math.min(clock.tries - 1, 20));
  const own = grown * (0.8 + 0.4 * clock.random);
  // A provider's wait is a lower bound: jitter only adds to it. A wait of nothing is no wait: it would hammer the provider.
  const asked = failure.retryAfterMs ?? 0;
  const waitMs = Math.ceil(asked > 0 ? asked * (1 + 0.1 * clock.random) : own);
  const capped = failure.maxAttempts !== undefined && clock.tries >= failure.maxAttempts;
  if (capped || clock.elapsedMs + waitMs > deadlineMs) return { kind: 'end', state: 'failed', reason: 'RETRIES_EXHAUSTED' };
  return { kind: 'back_off', waitMs, fresh: true, reason: meaningOf(failure).reason };
}

/** What the ledger knows of a dispatch when its run ends. */
export interface LedgerSummary {
  /** A provider accepted an attempt and has not reported its failure since. */
  accepted: boolean;
  /** An attempt is still under way or in doubt, or was in doubt when it was repeated. */
  open: boolean;
}

/**
 * The end that the ledger allows: an accepted message ends completed, one that may have left never ends as `cancelled` or `failed`
 * (I4). A Cancel or Terminate in Temporal Web and a run that broke come here too.
 */
export function decideEnd(asked: { state: EndState; reason: EndReason | null }, ledger: LedgerSummary): { state: EndState; reason: EndReason | null } {
  if (ledger.accepted || asked.state === 'completed') return { state: 'completed', reason: null };
  if (ledger.open && asked.reason !== 'ABANDONED') return { state: 'expired', reason: 'OUTCOME_UNKNOWN' };
  return asked;
}
