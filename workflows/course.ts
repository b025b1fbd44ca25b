/** How far a run has come: which attempt, under which key, with which content, and how long it has been trying. */

import type { CheckResult } from '../activities/check-eligibility.js';
import type { AfterAttempt, AttemptOutcome, RetryClock } from '../domain/next-step.js';

/** What a run hands on to the one that continues it. */
export interface CourseState {
  attemptNo: number;
  /** With the dispatch id the provider key: rises on a definite refusal and on a new revision, never in doubt (R98). */
  generation: number;
  revision: number;
  /** The disposition runs once per dispatch. */
  disposed: boolean;
  sendEpoch: number;
  firstCheck: boolean;
  /** Outcomes in a row since a person last acted: those that may be tried again, and those that nobody can tell. */
  tries: number;
  doubts: number;
  /** Milliseconds since 1970; null: not sending since a person last acted. */
  sendingSince: number | null;
}

/** One per run; every number follows from what the ledger and people said, so that a reset or a new run counts alike (H12, H14). */
export class Course implements CourseState {
  attemptNo = 1;
  generation = 1;
  revision = 1;
  disposed = false;
  sendEpoch: number;
  firstCheck = true;
  tries = 0;
  doubts = 0;
  sendingSince: number | null = null;

  /** From the beginning, or from where the run before left off. */
  constructor(from: Pick<CourseState, 'sendEpoch'> & Partial<CourseState>) {
    this.sendEpoch = from.sendEpoch;
    Object.assign(this, from);
  }

  handOn(): CourseState {
    return { ...this };
  }

  /** What the check asks about. */
  question(): { revision: number; attemptNo: number; generation: number; firstCheck: boolean } {
    const { revision, attemptNo, generation, firstCheck } = this;
    return { revision, attemptNo, generation, firstCheck };
  }

  /** A check was made: only the first one of a run is a first check, and it tells where the runs before have come to. */
  checked(position: CheckResult['position']): void {
    this.firstCheck = false;
    Object.assign(this, position);
  }

  /** The retry deadline's clock runs from the first attempt since a person last acted. */
  startSending(): number {
    this.sendingSince ??= Date.now();
    return Date.now() - this.sendingSince;
  }

  clock(outcome: AttemptOutcome): RetryClock {
    if (outcome.kind === 'unknown') this.doubts += 1;
    else if (outcome.kind !== 'accepted') this.tries += 1;
    return { tries: Math.max(1, this.tries), doubts: this.doubts, elapsedMs: this.startSending(), random: Math.random() };
  }

  /** The next attempt; a fresh one earns a new provider key, a repeat keeps it. */
  next(fresh: boolean): void {
    this.attemptNo += 1;
    if (fresh) this.generation += 1;
  }

  /** Counts on from an attempt, unless it never took its number or waits for somebody to decide about it. */
  follows(outcome: AttemptOutcome, after: AfterAttempt): void {
    if (outcome.kind === 'refused_by_check' || outcome.kind === 'busy') return;
    // Nothing left under this number: the next one takes its place, under the same key.
    if (outcome.kind === 'not_sent') this.attemptNo += 1;
    else if (after.kind === 'again' || after.kind === 'back_off') this.next(after.fresh);
    else if (after.kind === 'ask' && after.waitingFor === 'template') this.next(true);
  }

  /** A person acted: the retry deadline starts anew. */
  restart(): void {
    this.tries = 0;
    this.doubts = 0;
    this.sendingSince = null;
  }

  /** A person gave a new content, channel or template. */
  revise(revision: number): void {
    this.restart();
    this.revision = revision;
    this.generation += 1;
  }
}
