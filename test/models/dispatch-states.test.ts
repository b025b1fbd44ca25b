import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { defaultPolicy, type ChannelPolicy } from '../../domain/channel.js';
import { type RefusalCode, refusals } from '../../domain/codes.js';
import { type DispatchMessage, dispatchMessages, type DispatchState, mayFollow, refuseMessage, type WaitingFor } from '../../domain/dispatch.js';
import type { Verdict } from '../../domain/eligibility.js';
import { type FailureClass, failureClasses } from '../../domain/failure.js';
import { type AttemptOutcome, decideAfterAttempt, decideDoubt, decideEnd, decideLateRefusal, decideNextStep, type EndReason } from '../../domain/next-step.js';
import { depth } from './depth.js';
import { endStates, mayMove } from './truth.js';

const runs = 3_000;
/** A story that takes more rounds than this once nothing disturbs it any more has no end. */
const mostRounds = 400;

type Outcome = Exclude<AttemptOutcome, { kind: 'still_sending' }>;

/** All that comes from outside, in the order in which it is asked for; when it runs out, nobody acts any more and every attempt fails for a while. */
interface Script {
  channel: 'email' | 'whatsapp';
  onUnknown: 'park' | 'resend';
  parks: boolean;
  verdicts: { codes: RefusalCode[]; ask: boolean }[];
  outcomes: Outcome[];
  /** What somebody says at each place where they could; null: nobody says anything until the wait is over. */
  words: (DispatchMessage | 'receipt' | null)[];
  /** The first status that the provider reports of what it accepted. */
  reports: ('sent' | 'failed' | null)[];
  lateClass: FailureClass;
}

/** 4.1, the messages and where each of them works; `cancel` and `abandon` also without a wait. */
const works: Record<DispatchMessage, (at: { state: DispatchState; waitingFor: WaitingFor | null }) => boolean> = {
  chooseRecipient: ({ waitingFor }) => waitingFor === 'recipient',
  cancel: ({ state }) => ['accepted', 'checking', 'awaiting_recipient', 'rendering', 'awaiting_decision', 'needs_template'].includes(state),
  restart: ({ waitingFor }) => waitingFor === 'decision',
  provideTemplate: ({ waitingFor }) => waitingFor === 'template',
  retryNow: ({ waitingFor }) => waitingFor === 'retry',
  changeChannel: ({ state, waitingFor }) => state === 'sending' || waitingFor === 'template',
  abandon: ({ state, waitingFor }) => state === 'sending' || waitingFor === 'outcome' || waitingFor === 'template',
  resolveOutcome: ({ waitingFor }) => waitingFor === 'outcome',
  setDisposition: ({ waitingFor }) => waitingFor === 'disposition',
};
/** Stopping, giving up and sending otherwise come too late once a provider has accepted. */
const stops: readonly DispatchMessage[] = ['cancel', 'abandon', 'changeChannel'];

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

interface End {
  state: DispatchState;
  reason: EndReason | null;
}

/** One dispatch, told by the rules of the domain alone; what the rules must never allow is checked on the way. */
class Story {
  state: DispatchState = 'accepted';
  readonly path: DispatchState[] = ['accepted'];
  rounds = 0;
  private waitingFor: WaitingFor | null = null;
  private accepted = false;
  private everAccepted = false;
  /** An attempt is in doubt, or was repeated in doubt. */
  private open = false;
  private refusedOnce = false;
  private firstCheck = true;
  private disposed = false;
  private rendered = false;
  private clock = { tries: 0, doubts: 0, elapsedMs: 0 };
  /** Hand-overs that may have left since a person last acted. */
  private repeats = 0;
  private readonly script: Script;
  private readonly policy: ChannelPolicy;

  constructor(script: Script) {
    this.script = { ...script, verdicts: [...script.verdicts], outcomes: [...script.outcomes], words: [...script.words], reports: [...script.reports] };
    this.policy = { ...defaultPolicy(script.channel), onUnknown: script.onUnknown, retry: { deadlineMs: 900_000, initialMs: 5_000, maximumMs: 300_000 } };
  }

  tell(): End {
    for (;;) {
      this.rounds += 1;
      if (this.rounds > mostRounds) throw new Error(`It does not end: ${this.path.slice(-12).join(' → ')}`);
      const end = this.round();
      if (end) return this.finish(end);
    }
  }

