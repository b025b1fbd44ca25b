/** What may be true of a dispatch, written from the requirements alone (reliability section 2 and 5, 4.1, 4.4, 4.5), and held against its ledger. */

import type { Copy } from './hand.js';
import type { ReceiptStatus, Snapshot } from './rig.js';

/** The attempt's graph; the row begins in the states that follow `none`. */
const attemptGraph: Record<string, string[]> = {
  // Claimed; closed by whoever asked first; or another send epoch, where a person's word is all there is (H14).
  none: ['sending', 'superseded', 'parked', 'reconciled_sent', 'reconciled_not_sent'],
  // Superseded: its owner says that nothing left and nothing will (H11). Reconciled: a receipt came before the doubt (H7).
  sending: ['accepted', 'refused_temporary', 'refused_permanent', 'in_doubt', 'superseded', 'reconciled_sent'],
  in_doubt: ['reconciled_sent', 'reconciled_not_sent', 'resent_possible_duplicate', 'parked'],
  parked: ['reconciled_sent', 'reconciled_not_sent', 'resent_possible_duplicate'],
  // A proof counts against a repeat and against a person's word.
  resent_possible_duplicate: ['reconciled_sent'],
  reconciled_not_sent: ['reconciled_sent'],
};

export const endStates = ['completed', 'rejected', 'cancelled', 'expired', 'failed'];
/** The dispatch's graph; every state but an end may also be followed by an end. */
const dispatchGraph: Record<string, string[]> = {
  none: ['accepted'],
  accepted: ['checking'],
  // What is rendered already goes from the check to the attempt, and so does another send epoch to the person who has to say.
  checking: ['awaiting_recipient', 'rendering', 'sending', 'awaiting_decision', 'needs_template', 'outcome_unknown', 'disposing', 'awaiting_receipt'],
  awaiting_recipient: ['checking'],
  rendering: ['sending', 'checking', 'outcome_unknown', 'disposing', 'awaiting_receipt'],
  // A re-send after a late refusal does not repeat the disposition.
  sending: ['checking', 'needs_template', 'outcome_unknown', 'disposing', 'awaiting_receipt'],
  awaiting_decision: ['checking'],
  needs_template: ['checking'],
  outcome_unknown: ['checking', 'sending', 'disposing', 'awaiting_receipt', 'needs_template'],
  disposing: ['awaiting_receipt', 'needs_template'],
  awaiting_receipt: ['checking', 'needs_template'],
};

/** Whether a dispatch may go from one state to another one. */
export function mayMove(from: string, to: string): boolean {
  return (dispatchGraph[from]?.includes(to) ?? false) || (from !== 'none' && !endStates.includes(from) && endStates.includes(to));
}

/** What happened outside the ledger: the provider's side, and what people said. */
export interface Truth {
  copies: Copy[];
  /** What the provider reported of each attempt, as far as it can be matched. */
  receipts: Map<number, Set<ReceiptStatus>>;
  /** Attempts that a person said were sent, or were not. */
  saidSent: Set<number>;
  denied: Set<number>;
}

export const newTruth = (): Truth => ({ copies: [], receipts: new Map(), saidSent: new Set(), denied: new Set() });

/** A provider took it and has reported since that it failed; a delivered one has not failed, whatever else was reported. */
export const refusedLate = (reported: Set<ReceiptStatus> | undefined): boolean =>
  reported !== undefined && reported.has('failed') && !reported.has('delivered') && !reported.has('read');

const surelySent = ['accepted', 'reconciled_sent'];
const mayHaveLeft = [...surelySent, 'sending', 'in_doubt', 'parked', 'resent_possible_duplicate'];

/** What is wrong, one sentence each. */
export function judge({ dispatch, attempts, threads, moves }: Snapshot, truth: Truth): string[] {
  const wrong: string[] = [];
  const check = (holds: boolean, what: string): void => void (holds || wrong.push(what));
  const { copies } = truth;
  const copiesOf = (attemptNo: number): number => copies.filter((one) => one.attemptNo === attemptNo).length;

  // I6
  const at = new Map<number | null, string>();
  for (const { attemptNo, from, to } of moves) {
    const before = at.get(attemptNo) ?? 'none';
    at.set(attemptNo, to);
    check((from ?? 'none') === before, `attempt ${attemptNo} moved from ${from}, and was ${before}`);
    check(
      attemptNo === null ? mayMove(before, to) : (attemptGraph[before]?.includes(to) ?? false),
      `${attemptNo === null ? 'the dispatch' : `attempt ${attemptNo}`} went from ${before} to ${to}`,
    );
  }
  check(attempts.filter((one) => one.state === 'sending').length <= 1, 'two attempts are sending');

  // I2, I3
  for (const { attemptNo, state } of attempts) {
    const its = copiesOf(attemptNo);
    check(its <= 1, `attempt ${attemptNo} was handed over ${its} times`);
    check(its === 0 || mayHaveLeft.includes(state) || truth.denied.has(attemptNo), `attempt ${attemptNo} is ${state} and was handed over`);
    check(its === 1 || !surelySent.includes(state) || truth.saidSent.has(attemptNo), `attempt ${attemptNo} is ${state} and was not handed over`);
  }
  check(
    copies.every((one) => attempts.some(({ id }) => id === one.attemptId)),
    'a copy belongs to no attempt',
  );
  // What a person said was not sent is not known to be a copy until it is proved, and what the provider refused late is none.
  const known = attempts.filter(
    ({ attemptNo, state }) => state !== 'reconciled_not_sent' && copiesOf(attemptNo) > 0 && !refusedLate(truth.receipts.get(attemptNo)),
  ).length;
  check(known <= 1 || dispatch.possibleDuplicate, `${known} copies and no word of it`);
  check(
    !dispatch.possibleDuplicate || moves.some(({ to }) => ['in_doubt', 'parked', 'reconciled_sent'].includes(to)),
    'flagged as a possible duplicate, and nothing was ever in doubt',
  );

  // I4
  const standing = attempts.filter((one) => surelySent.includes(one.state) && !refusedLate(truth.receipts.get(one.attemptNo)));
  const left = copies.filter((one) => !refusedLate(truth.receipts.get(one.attemptNo)) && !truth.denied.has(one.attemptNo));
  if (dispatch.state === 'completed')
    check(
      attempts.some((one) => surelySent.includes(one.state)),
      'completed, and nothing was accepted',
    );
  else if (endStates.includes(dispatch.state) && dispatch.endReason !== 'OUTCOME_UNKNOWN' && dispatch.endReason !== 'ABANDONED')
    check(left.length === 0, `${dispatch.state} ${dispatch.endReason}, and ${left.length} copies left`);

  // R80, R97
  for (const thread of threads) {
    check(thread.clientWroteAt === null || thread.status !== 'closed', 'a message of the client is buried in a closed thread');
    if (endStates.includes(dispatch.state) && standing.length === 0 && !attempts.some((one) => surelySent.includes(one.state)))
      check(thread.claimedByDispatchId === null || thread.status === 'closed', 'over, nothing sent, and its thread is still held');
  }
  return wrong;
}
