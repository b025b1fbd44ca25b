import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { defaultPolicy } from '../../domain/channel.js';
import { type RefusalCode, refusals } from '../../domain/codes.js';
import { endStates } from '../../domain/dispatch.js';
import type { Verdict } from '../../domain/eligibility.js';
import { type Failure, type FailureClass, failureClasses, meaningOf } from '../../domain/failure.js';
import { type AttemptOutcome, decideAfterAttempt, decideDoubt, decideEnd, decideLateRefusal, decideNextStep, type RetryClock } from '../../domain/next-step.js';

const verdict = (...codes: RefusalCode[]): Verdict => ({
  allowed: codes.length === 0,
  refusals: codes.map((code) => ({ code })),
  warnings: [],
  candidates: [],
  channelId: 'c',
  contactPointId: codes.length === 0 ? 'p' : null,
  ask: false,
});

describe('after the check', () => {
  const first = { firstCheck: true, parks: true, attemptRefused: false };
  const later = { firstCheck: false, parks: true, attemptRefused: false };

  test('R40 allowed sends, or waits for the recipient where one has to be picked', () => {
    expect(decideNextStep(verdict(), first)).toEqual({ kind: 'send' });
    expect(decideNextStep({ ...verdict(), ask: true, contactPointId: null }, first)).toEqual({ kind: 'wait', waitingFor: 'recipient', reason: null });
    expect(decideNextStep({ ...verdict(), ask: true, contactPointId: null }, { ...later, parks: false })).toMatchObject({ waitingFor: 'recipient' });
  });

  test.each(Object.keys(refusals) as RefusalCode[])('%s at the first check rejects, for a person as for a service key', (code) => {
    for (const parks of [true, false]) {
      expect(decideNextStep(verdict(code), { ...first, parks })).toEqual({ kind: 'end', state: 'rejected', reason: code });
    }
  });

  const final: RefusalCode[] = ['CLIENT_BLOCKED', 'OPTED_OUT', 'CONSENT_REQUIRED', 'LOOPING'];
  const template: RefusalCode[] = ['TEMPLATE_REQUIRED', 'NO_APPROVED_TEMPLATE', 'TEMPLATE_NOT_APPROVED', 'TEMPLATE_NOT_SUPPORTED', 'TEMPLATE_NOT_TEXT_ONLY'];
  const other: RefusalCode[] = ['ACTIVE_THREAD_APPEARED', 'CHANNEL_BLOCKED', 'CHANNEL_DISABLED', 'CHANNEL_NOT_USED_BEFORE', 'NO_CONTACT_POINT'];

  test.each([
    ...final.map((code) => ({ code, wait: null })),
    ...template.map((code) => ({ code, wait: 'template' })),
    ...other.map((code) => ({ code, wait: 'decision' })),
  ])('R84 R85 R95 $code at a later check: a person’s dispatch waits for $wait', ({ code, wait }) => {
    const step = decideNextStep(verdict(code), later);
    expect(step).toEqual(wait ? { kind: 'wait', waitingFor: wait, reason: code } : { kind: 'end', state: 'rejected', reason: code });
  });

  test.each([
    ...final.map((code) => ({ code, before: 'rejected', after: 'failed' })),
    ...template.map((code) => ({ code, before: 'rejected', after: 'failed' })),
    ...other.map((code) => ({ code, before: 'rejected', after: 'rejected' })),
  ])('R85 $code at a later check: a service key never parks, $before before a refused attempt, $after once there was one', ({ code, before, after }) => {
    const service = { ...later, parks: false };
    expect(decideNextStep(verdict(code), service)).toEqual({ kind: 'end', state: before, reason: code });
    expect(decideNextStep(verdict(code), { ...service, attemptRefused: true })).toEqual({ kind: 'end', state: after, reason: code });
  });

  test.each(final)('%s once an attempt was refused ends failed, for a person too', (code) => {
    expect(decideNextStep(verdict(code), { ...later, attemptRefused: true })).toEqual({ kind: 'end', state: 'failed', reason: code });
  });

  test('a final code wins over the others and is the reason; a template alone does not help where more is wrong', () => {
    expect(decideNextStep(verdict('ACTIVE_THREAD_APPEARED', 'OPTED_OUT'), later)).toEqual({ kind: 'end', state: 'rejected', reason: 'OPTED_OUT' });
    expect(decideNextStep(verdict('CHANNEL_DISABLED', 'TEMPLATE_REQUIRED'), later)).toMatchObject({ waitingFor: 'decision', reason: 'CHANNEL_DISABLED' });
    expect(decideNextStep(verdict('TEMPLATE_REQUIRED', 'NO_APPROVED_TEMPLATE'), later)).toMatchObject({ waitingFor: 'template' });
  });
});