  private round(): End | null {
    // What is accepted is not judged anew.
    if (this.accepted) return this.conclude();
    const { parks } = this.script;
    const next = this.script.verdicts.shift() ?? { codes: [], ask: false };
    const verdict: Verdict = {
      allowed: next.codes.length === 0,
      refusals: next.codes.map((code) => ({ code })),
      warnings: [],
      candidates: [],
      channelId: 'c',
      contactPointId: 'p',
      ask: next.ask,
    };
    this.move('checking');
    const step = decideNextStep(verdict, { firstCheck: this.firstCheck, parks, attemptRefused: this.refusedOnce });
    this.firstCheck = false;
    if (step.kind !== 'send') expect(verdict.allowed && !verdict.ask).toBe(false);
    if (step.kind === 'end') return step;
    if (step.kind === 'wait') return this.waitForPerson(step.waitingFor);
    if (!this.rendered) this.move('rendering');
    this.rendered = true;
    if (this.hears() === 'cancel') return { state: 'cancelled', reason: 'CANCELLED_BY_STAFF' };
    return this.attempt();
  }

  private attempt(): End | null {
    const { parks } = this.script;
    // Nothing is left to be said: the provider is out of order until the dispatch gives up.
    const outcome: Outcome = this.script.outcomes.shift() ?? { kind: 'refused', failure: failed('transient') };
    const isClaimed = ['accepted', 'refused', 'unknown'].includes(outcome.kind);
    if (isClaimed) this.move('sending');
    const said = isClaimed ? this.hears() : null;
    if (outcome.kind === 'unknown') this.clock.doubts += 1;
    else if (outcome.kind !== 'accepted') this.clock.tries += 1;
    if (outcome.kind === 'unknown') this.open = true;
    if (outcome.kind === 'refused') this.refusedOnce = true;
    const clock = { ...this.clock, tries: Math.max(1, this.clock.tries), random: 0.5 };
    const after = decideAfterAttempt(outcome, this.policy, clock, parks);
    expect(after.kind === 'dispose').toBe(outcome.kind === 'accepted');
    switch (after.kind) {
      case 'dispose':
        return this.conclude();
      case 'again':
        // Without a word of anybody, nothing that may have left goes out again.
        expect(outcome.kind).not.toBe('unknown');
        return null;
      case 'back_off':
        if (outcome.kind === 'unknown') this.repeat();
        expect(after.waitMs).toBeGreaterThan(0);
        return this.backOff(after.waitMs, said);
      case 'ask':
        return after.waitingFor === 'template' ? this.waitForPerson('template') : this.doubt(outcome.kind === 'wrong_epoch');
      case 'end':
        expect(outcome.kind).not.toBe('unknown');
        return after;
    }
  }

  /** The policy repeats what is in doubt: under the same key, a few times, and only where the channel says so. */
  private repeat(): void {
    this.repeats += 1;
    expect({ repeats: this.repeats <= 2, onUnknown: this.policy.onUnknown }).toEqual({ repeats: true, onUnknown: 'resend' });
  }

  private backOff(waitMs: number, said: DispatchMessage | null): End | null {
    if (said === 'abandon') return { state: 'failed', reason: 'ABANDONED' };
    if (said === 'changeChannel') return this.revise();
    this.enter('sending', 'retry');
    const word = this.hears();
    this.clock.elapsedMs += waitMs;
    if (word === 'abandon') return { state: 'failed', reason: 'ABANDONED' };
    if (word === 'changeChannel') return this.revise();
    if (word === 'retryNow') this.restart();
    return null;
  }

  private waitForPerson(waitingFor: WaitingFor): End | null {
    const state = { recipient: 'awaiting_recipient', decision: 'awaiting_decision', template: 'needs_template' }[waitingFor as string] as DispatchState;
    if (waitingFor !== 'recipient') expect(this.script.parks).toBe(true);
    this.enter(state, waitingFor);
    const word = this.hears();
    switch (word) {
      case null:
        return { state: 'expired', reason: waitingFor === 'recipient' ? 'CHOICE_EXPIRED' : 'DECISION_EXPIRED' };
      case 'cancel':
        return { state: 'cancelled', reason: 'CANCELLED_BY_STAFF' };
      case 'abandon':
        return { state: 'failed', reason: 'ABANDONED' };
      case 'chooseRecipient':
        this.restart();
        return null;
      default:
        return this.revise();
    }
  }

