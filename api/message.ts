/** A message to a running dispatch: an update of its workflow, answered by the workflow, or from the row when no run can answer. */

import { randomUUID } from 'node:crypto';
import { WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError } from '@temporalio/client';
import { ApplicationFailure, type UpdateDefinition, WorkflowNotFoundError } from '@temporalio/common';
import { z } from 'zod';
import { type DispatchStanding, findStanding } from '../db/standing.js';
import { recordEvent } from '../db/events.js';
import { type RefusalCode, refusals } from '../domain/codes.js';
import { type DispatchMessage, isEndState, refuseMessage } from '../domain/dispatch.js';
import { type Actor, dispatchWorkflowId, type Standing, type UpdateRefusal } from '../workflows/dispatch-message.contract.js';
import { actFor } from './auth.js';
import { idempotencyKey } from './contract/common.js';
import type { standing } from './contract/dispatch-views.js';
import { faultFacts } from './faults.js';
import { Refusal, refuse, unavailable } from './problem.js';
import type { Call, Reply } from './route.js';
import { hashOf } from './submit.js';

/** Optional here: with it a repeat of the same message gets the first answer again. */
export const messageHeaders = z.object({ 'idempotency-key': idempotencyKey.optional() });

/** What the document says of messages that are acted on between attempts. */
export const whileSending =
  'While an attempt is under way the answer waits for its end. When that takes longer than the answer may, it is 503 and says so; the message is acted on all the same, once.';

export type MessageCall = Call<'send', { id: string }, unknown, { 'idempotency-key'?: string | undefined }, { onBehalfOf?: string | undefined }>;

/**
 * Sends the message and tells where the dispatch stands after it. Safe to repeat with the same key: the workflow gives the first
 * answer again. `build` adds what the message carries to the one who says it.
 */
export async function tell<M extends Actor>(
  call: MessageCall,
  message: DispatchMessage,
  definition: UpdateDefinition<Standing, [M]>,
  build: (actor: Actor) => M | Refusal | Promise<M | Refusal>,
): Promise<Reply<z.input<typeof standing>> | Refusal> {
  const { deps, principal, params, body } = call;
  const actor = await actFor(deps.db, principal, body.onBehalfOf);
  if (actor instanceof Refusal) return actor;
  const said = await build({ actorId: actor.id });
  if (said instanceof Refusal) return said;
  const key = call.headers['idempotency-key'];
  // A key belongs to its caller, to one kind of message and to what it says: under the same key something else is a message of its own.
  const updateId = key === undefined ? randomUUID() : `${message}/${principal.sender.id}/${key}/${hashOf(body)}`;
  try {
    const after = await deps.temporal.withDeadline(Date.now() + deps.limits.messageMs, () =>
      deps.temporal.workflow.getHandle(dispatchWorkflowId(params.id)).executeUpdate(definition, { args: [said] as [M], updateId }),
    );
    if (body.onBehalfOf !== undefined) await recordEvent(deps.db, params.id, 'message.on_behalf', { message, by: actor.id, keyId: principal.keyId });
    return { body: { dispatchId: params.id, ...after } };
  } catch (error) {
    return refusedByRun(error) ?? (await answerFromRow(call, message, error));
  }
}

/** The workflow's own "no", if the error is one. */
function refusedByRun(error: unknown): Refusal | null {
  if (!(error instanceof WorkflowUpdateFailedError) || !(error.cause instanceof ApplicationFailure)) return null;
  const { type, details } = error.cause;
  if (!type || !Object.hasOwn(refusals, type)) return null;
  const { candidates } = (details?.[0] ?? {}) as UpdateRefusal;
  return refuse(type as RefusalCode, candidates ? { candidates } : {});
}

async function answerFromRow({ deps, params }: MessageCall, message: DispatchMessage, error: unknown): Promise<Refusal> {
  const row = await findStanding(deps.db, params.id);
  if (!row) return refuse('NOT_FOUND');
  // Whatever was chosen before it: the cancel is what counts.
  if (message === 'chooseRecipient' && row.state === 'cancelled') return refuse('NOT_WAITING', { detail: 'The dispatch was cancelled; nothing was sent.' });
  const code = refuseByRow(message, row);
  // A pick that is on record holds, whether its run can be reached or not.
  if (code && (isEndState(row.state) || error instanceof WorkflowNotFoundError || code === 'CHOICE_ALREADY_MADE')) return refuse(code);
  // Accepted and not started yet: the relay is about to.
  if (row.state === 'accepted' && error instanceof WorkflowNotFoundError) return refuse('NOT_WAITING');
  deps.logger.warn({ dispatchId: params.id, message, ...faultFacts(error) }, 'a message did not reach its dispatch');
  if (row.state === 'sending' && row.waitingFor === null && error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) {
    return unavailable('An attempt is under way, and its end is waited for. Repeat with the same Idempotency-Key: it is acted on once.');
  }
  return unavailable('The dispatch could not be reached. Repeat with the same Idempotency-Key: it is acted on once.');
}

/** Late picks are told what became of the choice (4.1). */
function refuseByRow(message: DispatchMessage, row: DispatchStanding): RefusalCode | null {
  const chosen = row.choice !== null;
  if (message === 'chooseRecipient' && !chosen && row.endReason === 'CHOICE_EXPIRED') return 'CHOICE_EXPIRED';
  return refuseMessage(message, { ...row, chosen, busy: null });
}
