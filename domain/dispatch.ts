/** Where a dispatch stands, which steps lead on, and which message fits which state. Source: requirements 4.1. */

import type { RefusalCode } from './codes.js';

export const dispatchStates = [
  'accepted',
  'checking',
  'awaiting_recipient',
  'scheduled',
  'rendering',
  'sending',
  'awaiting_decision',
  'needs_template',
  'outcome_unknown',
  'disposing',
  'awaiting_receipt',
  'completed',
  'rejected',
  'cancelled',
  'expired',
  'failed',
] as const;
export type DispatchState = (typeof dispatchStates)[number];

export const endStates = ['completed', 'rejected', 'cancelled', 'expired', 'failed'] as const;
export type EndState = (typeof endStates)[number];

export const waitingFors = ['recipient', 'retry', 'decision', 'template', 'outcome', 'disposition', 'receipt'] as const;
/** Whom or what a dispatch waits for; `undo`, `send_at`, `quiet_hours` and `broadcast` come with their rules. */
export type WaitingFor = (typeof waitingFors)[number];

export const endReasons = ['CANCELLED_BY_STAFF', 'UNDONE', 'DECISION_EXPIRED', 'RETRIES_EXHAUSTED', 'ABANDONED', 'BROADCAST_CANCELLED'] as const;
/** An end that neither a rule nor a provider brought about. */
export type EndReasonOfItsOwn = (typeof endReasons)[number];

/** The messages a person may send to a running dispatch. */
export const dispatchMessages = [
  'chooseRecipient',
  'cancel',
  'restart',
  'provideTemplate',
  'retryNow',
  'changeChannel',
  'abandon',
  'resolveOutcome',
  'setDisposition',
] as const;
export type DispatchMessage = (typeof dispatchMessages)[number];

const graph: Record<DispatchState, readonly DispatchState[]> = {
  accepted: ['checking', 'cancelled', 'rejected'],
  checking: [
    'awaiting_recipient',
    'scheduled',
    'rendering',
    'awaiting_decision',
    'needs_template',
    'outcome_unknown',
    'sending',
    // An earlier attempt turns out to have been accepted.
    'disposing',
    'awaiting_receipt',
    'rejected',
    'failed',
    'cancelled',
    'expired',
  ],
  awaiting_recipient: ['checking', 'cancelled', 'expired'],
  scheduled: ['checking', 'cancelled'],
  rendering: ['sending', 'disposing', 'awaiting_receipt', 'outcome_unknown', 'needs_template', 'checking', 'failed', 'rejected', 'cancelled'],
  sending: [
    'checking',
    'disposing',
    'awaiting_receipt',
    'needs_template',
    'awaiting_decision',
    'outcome_unknown',
    'completed',
    'failed',
    'rejected',
    'cancelled',
    'expired',
  ],
  awaiting_decision: ['checking', 'cancelled', 'expired'],
  needs_template: ['checking', 'cancelled', 'expired', 'failed'],
  outcome_unknown: ['checking', 'sending', 'disposing', 'awaiting_receipt', 'needs_template', 'completed', 'failed', 'expired'],
  disposing: ['awaiting_receipt', 'completed', 'failed', 'needs_template'],
  awaiting_receipt: ['checking', 'needs_template', 'completed', 'failed'],
  completed: [],
  rejected: [],
  cancelled: [],
  expired: [],
  failed: [],
};

/** True when `to` may follow `from` (I6); staying in a state is always allowed. */
export function mayFollow(from: DispatchState, to: DispatchState): boolean {
  return from === to || graph[from].includes(to);
}

/** The states that may precede `to`; guards the state change in SQL. */
export function statesBefore(to: DispatchState): DispatchState[] {
  return dispatchStates.filter((from) => mayFollow(from, to));
}

export function isEndState(state: DispatchState): state is EndState {
  return (endStates as readonly string[]).includes(state);
}

/** Where a dispatch stands, as far as a message to it is concerned. */
export interface Standing {
  state: DispatchState;
  waitingFor: WaitingFor | null;
  /** A provider has accepted an attempt and has not refused it since: the message left and cannot be stopped. */
  accepted: boolean;
  /** The message that is being worked on already, if any. */
  busy: DispatchMessage | null;
  /** A recipient has been picked and passed its check. */
  chosen: boolean;
}

const waitsTaking: Partial<Record<DispatchMessage, readonly WaitingFor[]>> = {
  chooseRecipient: ['recipient'],
  restart: ['decision'],
  provideTemplate: ['template'],
  retryNow: ['retry'],
  resolveOutcome: ['outcome'],
  setDisposition: ['disposition'],
};

/** Whether a message fits where the dispatch stands: null, or the code that refuses it (4.1, R45, R94, R101). */
export function refuseMessage(message: DispatchMessage, at: Standing): RefusalCode | null {
  const waits = waitsTaking[message];
  if (message === 'chooseRecipient') return refuseChoice(at);
  if (message === 'cancel') return refuseCancel(at);
  if (message === 'abandon') {
    if (at.accepted || isEndState(at.state)) return 'TOO_LATE';
    return at.busy === null && (at.state === 'sending' || at.waitingFor === 'outcome' || at.waitingFor === 'template') ? null : 'NOT_WAITING';
  }
  if (message === 'changeChannel') {
    if (at.accepted || isEndState(at.state)) return 'TOO_LATE';
    return at.busy === null && (at.state === 'sending' || at.waitingFor === 'template') ? null : 'NOT_WAITING';
  }
  if (isEndState(at.state)) return 'TOO_LATE';
  return at.busy === null && at.waitingFor !== null && waits!.includes(at.waitingFor) ? null : 'NOT_WAITING';
}

function refuseChoice(at: Standing): RefusalCode | null {
  const open = at.waitingFor === 'recipient';
  if (open && at.busy === null) return null;
  return (open ? at.busy === 'chooseRecipient' : at.chosen) ? 'CHOICE_ALREADY_MADE' : 'NOT_WAITING';
}

function refuseCancel(at: Standing): RefusalCode | null {
  const stoppable: readonly DispatchState[] = ['accepted', 'checking', 'awaiting_recipient', 'scheduled', 'rendering', 'awaiting_decision', 'needs_template'];
  if (at.accepted || !stoppable.includes(at.state)) return 'TOO_LATE';
  return at.busy === null ? null : 'NOT_WAITING';
}