  private doubt(ofAnotherEpoch: boolean): End | null {
    this.enter('outcome_unknown', 'outcome');
    let word = this.hears();
    if (word === null && !ofAnotherEpoch && this.policy.unknownWaitMs > 0) {
      const after = decideDoubt(this.policy, { ...this.clock, tries: Math.max(1, this.clock.tries), random: 0.5 });
      if (after.kind === 'back_off') {
        this.repeat();
        return this.backOff(after.waitMs, null);
      }
      expect(after).toMatchObject({ kind: 'ask', waitingFor: 'outcome' });
      word = this.hears();
    }
    if (word === null) return { state: 'expired', reason: 'OUTCOME_UNKNOWN' };
    if (word === 'abandon') return { state: 'failed', reason: 'ABANDONED' };
    // A person's word: it was sent, it was not, or it is sent again whatever became of it.
    const said = (['sent', 'not_sent', 'resend'] as const)[this.rounds % 3];
    if (said === 'sent') this.accepted = this.everAccepted = true;
    if (said === 'not_sent') this.open = false;
    this.restart();
    return null;
  }

  private conclude(): End | null {
    this.accepted = this.everAccepted = true;
    if (this.script.channel === 'email') return { state: 'completed', reason: null };
    if (!this.disposed) {
      this.move('disposing');
      // A disposition that cannot be carried out waits for another one, and goes on without.
      if (this.rounds % 4 === 0) {
        this.enter('disposing', 'disposition');
        this.hears();
      }
    }
    this.disposed = true;
    const report = this.script.reports.shift() ?? null;
    this.enter('awaiting_receipt', 'receipt');
    this.hears();
    if (report !== 'failed') return { state: 'completed', reason: null };
    this.accepted = false;
    this.refusedOnce = true;
    const after = decideLateRefusal(failed(this.script.lateClass), this.script.parks);
    return after.kind === 'end' ? after : this.waitForPerson('template');
  }

  private finish(asked: End): End {
    const end = decideEnd(asked as never, { accepted: this.accepted, open: this.open });
    this.move(end.state);
    // I4: accepted is never failed, and what may have left is not called stopped or refused.
    if (this.accepted) expect(end.state).toBe('completed');
    else if (this.open && end.reason !== 'ABANDONED') expect(end).toEqual({ state: 'expired', reason: 'OUTCOME_UNKNOWN' });
    if (end.state === 'completed') expect(this.everAccepted).toBe(true);
    if (end.state === 'rejected') expect(this.everAccepted).toBe(false);
    // Over: nothing is heard any more.
    for (const message of dispatchMessages) {
      const refusal = this.refuses(message);
      must(refusal === (message === 'chooseRecipient' ? 'NOT_WAITING' : 'TOO_LATE'), `${message} after the end is answered ${refusal}`);
    }
    return end;
  }

  private revise(): null {
    this.rendered = false;
    this.restart();
    return null;
  }

  private restart(): void {
    this.clock = { tries: 0, doubts: 0, elapsedMs: 0 };
    this.repeats = 0;
  }

  private refuses(message: DispatchMessage, busy: DispatchMessage | null = null): RefusalCode | null {
    const { state, waitingFor, accepted } = this;
    return refuseMessage(message, { state, waitingFor, accepted, busy, chosen: false });
  }

  /** What is said here and taken; every other message is held against 4.1 as well. */
  private hears(): DispatchMessage | null {
    const { state, waitingFor, accepted } = this;
    for (const message of dispatchMessages) {
      const refusal = this.refuses(message);
      const late = accepted && stops.includes(message);
      const may = works[message]({ state, waitingFor }) && !late;
      must((refusal === null) === may, `${message} in ${state}/${waitingFor} is answered ${refusal}`);
      must(!late || refusal === 'TOO_LATE', `${message} after an acceptance is answered ${refusal}`);
      must(message !== 'cancel' || may || refusal === 'TOO_LATE', `cancel in ${state} is answered ${refusal}`);
      for (const busy of dispatchMessages) must(this.refuses(message, busy) !== null, `${message} is taken while ${busy} is worked on`);
    }
    const word = this.script.words.shift() ?? null;
    return word !== null && word !== 'receipt' && this.refuses(word) === null ? word : null;
  }

