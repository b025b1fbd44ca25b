/** Where a run hears what people and providers say, and where it waits for them: handlers only record, the story decides. */

import {
  allHandlersFinished,
  ApplicationFailure,
  condition,
  log,
  setCurrentDetails,
  setDefaultSignalHandler,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { UpdateDefinition } from '@temporalio/common';
import { refusals, type RefusalCode } from '../domain/codes.js';
import { type DispatchMessage, type DispatchState, refuseMessage, type WaitingFor } from '../domain/dispatch.js';
import type { Disposition } from '../domain/disposition.js';
import type { Verdict } from '../domain/eligibility.js';
import type { FailureClass } from '../domain/failure.js';
import type { AttemptOutcome, EndReason } from '../domain/next-step.js';
import type { DeliveryPlan } from '../domain/plan.js';
import * as contract from './dispatch-message.contract.js';
import { ledger } from './ledger.js';
import { describeWait, descriptions, timerNames } from './user-metadata.js';

/** What somebody said to the dispatch. */
export type Word =
  | { kind: 'choice'; contactPointId: string; actorId: string }
  | { kind: 'cancel'; actorId: string }
  | { kind: 'abandon'; actorId: string }
  | { kind: 'retry'; actorId: string }
  | { kind: 'revision'; revision: number; actorId: string }
  | { kind: 'resolution'; outcome: 'sent' | 'not_sent' | 'resend'; sendEpoch: number; actorId: string }
  | { kind: 'disposition'; disposition: Disposition; actorId: string };

/** How a wait was left: somebody spoke, the system has news, nobody did anything in time, or the dispatch had ended before it. */
export type Heard = Word | { kind: 'news' } | { kind: 'deadline' } | { kind: 'ended' };

export interface WaitSpec {
  state: DispatchState;
  waitingFor: WaitingFor;
  /** At most, in milliseconds. */
  waitMs: number;
  reason: EndReason | null;
  /** Parked for a person, the dispatch gives its thread back (R97). */
  releaseThread: boolean;
}

interface Request {
  message: DispatchMessage;
  word: Word;
  answer: 'open' | 'taken' | RefusalCode;
}

/** One per run. */
export class Desk {
  verdict: Verdict | null = null;
  /** A provider has accepted an attempt. */
  accepted = false;
  /** Nobody could tell about an attempt, and waiting for a receipt did not help. */
  parked = false;
  state: DispatchState = 'checking';
  attemptCount = 0;
  private failureClass: FailureClass | null = null;
  private waitingFor: WaitingFor | null = null;
  private chosen = false;
  private request: Request | null = null;
  private early: Word | null = null;
  /** How long the history was when somebody last spoke; it grows from task to task. */
  private heardAt = -1;
  /** Receipts came since somebody last looked. */
  private receipts = false;
  private clientWrote = false;
  private readonly timeline: contract.TimelineEntry[] = [];
  private readonly input: contract.DispatchInput;

  /** Every handler stands before the first await: an update that finds none is refused. */
  constructor(input: contract.DispatchInput) {
    this.input = input;
    this.hear(contract.chooseRecipient, 'chooseRecipient', (said) => ({ kind: 'choice', ...said }));
    this.hear(contract.cancel, 'cancel', (said) => ({ kind: 'cancel', ...said }));
    this.hear(contract.restart, 'restart', (said) => ({ kind: 'revision', ...said }));
    this.hear(contract.provideTemplate, 'provideTemplate', (said) => ({ kind: 'revision', ...said }));
    this.hear(contract.changeChannel, 'changeChannel', (said) => ({ kind: 'revision', ...said }));
    this.hear(contract.retryNow, 'retryNow', (said) => ({ kind: 'retry', ...said }));
    this.hear(contract.abandon, 'abandon', (said) => ({ kind: 'abandon', ...said }));
    this.hear(contract.resolveOutcome, 'resolveOutcome', (said) => ({ kind: 'resolution', ...said }));
    this.hear(contract.setDisposition, 'setDisposition', (said) => ({ kind: 'disposition', ...said }));
    setHandler(contract.chooseRecipientSignal, (said) => this.hearSignal(said));
    setHandler(contract.receiptSignal, () => void (this.receipts = true));
    setHandler(contract.clientWroteSignal, () => void (this.clientWrote = true));
    setDefaultSignalHandler((name) => log.warn('unknown signal', { signal: name }));
    setHandler(contract.timelineQuery, () => this.timeline);
    setHandler(contract.candidatesQuery, () => this.verdict?.candidates ?? []);
    setHandler(contract.verdictQuery, () => this.verdict);
  }

  note(what: string): void {
    this.timeline.push({ at: new Date().toISOString(), what });
  }

  /** The word that waits for its answer, if it is of this kind. */
  pending<K extends Word['kind']>(...kinds: K[]): Extract<Word, { kind: K }> | null {
    const word = this.request?.word;
    return word && (kinds as string[]).includes(word.kind) ? (word as Extract<Word, { kind: K }>) : null;
  }

  /** Nobody waits for an answer, or for one of this very task to be kept. */
  isQuiet(): boolean {
    return this.request === null && allHandlersFinished() && !this.heardInThisTask();
  }

  /**
   * Somebody spoke in the task that is being worked on. Temporal throws a task away that would end the run while a signal for it arrives,
   * and with it a word that no earlier task has kept.
   */
  heardInThisTask(): boolean {
    return this.heardAt === workflowInfo().historyLength;
  }

  /** Answers the word that waits: it is acted on, or refused with a code. */
  answer(as: 'taken' | RefusalCode): void {
    if (!this.request) return;
    this.note(`${this.request.word.kind} ${as}`);
    this.request.answer = as;
    this.request = null;
  }

  beginAttempt(attemptNo: number): void {
    this.attemptCount = attemptNo;
    this.state = 'sending';
  }

  /** What became of an attempt; its failure class is told with the next wait. */
  hearOutcome(outcome: AttemptOutcome): void {
    this.note(`attempt ${this.attemptCount} ${outcome.kind}`);
    this.failureClass = 'failure' in outcome ? outcome.failure.class : null;
  }

  /** A provider has the message: what was said meanwhile comes too late. */
  accept(): void {
    this.accepted = true;
    this.answer('TOO_LATE');
  }

  /** Keeps a check's verdict, and answers a pick that was waiting for it: it holds, it comes too late, or the wait for another goes on (R46). */
  hearVerdict(check: { verdict: Verdict; plan: DeliveryPlan | null; pickRefused: boolean; pickMade?: true; step: { kind: string } }): void {
    this.verdict = check.verdict;
    if (check.plan) this.tellChannel(check.plan);
    this.state = 'checking';
    this.note(`checked: ${check.step.kind}`);
    if (!this.pending('choice')) return;
    this.chosen = !check.pickRefused;
    this.answer(check.pickMade ? 'CHOICE_ALREADY_MADE' : check.pickRefused ? 'CHOICE_INVALID' : 'taken');
  }

  /** The one way to wait: told in the row, in the search attributes and in clear in Temporal Web, on entering and on leaving. */
  async wait(spec: WaitSpec): Promise<Heard> {
    if (spec.waitingFor === 'recipient' && this.early && !this.request) this.request = { message: 'chooseRecipient', word: this.early, answer: 'open' };
    this.early = null;
    if (this.request) return this.request.word;
    const recorded = await ledger.recordWait({ dispatchId: this.input.dispatchId, ...spec });
    // A worker that was lost had come another way, and to the end: the check tells which.
    if (recorded?.ended) return { kind: 'ended' };
    this.enter(spec);
    const heedsReceipts = spec.waitingFor === 'outcome' || spec.waitingFor === 'receipt';
    const news = (): boolean => (heedsReceipts && this.receipts) || (spec.waitingFor === 'retry' && this.clientWrote);
    const heard = (): boolean => this.request !== null || news();
    const inTime = await condition(heard, Math.max(1, spec.waitMs), { summary: timerNames[spec.waitingFor] });
    this.leave();
    if (!inTime && this.request === null) return { kind: 'deadline' };
    const word = (this.request as Request | null)?.word;
    if (word) return word;
    this.receipts = false;
    this.clientWrote = false;
    return { kind: 'news' };
  }

  /** Waits for a send that goes on without us: until the ledger has news of it, or at most until its deadline. */
  async untilNews(waitMs: number): Promise<void> {
    await condition(() => this.receipts, waitMs, { summary: 'until the send deadline' });
    this.receipts = false;
  }

  /** Refuses what comes too late, tells an end that is off the straight path, and lets every handler finish. */
  async close(end: { state: DispatchState; reason: EndReason | null }, asAsked: boolean): Promise<void> {
    this.state = end.state;
    this.answer(asAsked ? 'taken' : 'TOO_LATE');
    this.note(`${end.state}${end.reason ? ` ${end.reason}` : ''}`);
    if (end.state !== 'completed') {
      upsertSearchAttributes([
        { key: contract.searchAttributes.state, value: end.state },
        { key: contract.searchAttributes.reason, value: end.reason },
        { key: contract.searchAttributes.attempts, value: this.attemptCount },
      ]);
    }
    await condition(allHandlersFinished);
  }

  private enter(spec: WaitSpec): void {
    this.state = spec.state;
    this.waitingFor = spec.waitingFor;
    this.note(`waiting for ${spec.waitingFor}`);
    const now = new Date();
    const due = new Date(now.getTime() + spec.waitMs);
    const keys = contract.searchAttributes;
    upsertSearchAttributes([
      { key: keys.state, value: spec.state },
      { key: keys.waitingFor, value: spec.waitingFor },
      { key: keys.waitingSince, value: now },
      { key: keys.dueAt, value: due },
      { key: keys.attempts, value: this.attemptCount },
      { key: keys.reason, value: spec.reason },
      { key: keys.failureClass, value: this.failureClass },
    ]);
    const { dispatchId } = this.input;
    const senderId = workflowInfo().typedSearchAttributes.get(keys.senderId) ?? 'unknown';
    setCurrentDetails(describeWait({ ...spec, dispatchId, senderId, until: due, candidates: this.verdict?.candidates ?? [] }));
  }

  private leave(): void {
    this.state = 'checking';
    this.waitingFor = null;
    const keys = contract.searchAttributes;
    upsertSearchAttributes([
      { key: keys.state, value: 'checking' },
      { key: keys.waitingFor, value: null },
      { key: keys.waitingSince, value: null },
      { key: keys.dueAt, value: null },
      { key: keys.reason, value: null },
      { key: keys.failureClass, value: null },
    ]);
    setCurrentDetails('');
  }

  /** A channel that was decided here, or changed, is found by its attributes too. */
  private tellChannel({ channelId, channelType }: DeliveryPlan): void {
    const { channel, channelType: type } = contract.searchAttributes;
    if (workflowInfo().typedSearchAttributes.get(channel) === channelId) return;
    upsertSearchAttributes([
      { key: channel, value: channelId },
      { key: type, value: channelType },
    ]);
  }

  private hear<A extends contract.Actor>(definition: UpdateDefinition<contract.Standing, [A]>, message: DispatchMessage, toWord: (said: A) => Word): void {
    const handler = async (said: A): Promise<contract.Standing> => {
      const request: Request = { message, word: toWord(said), answer: 'open' };
      this.request = request;
      this.heardAt = workflowInfo().historyLength;
      await condition(() => request.answer !== 'open');
      if (request.answer !== 'taken') throw this.refusal(request.answer as RefusalCode);
      return { state: this.state, waitingFor: this.waitingFor };
    };
    setHandler(definition, handler, {
      validator: (said: A) => {
        const code = this.refuse(message, toWord(said));
        if (code) throw this.refusal(code);
      },
      description: descriptions[message],
    });
  }

  /** A validator knows the state and the stored candidates only; the check of a pick is the loop's. */
  private refuse(message: DispatchMessage, word: Word): RefusalCode | null {
    const { state, waitingFor, accepted, chosen } = this;
    const code = refuseMessage(message, { state, waitingFor, accepted, busy: this.request?.message ?? null, chosen });
    if (code || word.kind !== 'choice') return code;
    const usable = this.verdict?.candidates.some((one) => one.usable && one.contactPointId === word.contactPointId);
    return usable ? null : 'CHOICE_INVALID';
  }

  private refusal(code: RefusalCode): ApplicationFailure {
    const details: contract.UpdateRefusal = code === 'CHOICE_INVALID' ? { candidates: this.verdict?.candidates ?? [] } : {};
    return ApplicationFailure.create({ type: code, message: refusals[code].title, nonRetryable: true, details: [details] });
  }

  /** A signal cannot be answered: what does not fit is noted, and what comes before the question is kept for it (R3). */
  private hearSignal(said: contract.RecipientChoice): void {
    const word: Word = { kind: 'choice', ...said };
    const { waitingFor, accepted, chosen, state } = this;
    const code = refuseMessage('chooseRecipient', { state, waitingFor, accepted, busy: this.request?.message ?? null, chosen });
    if (code === null) this.request = { message: 'chooseRecipient', word, answer: 'open' };
    else if (code === 'NOT_WAITING' && this.verdict === null) this.early = word;
    else this.note(`choice by signal refused: ${code}`);
  }
}