const chat = { ...defaultPolicy('whatsapp') };
const mail = { ...defaultPolicy('email') };
const failed = (of: FailureClass, more: Partial<Failure> = {}): Failure => ({ class: of, scope: 'message', provider: { code: '1' }, ...more });
const clock = (more: Partial<RetryClock> = {}): RetryClock => ({ tries: 1, doubts: 1, elapsedMs: 0, random: 0.5, ...more });
const refused = (failure: Failure): AttemptOutcome & { kind: 'refused' } => ({ kind: 'refused', failure });

describe('after an attempt', () => {
  test('accepted goes on to the disposition, whatever else is true', () => {
    expect(decideAfterAttempt({ kind: 'accepted' }, chat, clock({ tries: 99, elapsedMs: 1e9 }), false)).toEqual({ kind: 'dispose' });
  });

  test.each(failureClasses)('R101 R99 a send refused as %s: retryable backs off, permanent stops at once, unknown is never blindly repeated', (of) => {
    const { retry, reason } = meaningOf(failed(of));
    const step = decideAfterAttempt(refused(failed(of)), chat, clock(), true);
    const asks = reason === 'WINDOW_CLOSED' || reason === 'TEMPLATE_PAUSED';
    if (retry === 'retryable') expect(step).toEqual({ kind: 'back_off', waitMs: 5_000, fresh: true, reason });
    else if (retry === 'unknown') expect(step).toEqual({ kind: 'ask', waitingFor: 'outcome', reason: 'OUTCOME_UNKNOWN' });
    else expect(step).toEqual(asks ? { kind: 'ask', waitingFor: 'template', reason } : { kind: 'end', state: 'failed', reason });
  });

  test.each(['outside_window', 'template_unavailable'] as const)('R85 %s: a service key does not wait for a template, it fails', (of) => {
    expect(decideAfterAttempt(refused(failed(of)), chat, clock(), false)).toMatchObject({ kind: 'end', state: 'failed' });
  });

  test('R95 a refusal by the claim’s own check goes round to the check; what a person decided is followed', () => {
    expect(decideAfterAttempt({ kind: 'refused_by_check' }, chat, clock(), true)).toEqual({ kind: 'again', fresh: true });
    expect(decideAfterAttempt({ kind: 'decided', fresh: true }, chat, clock(), true)).toEqual({ kind: 'again', fresh: true });
    expect(decideAfterAttempt({ kind: 'decided', fresh: false }, chat, clock(), true)).toEqual({ kind: 'again', fresh: false });
  });

  test('not sent: nothing left, so it backs off as after a temporary refusal', () => {
    expect(decideAfterAttempt({ kind: 'not_sent' }, chat, clock(), true)).toEqual({ kind: 'back_off', waitMs: 5_000, fresh: true, reason: 'TEMPORARY' });
  });

  test.each(['busy', 'not_sent'] as const)('R101 %s past the retry deadline: exhausted', (kind) => {
    expect(decideAfterAttempt({ kind }, chat, clock({ elapsedMs: 15 * 60_000 + 1 }), true)).toEqual({
      kind: 'end',
      state: 'failed',
      reason: 'RETRIES_EXHAUSTED',
    });
  });

  test('H14 another send epoch: nothing is sent, a person has to say what became of it', () => {
    for (const policy of [chat, mail]) {
      expect(decideAfterAttempt({ kind: 'wrong_epoch' }, policy, clock(), false)).toEqual({ kind: 'ask', waitingFor: 'outcome', reason: 'OUTCOME_UNKNOWN' });
    }
  });
});

