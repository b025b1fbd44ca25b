/** The ledger of one dispatch as a plain model: what each step makes of it, written from the requirements (reliability section 2, 4.1, 4.4, 4.5). */

import type { ProviderAnswer, Token } from './hand.js';
import { takes } from './hand.js';
import type { ChannelKind, ReceiptStatus } from './rig.js';
import { newTruth, refusedLate } from './truth.js';

export interface Attempt {
  state: string;
  generation: number;
  /** Its send deadline has passed. */
  overdue: boolean;
  owner: HandModel | null;
  /** Receipts that found it, and those that only name the provider's own id, which is not known yet. */
  heard: Set<ReceiptStatus>;
  unheard: Set<ReceiptStatus>;
  knowsItsId: boolean;
}

/** A worker in the middle of an attempt. */
export interface HandModel {
  token: Token;
  /** The step that it stands at; null once it is over. */
  at: string | null;
  told: Outcome | 'claimed' | null;
  answer: ProviderAnswer;
  /** The time for the exchange is over. */
  expired: boolean;
}

/** What an attempt comes to, as its run is told; `fresh` and `same`: somebody has decided, and the next one follows under that key. */
export type Outcome = 'accepted' | 'refused' | 'unknown' | 'still_sending' | 'not_sent' | 'refused_by_check' | 'fresh' | 'same' | 'wrong_epoch';

/** What a hand could not write down. */
export type Owed = { answer: ProviderAnswer } | 'void';

/**
 * Where the run of the dispatch stands: it may begin an attempt, has one under way, has to write down what its hand could not, has to ask
 * again, waits for somebody to say what became of an attempt (`asks`: of one before the send epoch), or knows that it was accepted.
 */
export type Phase = 'ready' | 'sending' | 'owes' | 'waits' | 'doubt' | 'asks' | 'accepted';

export interface Run {
  token: Token;
  phase: Phase;
  hand: HandModel | null;
  owed: Owed | null;
  /** What it may wait for before the next attempt. */
  waitsFor: 'retry' | 'template' | null;
  /** It has not looked yet how far the runs before it have come. */
  isNew: boolean;
}

const ranks = ['queued', 'wired', 'sent', 'failed', 'delivered', 'read'];
const rank = (status: string): number => ranks.indexOf(status);
const firstToken = (): Token => ({ attemptNo: 1, generation: 1, revision: 1, sendEpoch: 1 });
export const newRun = (token: Token = firstToken(), isNew = true): Run => ({ token, phase: 'ready', hand: null, owed: null, waitsFor: null, isNew });

const surelySent = ['accepted', 'reconciled_sent'];
const doubtful = ['in_doubt', 'parked'];
/** A proof that it left counts against these. */
const provable = [...doubtful, 'resent_possible_duplicate', 'reconciled_not_sent'];
/** Nothing left under these. */
const leftNothing = ['superseded', 'refused_temporary', 'refused_permanent', 'reconciled_not_sent'];

export class LedgerModel {
  readonly kind: ChannelKind;
  readonly truth = newTruth();
  readonly attempts = new Map<number, Attempt>();
  readonly hands: HandModel[] = [];
  /** Tokens that runs had, to be taken up again by a reset. */
  readonly past: Token[] = [];
  run = newRun();
  end: { state: string; reason: string | null } | null = null;
  flagged = false;
  blocked = false;
  clientWrote = false;
  epoch = 1;
  /** Of the content in force: the one that was checked last. */
  revision = 1;
  status = 'queued';

  constructor(kind: ChannelKind) {
    this.kind = kind;
  }

  states(): Record<number, string> {
    return Object.fromEntries([...this.attempts].toSorted(([a], [b]) => a - b).map(([no, { state, generation }]) => [no, `${state} ${generation}`]));
  }

  /** An attempt was accepted and has not been refused by receipt since. */
  isAccepted(): boolean {
    return [...this.attempts.values()].some((one) => surelySent.includes(one.state) && !refusedLate(one.heard));
  }

  /** Nobody can tell whether it left. */
  isDoubted(): boolean {
    return !this.isAccepted() && [...this.attempts.values()].some((one) => [...doubtful, 'resent_possible_duplicate'].includes(one.state));
  }

  /** A provider has said that it has the message, whatever it said later. */
  wasAccepted(): boolean {
    return [...this.attempts.values()].some((one) => surelySent.includes(one.state));
  }

  /** May an attempt begin? After a late refusal the dispatch keeps its own thread, whatever the client wrote. */
  isEligible(): boolean {
    return !this.blocked && (this.kind === 'email' || this.wasAccepted() || !this.clientWrote);
  }

  /** Where a new run takes up the dispatch. */
  position(): Token {
    const last = Math.max(0, ...this.attempts.keys());
    const { generation = 1 } = this.attempts.get(last) ?? {};
    const revisionOfLast = this.revisions.get(last);
    const { revision } = this;
    if (last === 0) return { attemptNo: 1, generation: 1, revision, sendEpoch: 1 };
    return revisionOfLast === revision
      ? { attemptNo: last, generation, revision, sendEpoch: 1 }
      : { attemptNo: last + 1, generation: generation + 1, revision, sendEpoch: 1 };
  }
  private readonly revisions = new Map<number, number>();