  private enter(state: DispatchState, waitingFor: WaitingFor): void {
    this.move(state);
    this.waitingFor = waitingFor;
  }

  /** I6: along the graph of 4.1, and along the one that guards the rows. */
  private move(to: DispatchState): void {
    const { state: from } = this;
    if (from !== to) {
      must(mayMove(from, to), `${from} → ${to} is not on the graph`);
      this.path.push(to);
    }
    // An end is written by the ledger, whatever the state before it.
    must(endStates.includes(to) || mayFollow(from, to), `${from} → ${to} would not be written`);
    this.state = to;
    this.waitingFor = null;
  }
}

const failed = (of: FailureClass) => ({ class: of, scope: 'message' as const, provider: {} });
const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom<Outcome>(
      { kind: 'accepted' },
      { kind: 'unknown', failure: failed('unknown') },
      { kind: 'not_sent' },
      { kind: 'busy' },
      { kind: 'refused_by_check' },
      { kind: 'wrong_epoch' },
      { kind: 'decided', fresh: true },
      { kind: 'decided', fresh: false },
    ),
  },
  {
    weight: 4,
    arbitrary: fc.constantFrom(...failureClasses.filter((of) => of !== 'unknown')).map((of): Outcome => ({ kind: 'refused', failure: failed(of) })),
  },
);
const codes = fc.subarray(Object.keys(refusals) as RefusalCode[], { maxLength: 2 });
const script: fc.Arbitrary<Script> = fc.record({
  channel: fc.constantFrom('email' as const, 'whatsapp' as const),
  onUnknown: fc.constantFrom('park' as const, 'resend' as const),
  parks: fc.boolean(),
  verdicts: fc.array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constant<Script['verdicts'][number]>({ codes: [], ask: false }) },
      { weight: 1, arbitrary: fc.constant<Script['verdicts'][number]>({ codes: [], ask: true }) },
      { weight: 1, arbitrary: codes.map((some) => ({ codes: some, ask: false })) },
    ),
    { maxLength: 20, size: 'max' },
  ),
  outcomes: fc.array(outcome, { maxLength: 20, size: 'max' }),
  words: fc.array(fc.option(fc.constantFrom<DispatchMessage | 'receipt'>(...dispatchMessages, 'receipt'), { freq: 3 }), { maxLength: 40, size: 'max' }),
  reports: fc.array(fc.constantFrom('sent' as const, 'failed' as const, null), { maxLength: 4 }),
  lateClass: fc.constantFrom(...failureClasses),
});

test('I4 I6 R85 R96 R99 R101 whatever providers answer and people say, in whatever order: a dispatch keeps to the graph, hears what fits, and reaches an honest end', () => {
  const ends = new Map<string, number>();
  let longest = 0;
  fc.assert(
    fc.property(script, (one) => {
      const story = new Story(one);
      const { state } = story.tell();
      ends.set(state, (ends.get(state) ?? 0) + 1);
      longest = Math.max(longest, story.path.length);
    }),
    depth(runs),
  );
  // Every end was reached.
  expect([...ends.keys()].toSorted()).toEqual(endStates.toSorted());
  console.log(`ends: ${JSON.stringify(Object.fromEntries(ends))}, the longest path ${longest} states`);
});

test.each<{ title: string; outcomes: Outcome }>([
  { title: 'whose attempts the provider refuses for the time being', outcomes: { kind: 'refused', failure: failed('transient') } },
  { title: 'whose channel is busy', outcomes: { kind: 'busy' } },
  { title: 'whose attempts never leave', outcomes: { kind: 'not_sent' } },
  { title: 'whose claim refuses what its check allows', outcomes: { kind: 'refused_by_check' } },
  { title: 'whose attempts nobody can tell about', outcomes: { kind: 'unknown', failure: failed('unknown') } },
])('R101 a dispatch $title, on and on, ends by itself', ({ outcomes }) => {
  fc.assert(
    fc.property(script, (one) => {
      const same = Array.from({ length: mostRounds + 1 }, () => outcomes);
      const { state } = new Story({ ...one, outcomes: same, words: [], verdicts: [] }).tell();
      expect(state).toBe(outcomes.kind === 'unknown' ? 'expired' : 'failed');
    }),
    depth(50),
  );
});