describe('in doubt', () => {
  const unknown = { kind: 'unknown', failure: failed('unknown') } as const;
  const ask = { kind: 'ask', waitingFor: 'outcome', reason: 'OUTCOME_UNKNOWN' };

  test('R99 a channel that parks waits, first for a receipt, then for a person', () => {
    expect(decideAfterAttempt(unknown, chat, clock(), true)).toEqual(ask);
    expect(decideDoubt(chat, clock())).toEqual(ask);
    expect(decideAfterAttempt(unknown, { ...chat, unknownWaitMs: 0 }, clock(), false)).toEqual(ask);
  });

  test('R99 email repeats the hand-over under the same key after a back-off, and only a few times', () => {
    expect(decideAfterAttempt(unknown, mail, clock(), true)).toEqual({ kind: 'back_off', waitMs: 5_000, fresh: false, reason: 'OUTCOME_UNKNOWN' });
    expect(decideAfterAttempt(unknown, mail, clock({ doubts: 2, tries: 2 }), true)).toMatchObject({ kind: 'back_off', fresh: false });
    expect(decideAfterAttempt(unknown, mail, clock({ doubts: 3, tries: 3 }), true)).toEqual(ask);
  });

  test('R99 a channel with receipts that may be repeated waits for the receipt first', () => {
    const policy = { ...chat, onUnknown: 'resend' as const };
    expect(decideAfterAttempt(unknown, policy, clock(), true)).toEqual(ask);
    expect(decideDoubt(policy, clock())).toMatchObject({ kind: 'back_off', fresh: false });
  });

  test('R99 doubt never ends as failed: past the retry deadline a person decides', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(chat, mail, { ...chat, onUnknown: 'resend' as const }),
        fc.record({
          tries: fc.integer({ min: 1, max: 50 }),
          doubts: fc.integer({ min: 1, max: 50 }),
          elapsedMs: fc.nat(2e8),
          random: fc.double({ min: 0, max: 0.999, noNaN: true }),
        }),
        fc.boolean(),
        (policy, at, parks) => {
          for (const step of [decideAfterAttempt(unknown, policy, at, parks), decideDoubt(policy, at)]) {
            expect(step.kind === 'ask' || (step.kind === 'back_off' && !step.fresh && policy.onUnknown === 'resend')).toBe(true);
          }
        },
      ),
    );
  });
});

describe('refused by receipt, after the provider had accepted', () => {
  test.each(failureClasses)('R87 R101 %s: staff are asked for a template where that helps, everything else has failed', (of) => {
    const { reason } = meaningOf(failed(of));
    expect(decideLateRefusal(failed(of), false)).toEqual({ kind: 'end', state: 'failed', reason });
    const helps = reason === 'WINDOW_CLOSED';
    expect(decideLateRefusal(failed(of), true)).toEqual(helps ? { kind: 'ask', waitingFor: 'template', reason } : { kind: 'end', state: 'failed', reason });
  });
});