  private write(token: Token, state: string, owner: HandModel | null = null): void {
    const { attemptNo, generation, revision } = token;
    this.attempts.set(attemptNo, { state, generation, overdue: false, owner, heard: new Set(), unheard: new Set(), knowsItsId: false });
    this.revisions.set(attemptNo, revision);
  }

  /** Asking is a write: without a row nothing left, for good. */
  ask(token: Token): Outcome {
    const row = this.attempts.get(token.attemptNo);
    if (!row) {
      this.write(token, 'superseded');
      return 'not_sent';
    }
    if (row.state === 'sending' && row.overdue) this.doubt(row);
    switch (row.state) {
      case 'sending':
        return 'still_sending';
      case 'accepted':
      case 'reconciled_sent':
        return 'accepted';
      case 'refused_temporary':
      case 'refused_permanent':
        return 'refused';
      case 'superseded':
        return 'not_sent';
      case 'reconciled_not_sent':
        return 'fresh';
      case 'resent_possible_duplicate':
        return 'same';
      default:
        return 'unknown';
    }
  }

  private doubt(row: Attempt): void {
    row.state = row.heard.size > 0 ? 'reconciled_sent' : 'in_doubt';
    this.raise('wired');
  }

  /** Who has the number first goes on; nothing goes on after an acceptance, an end, in another epoch or against the rules. */
  private claim(hand: HandModel): Outcome | 'claimed' {
    const { token } = hand;
    if (this.attempts.has(token.attemptNo)) return this.ask(token);
    if (this.isAccepted()) return 'accepted';
    if (this.end) return 'refused_by_check';
    if (token.sendEpoch !== this.epoch) return 'wrong_epoch';
    if (!this.isEligible()) return 'refused_by_check';
    const doubted = [...this.attempts].filter(([no, one]) => no < token.attemptNo && doubtful.includes(one.state)).at(-1);
    this.write(token, 'sending', hand);
    if (doubted) {
      doubted[1].state = 'resent_possible_duplicate';
      this.flagged = true;
    }
    return 'claimed';
  }

  private settle(no: number, answer: ProviderAnswer): void {
    const row = this.attempts.get(no)!;
    const late = row.state !== 'sending';
    if (answer === 'accepted') {
      if (late && !provable.includes(row.state)) return;
      if (late) this.prove(no);
      else row.state = 'accepted';
      row.knowsItsId = true;
      for (const status of row.unheard) this.hear(no, row, status);
      row.unheard.clear();
      this.raise(this.kind === 'email' ? 'sent' : 'wired');
    } else if (answer === 'temporary' || answer === 'permanent') {
      if (!late) row.state = `refused_${answer}`;
      else if (doubtful.includes(row.state)) row.state = 'reconciled_not_sent';
    } else if (!late) this.doubt(row);
    this.rateStatus();
  }

  /** What followed an attempt that left after all may be a second copy. */
  private prove(no: number): void {
    const row = this.attempts.get(no)!;
    if (!provable.includes(row.state)) return;
    row.state = 'reconciled_sent';
    this.flagged ||= this.isFollowed(no);
    this.raise('wired');
  }

  receive(no: number, status: ReceiptStatus, byOurId: boolean): void {
    const row = this.attempts.get(no)!;
    if (!byOurId && !row.knowsItsId) {
      row.unheard.add(status);
      return;
    }
    this.hear(no, row, status);
    this.prove(no);
    this.rateStatus();
  }

  /** A delivered one that was taken for refused, so that another followed, is a second copy after all. */
  private hear(no: number, row: Attempt, status: ReceiptStatus): void {
    row.heard.add(status);
    this.truth.receipts.set(no, row.heard);
    if (surelySent.includes(row.state) && (status === 'delivered' || status === 'read')) this.flagged ||= this.isFollowed(no);
  }

  private isFollowed(no: number): boolean {
    return [...this.attempts].some(([other, one]) => other > no && !leftNothing.includes(one.state));
  }

  /** Of the attempt that stands for the dispatch, what the provider refused after all: this is what the run hears when it reads the receipts. */
  isRefusedLate(): boolean {
    const standing = [...this.attempts].filter(([no, one]) => no <= this.run.token.attemptNo && surelySent.includes(one.state));
    return standing.length > 0 && standing.every(([, one]) => refusedLate(one.heard));
  }

  /** A person's word about the attempt that the run asks about. */
  resolve(outcome: 'sent' | 'not_sent' | 'resend' | 'parked'): void {
    const { token, phase } = this.run;
    const row = this.attempts.get(token.attemptNo);
    const to = { sent: 'reconciled_sent', not_sent: 'reconciled_not_sent', resend: 'parked', parked: 'parked' }[outcome];
    const counts = row ? (outcome === 'parked' ? row.state === 'in_doubt' : outcome !== 'resend' && doubtful.includes(row.state)) : phase === 'asks';
    if (!row && counts) this.write(token, to);
    else if (row && counts) row.state = to;
    if (counts && outcome === 'sent') {
      this.truth.saidSent.add(token.attemptNo);
      this.raise('wired');
    }
    if (counts && outcome === 'not_sent') this.truth.denied.add(token.attemptNo);
    if (outcome === 'parked') return;
    token.sendEpoch = this.epoch;
    this.run.phase = 'ready';
    if (outcome !== 'sent') this.next(outcome === 'not_sent');
  }

