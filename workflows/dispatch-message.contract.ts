/** What the rest of the house may know of the workflow `dispatchMessage`: names, ids, messages, input and result. */

import { defineSearchAttributeKey, type SearchAttributePair, SearchAttributeType } from '@temporalio/common';
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { DispatchState, EndState, WaitingFor } from '../domain/dispatch.js';
import type { Disposition } from '../domain/disposition.js';
import type { Verdict } from '../domain/eligibility.js';
import type { EndReason } from '../domain/next-step.js';
import type { Candidate } from '../domain/recipient.js';
import type { CourseState } from './course.js';
import { describeDispatch, type Described, summarise } from './user-metadata.js';

export const defaultTaskQueue = 'waybill';
export const dispatchWorkflowType = 'dispatchMessage';

/** A worker that dies with a run's task in hand, an express send included, is noticed after this time; milliseconds. */
export const workflowTaskTimeoutMs = 2_000;

/** The workflow id of a dispatch: "already started" means success. */
export function dispatchWorkflowId(dispatchId: string): string {
  return `dispatch/${dispatchId}`;
}

/** The dispatch of a run, by its workflow id. */
export function dispatchIdOf(workflowId: string): string {
  return workflowId.slice(workflowId.indexOf('/') + 1);
}

/** Everything that varies arrives here, never from the environment; lengths in milliseconds. */
export interface DispatchInput {
  dispatchId: string;
  /** The installation's send epoch at acceptance (H14). */
  sendEpoch: number;
  /** Staff wait for a person's decision; service keys do not. */
  parks: boolean;
  deadlines: { choiceMs: number; decisionMs: number; outcomeMs: number };
  /** Where the run before left off, when its history had grown too long. */
  course?: CourseState;
}

export interface DispatchResult {
  state: EndState;
  endReason: EndReason | null;
  attempts: number;
}

/** Who says it; always from a credential. */
export interface Actor {
  actorId: string;
}

export interface RecipientChoice extends Actor {
  contactPointId: string;
}

/** A new revision of the content, already stored; carries no personal data. */
export interface NewRevision extends Actor {
  revision: number;
}

export interface OutcomeResolution extends Actor {
  outcome: 'sent' | 'not_sent' | 'resend';
  /** The epoch in force when the person decided; later attempts carry it (H14). */
  sendEpoch: number;
}

export interface DispositionRepair extends Actor {
  disposition: Disposition;
}

/** What an accepted message answers. */
export interface Standing {
  state: DispatchState;
  waitingFor: WaitingFor | null;
}

/** The signal for any other UI (R3): a bad pick is recorded as refused and the wait goes on. */
export const chooseRecipientSignal = defineSignal<[RecipientChoice]>('chooseRecipient');
export const chooseRecipient = defineUpdate<Standing, [RecipientChoice]>('chooseRecipient');
export const cancel = defineUpdate<Standing, [Actor]>('cancel');
export const restart = defineUpdate<Standing, [NewRevision]>('restart');
export const provideTemplate = defineUpdate<Standing, [NewRevision]>('provideTemplate');
export const retryNow = defineUpdate<Standing, [Actor]>('retryNow');
export const changeChannel = defineUpdate<Standing, [NewRevision]>('changeChannel');
export const abandon = defineUpdate<Standing, [Actor]>('abandon');
export const resolveOutcome = defineUpdate<Standing, [OutcomeResolution]>('resolveOutcome');
export const setDisposition = defineUpdate<Standing, [DispositionRepair]>('setDisposition');

/** From the system: the ledger has news of an attempt; the workflow reads them there. */
export const receiptSignal = defineSignal('receipt');
export const clientWroteSignal = defineSignal('clientWrote');

export interface TimelineEntry {
  at: string;
  what: string;
}

export const timelineQuery = defineQuery<TimelineEntry[]>('timeline');
export const candidatesQuery = defineQuery<Candidate[]>('candidates');
export const verdictQuery = defineQuery<Verdict | null>('verdict');

/** A refused update fails with this `type` = the code and these details. */
export interface UpdateRefusal {
  candidates?: Candidate[];
}

export const searchAttributes = {
  state: defineSearchAttributeKey('DispatchState', SearchAttributeType.KEYWORD),
  waitingFor: defineSearchAttributeKey('DispatchWaitingFor', SearchAttributeType.KEYWORD),
  clientId: defineSearchAttributeKey('DispatchClientId', SearchAttributeType.KEYWORD),
  channel: defineSearchAttributeKey('DispatchChannel', SearchAttributeType.KEYWORD),
  channelType: defineSearchAttributeKey('DispatchChannelType', SearchAttributeType.KEYWORD),
  senderId: defineSearchAttributeKey('DispatchSenderId', SearchAttributeType.KEYWORD),
  failureClass: defineSearchAttributeKey('DispatchFailureClass', SearchAttributeType.KEYWORD),
  reason: defineSearchAttributeKey('DispatchReason', SearchAttributeType.KEYWORD),
  broadcastId: defineSearchAttributeKey('DispatchBroadcastId', SearchAttributeType.KEYWORD),
  waitingSince: defineSearchAttributeKey('DispatchWaitingSince', SearchAttributeType.DATETIME),
  dueAt: defineSearchAttributeKey('DispatchDueAt', SearchAttributeType.DATETIME),
  attempts: defineSearchAttributeKey('DispatchAttempts', SearchAttributeType.INT),
} as const;

/** What is needed to start a dispatch's workflow, read from its row; ids only. */
export interface DispatchStart extends DispatchInput, Described {}

/** The options of the one way to start a dispatch; both the API and the relay use it, and whoever comes second joins the run. */
export function dispatchStart(start: DispatchStart, options: { taskQueue: string; apiUrl: string }) {
  const { choiceMs, decisionMs, outcomeMs } = start.deadlines;
  const input: DispatchInput = { dispatchId: start.dispatchId, sendEpoch: start.sendEpoch, parks: start.parks, deadlines: { choiceMs, decisionMs, outcomeMs } };
  const attributes: SearchAttributePair[] = [
    { key: searchAttributes.state, value: 'checking' },
    { key: searchAttributes.clientId, value: start.clientId },
    { key: searchAttributes.senderId, value: start.senderId },
  ];
  if (start.channelId !== null) attributes.push({ key: searchAttributes.channel, value: start.channelId });
  if (start.channelType !== null) attributes.push({ key: searchAttributes.channelType, value: start.channelType });
  return {
    taskQueue: options.taskQueue,
    workflowId: dispatchWorkflowId(start.dispatchId),
    workflowIdReusePolicy: 'REJECT_DUPLICATE' as const,
    workflowIdConflictPolicy: 'USE_EXISTING' as const,
    workflowTaskTimeout: workflowTaskTimeoutMs,
    args: [input] as [DispatchInput],
    typedSearchAttributes: attributes,
    staticSummary: summarise(start),
    staticDetails: describeDispatch(start, options.apiUrl),
  };
}