describe('back-off', () => {
  const random = fc.double({ min: 0, max: 0.999_999, noNaN: true });
  const retryable = fc.constantFrom<FailureClass>('rate_limited', 'transient', 'auth', 'account', 'config');
  const waitOf = (failure: Failure, at: RetryClock, policy = mail): number => {
    const step = decideAfterAttempt(refused(failure), policy, at, true);
    return step.kind === 'back_off' ? step.waitMs : Number.NaN;
  };

  test('R101 it doubles from 5 s to the cap of the channel', () => {
    const waits = [1, 2, 3, 4, 5, 6, 7, 8, 50].map((tries) => waitOf(failed('transient', { scope: 'channel' }), clock({ tries }), chat));
    expect(waits.slice(0, 7)).toEqual([5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000]);
    expect(waits.at(-1)).toBe(300_000);
    expect(waitOf(failed('transient'), clock({ tries: 50 }))).toBe(30 * 60_000);
  });

  test('R101 the jitter stays within 20 % to either side', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), random, retryable, (tries, at, of) => {
        const middle = Math.min(30 * 60_000, 5_000 * 2 ** (tries - 1));
        const wait = waitOf(failed(of, { scope: 'channel' }), clock({ tries, random: at }));
        expect(wait).toBeGreaterThanOrEqual(middle * 0.8);
        expect(wait).toBeLessThanOrEqual(middle * 1.2 + 1);
      }),
    );
  });

  test('R101 the provider’s wait is a lower bound, at most a tenth longer', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3_600_000 }), fc.integer({ min: 1, max: 20 }), random, (retryAfterMs, tries, at) => {
        const wait = waitOf(failed('rate_limited', { retryAfterMs }), clock({ tries, random: at }));
        expect(wait).toBeGreaterThanOrEqual(retryAfterMs);
        expect(wait).toBeLessThanOrEqual(retryAfterMs * 1.1 + 1);
      }),
    );
  });

  test('R101 a provider that asks for no wait at all still gets the back-off', () => {
    expect(waitOf(failed('rate_limited', { retryAfterMs: 0 }), clock({ random: 0.5 }))).toBe(5_000);
  });

  test('R101 a wait that would pass the retry deadline ends the dispatch now', () => {
    const deadlineMs = chat.retry.deadlineMs;
    const seven = failed('rate_limited', { retryAfterMs: 7_000 });
    const step = (elapsedMs: number) => decideAfterAttempt(refused(seven), chat, clock({ elapsedMs, random: 0 }), true);
    expect(step(deadlineMs - 7_000)).toEqual({ kind: 'back_off', waitMs: 7_000, fresh: true, reason: 'RATE_LIMITED' });
    expect(step(deadlineMs - 6_999)).toEqual({ kind: 'end', state: 'failed', reason: 'RETRIES_EXHAUSTED' });
    expect(decideAfterAttempt(refused(failed('rate_limited', { retryAfterMs: deadlineMs + 1 })), chat, clock(), true)).toMatchObject({ kind: 'end' });
  });

  test('R101 however often it fails, waiting ends at the deadline', () => {
    fc.assert(
      fc.property(fc.array(random, { minLength: 40, maxLength: 40 }), (randoms) => {
        let elapsedMs = 0;
        for (const [index, at] of randoms.entries()) {
          const step = decideAfterAttempt(refused(failed('transient')), chat, clock({ tries: index + 1, elapsedMs, random: at }), true);
          if (step.kind !== 'back_off') return;
          elapsedMs += step.waitMs;
          expect(elapsedMs).toBeLessThanOrEqual(chat.retry.deadlineMs);
        }
        throw new Error('It never gave up.');
      }),
    );
  });

  test('R101 busy: nothing was tried, so the same number is tried again soon, then less often', () => {
    const waits = [1, 2, 3, 4, 5, 50].map((tries) => decideAfterAttempt({ kind: 'busy' }, chat, clock({ tries, random: 0 }), true));
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 15_000, 15_000].map((waitMs) => ({ kind: 'back_off', waitMs, fresh: false, reason: 'TEMPORARY' })));
  });

  test('R95 a claim that goes on to contradict its check takes a breath, so that nothing spins', () => {
    expect(decideAfterAttempt({ kind: 'refused_by_check' }, chat, clock({ tries: 1 }), true)).toEqual({ kind: 'again', fresh: true });
    expect(decideAfterAttempt({ kind: 'refused_by_check' }, chat, clock({ tries: 2, random: 0 }), true)).toMatchObject({
      kind: 'back_off',
      waitMs: 2_000,
      fresh: false,
    });
  });

  test('R101 a failure may cap the number of tries', () => {
    const twice = failed('transient', { maxAttempts: 2 });
    expect(decideAfterAttempt(refused(twice), chat, clock({ tries: 1 }), true).kind).toBe('back_off');
    expect(decideAfterAttempt(refused(twice), chat, clock({ tries: 2 }), true)).toEqual({ kind: 'end', state: 'failed', reason: 'RETRIES_EXHAUSTED' });
  });
});

describe('the end that the ledger allows', () => {
  const nothing = { accepted: false, open: false };
  const asked = endStates.filter((state) => state !== 'completed').map((state) => ({ state, reason: null }));

  test('H12 with nothing accepted and nothing open, it ends as asked', () => {
    for (const one of asked) expect(decideEnd(one, nothing)).toEqual(one);
    expect(decideEnd({ state: 'cancelled', reason: 'CANCELLED_BY_STAFF' }, nothing)).toEqual({ state: 'cancelled', reason: 'CANCELLED_BY_STAFF' });
  });

  test('H12 what a provider accepted, and has not refused since, ends completed', () => {
    const ledger = { accepted: true, open: false };
    for (const state of ['rejected', 'cancelled', 'expired'] as const)
      expect(decideEnd({ state, reason: null }, ledger)).toEqual({ state: 'completed', reason: null });
    for (const reason of ['ABANDONED', 'INTERNAL', 'NOT_ON_MESSENGER'] as const)
      expect(decideEnd({ state: 'failed', reason }, ledger)).toEqual({ state: 'completed', reason: null });
  });

  test('H1 H12 what may have left ends as unknown, unless a person gave it up', () => {
    const ledger = { accepted: false, open: true };
    for (const one of asked) expect(decideEnd(one, ledger)).toEqual({ state: 'expired', reason: 'OUTCOME_UNKNOWN' });
    expect(decideEnd({ state: 'failed', reason: 'ABANDONED' }, ledger)).toEqual({ state: 'failed', reason: 'ABANDONED' });
  });

  test('H12 completed stays completed', () => {
    for (const accepted of [true, false]) {
      for (const open of [true, false])
        expect(decideEnd({ state: 'completed', reason: null }, { accepted, open })).toEqual({ state: 'completed', reason: null });
    }
  });
});