  next(fresh: boolean): void {
    const { token } = this.run;
    this.run.phase = 'ready';
    token.attemptNo += 1;
    if (fresh) token.generation += 1;
  }

  /** The end that is told: the first one, and what the ledger allows; null while an attempt may still be under way. */
  finish(asked: { state: string; reason: string | null }): { state: string; reason: string | null } | null {
    const rows = [...this.attempts.values()];
    for (const row of rows) if (row.state === 'sending' && row.overdue) this.doubt(row);
    if (rows.some((row) => row.state === 'sending')) return null;
    if (this.end) return this.end;
    const open = rows.some((row) => [...doubtful, 'resent_possible_duplicate'].includes(row.state));
    if (this.isAccepted() || asked.state === 'completed') this.end = { state: 'completed', reason: null };
    else if (open && asked.reason !== 'ABANDONED') this.end = { state: 'expired', reason: 'OUTCOME_UNKNOWN' };
    else this.end = asked;
    this.rateStatus();
    return this.end;
  }

  timePasses(): void {
    for (const row of this.attempts.values()) row.overdue ||= row.state === 'sending';
    for (const hand of this.hands) hand.expired = true;
  }

  /** 4.4: the highest rank seen. A refusal by receipt counts once no attempt follows, unless another one stands. */
  private rateStatus(): void {
    const heard = [...this.attempts.values()].flatMap((one) => [...one.heard]);
    for (const status of heard.filter((one) => one !== 'failed')) this.raise(status);
    if (this.end && (this.end.state === 'failed' || (heard.includes('failed') && !this.isAccepted()))) this.raise('failed');
  }

  private raise(to: string): void {
    if (rank(to) > rank(this.status)) this.status = to;
  }

  /** A hand makes its next step, or fails at it. */
  move(hand: HandModel, answer: ProviderAnswer, fails: boolean): void {
    const owe = (owed: Owed): void => this.handIsOver(hand, null, owed);
    switch (hand.at) {
      case 'deliver.before-claim':
        if (fails) return owe('void');
        hand.told = this.claim(hand);
        hand.at = 'deliver.claimed';
        return;
      case 'deliver.claimed':
        if (fails) return owe('void');
        if (hand.told !== 'claimed') return this.handIsOver(hand, hand.told as Outcome, null);
        hand.at = 'deliver.before-send';
        return;
      case 'deliver.before-send':
        hand.answer = fails ? 'unsent' : hand.expired ? 'temporary' : answer;
        hand.at = fails || hand.expired ? 'deliver.answered' : 'provider';
        return;
      case 'provider':
        if (fails) hand.answer = takes(hand.answer) ? 'lost' : 'unsent';
        hand.at = 'deliver.answered';
        return;
      case 'deliver.answered':
        if (fails) return owe({ answer: hand.answer });
        this.settle(hand.token.attemptNo, hand.answer);
        hand.at = 'deliver.settled';
        return;
      case 'deliver.settled':
        if (fails) return owe({ answer: hand.answer });
        return this.handIsOver(hand, hand.answer === 'accepted' ? 'accepted' : takes(hand.answer) || hand.answer === 'unsent' ? 'unknown' : 'refused', null);
      default:
        throw new Error(`A hand cannot go on from ${hand.at}.`);
    }
  }

  /** Only the run's own hand is heard. */
  private handIsOver(hand: HandModel, outcome: Outcome | null, owed: Owed | null): void {
    hand.at = null;
    if (this.run.hand !== hand) return;
    if (owed) {
      this.run.owed = owed;
      this.run.phase = 'owes';
    } else this.follow(outcome!);
  }

  /** The run writes down what its hand could not, and hears what the ledger says then. */
  record(): Outcome {
    const { owed, hand, token } = this.run;
    const row = this.attempts.get(token.attemptNo);
    if (owed !== 'void') this.settle(token.attemptNo, owed!.answer);
    else if (!row) this.write(token, 'superseded');
    else if (row.owner === hand && row.state === 'sending') row.state = 'superseded';
    return this.ask(token);
  }

  /** The run goes on from an outcome. */
  follow(outcome: Outcome): void {
    const { run } = this;
    run.owed = null;
    run.hand = null;
    const phases: Partial<Record<Outcome, Phase>> = { accepted: 'accepted', unknown: 'doubt', still_sending: 'waits', wrong_epoch: 'asks' };
    run.phase = phases[outcome] ?? 'ready';
    run.waitsFor = ['refused', 'not_sent', 'refused_by_check'].includes(outcome) ? 'retry' : null;
    if (outcome === 'refused' || outcome === 'fresh') this.next(true);
    else if (outcome === 'same') this.next(false);
    else if (outcome === 'not_sent') run.token.attemptNo += 1;
  }
}
