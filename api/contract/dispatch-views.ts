/** What is told of a dispatch. */

import { z } from 'zod';
import { attemptStates } from '../../domain/attempt.js';
import { dispatchStates, waitingFors } from '../../domain/dispatch.js';
import { messageStatuses } from '../../domain/receipt.js';
import { candidateReason, dispositionReason, endReason, verdictCode } from './codes.js';
import { codeOf, contactPointKind, failure, givenInstant, id, instant, listOf, orNull, pageQuery, position, providerReason } from './common.js';
import { disposition } from './dispatches.js';

const state = z.enum(dispatchStates);
const waitingFor = z.enum(waitingFors);

export const standing = z
  .object({ dispatchId: id, state, waitingFor: waitingFor.nullable() })
  .meta({ id: 'Standing', description: 'Where the dispatch stands after the message.' });

const summary = {
  id,
  state,
  waitingFor: waitingFor.nullable(),
  waitingSince: instant.nullable(),
  dueAt: instant.nullable().meta({
    description:
      'When the system goes on by itself if nobody acts: in `outcome_unknown` first to ask a person or to repeat, by the policy of the channel, and at the deadline to the end.',
  }),
  endReason: orNull(endReason),
  endedAt: instant.nullable(),
  clientId: id,
  channelId: id.nullable(),
  contactPointId: id.nullable().meta({ description: 'The recipient, once it is known.' }),
  threadId: id.nullable(),
  sender: z.object({ id: z.string(), role: z.enum(['agent', 'supervisor', 'admin', 'service']) }),
  submittedBy: z.string().meta({ description: 'The key that submitted.' }),
  messageStatus: z.enum(messageStatuses).meta({
    description:
      'What the provider has told of the message, by rank: `queued` (not handed over; a dispatch that ended before it stays so), `wired` (the provider has it), `sent`, `failed`, `delivered`, `read`.',
  }),
  inDoubt: z.boolean().meta({ description: 'Nobody can tell whether the message left.' }),
  possibleDuplicate: z.boolean(),
  dispositionStatus: z.enum(['not_applicable', 'pending', 'done', 'failed']),
  dispositionReason: orNull(dispositionReason),
  temporalUrl: z.string().nullable(),
  createdAt: instant,
  updatedAt: instant,
};

export const dispatch = z.object(summary).meta({ id: 'Dispatch' });
export const dispatchList = listOf(dispatch, 'DispatchList');

export const dispatchFilter = z.strictObject({
  state: state.optional(),
  waitingFor: waitingFor.optional(),
  clientId: id.optional(),
  channelId: id.optional(),
  senderId: id.optional(),
  createdAfter: givenInstant.optional(),
  createdBefore: givenInstant.optional(),
  ...pageQuery,
});

export const codeEntry = z
  .object({
    code: verdictCode,
    channelId: z.string().optional(),
    contactPointId: z.string().optional(),
    threadId: z.string().optional().meta({ description: 'The thread that stands in the way, of `ACTIVE_THREAD` and `ACTIVE_THREAD_APPEARED`.' }),
    field: z.string().optional().meta({ description: 'JSON pointer into the submitted body.' }),
    until: z.string().optional(),
  })
  .meta({ id: 'CodeEntry', description: 'A refusal or a warning; `GET /v1/codes` has its texts.', example: { code: 'CHANNEL_BLOCKED' } });

const verdict = z
  .object({
    allowed: z.boolean(),
    ask: z.boolean().meta({ description: 'Allowed, but a person has to pick the recipient first.' }),
    refusals: z.array(codeEntry),
    warnings: z.array(codeEntry),
    channelId: z.string().nullable(),
    contactPointId: z.string().nullable(),
  })
  .meta({ id: 'Verdict', description: 'The last check: all codes that apply.' });

const candidate = z
  .object({
    contactPointId: id,
    kind: contactPointKind,
    value: z.string().nullable().meta({ description: 'Null once the contact point has been removed.' }),
    position,
    selected: z.boolean().meta({ description: 'Where the client has selected none, all of them count as selected.' }),
    usable: z.boolean(),
    reasons: z.array(candidateReason).meta({ description: 'Why it cannot be picked; `GET /v1/codes` has the texts.' }),
    windowOpenUntil: z.string().nullable().meta({ description: 'Until when free text may be sent to it.' }),
    templateRequired: z.boolean(),
  })
  .meta({ id: 'Candidate' });

const attemptState = codeOf(attemptStates).meta({
  id: 'AttemptState',
  description:
    '`sending`: under way. `accepted`: the provider has it. `refused_temporary`: nothing left, another attempt follows. `refused_permanent`: nothing left, and none follows of itself. `in_doubt`: nobody can tell whether it left. `parked`: in doubt, and a person has to say. `reconciled_sent`: in doubt once, it left. `reconciled_not_sent`: in doubt once, it did not leave. `resent_possible_duplicate`: in doubt, and repeated by a later attempt. `superseded`: its number was closed before anything left.',
});

const attempt = z
  .object({
    id,
    attemptNo: z.int().meta({ description: 'Counted from 1.' }),
    state: attemptState,
    generation: z.int().meta({ description: 'With the dispatch id the key that the provider was given.' }),
    revision: z.int(),
    channelId: id.nullable(),
    contactPointId: id.nullable(),
    startedAt: instant,
    finishedAt: instant.nullable(),
    reason: orNull(providerReason),
    failure: orNull(failure),
    externalIds: z.array(z.string()),
    repeatsAttemptId: id.nullable(),
    recipients: z.array(z.object({ role: z.enum(['to', 'bcc']), address: z.string(), status: z.enum(['accepted', 'refused']), failure: orNull(failure) })),
  })
  .meta({ id: 'Attempt', description: 'One hand-over to the provider. Blind copies are shown to staff alone.' });

export const timelineEvent = z
  .object({
    seq: z.int().meta({ description: 'Rises with time over all dispatches, so that those of one have gaps.' }),
    type: z.string().meta({
      description:
        '`dispatch.accepted` and `dispatch.` with the end state, `eligibility.checked`, `recipient.chosen` or `.refused`, `template.provided`, `wait.began`; `delivery.began`, `.accepted`, `.errored` (tried again), `.failed` (for good), `.doubted`, `.parked`, `.reconciled`; `outcome.resolved`, `receipt.arrived`, `disposition.applied` or `.failed`, `message.on_behalf`. More may come.',
    }),
    at: instant,
    data: z.record(z.string(), z.unknown()).meta({ description: 'Ids and codes; `GET /v1/codes` has the texts of the codes.' }),
  })
  .meta({ id: 'TimelineEvent', example: { seq: 41, type: 'recipient.chosen', at: '2026-03-01T09:30:00.000Z', data: {} } });

export const dispatchDetail = z
  .object({
    ...summary,
    clientName: z.string(),
    revision: z.int().meta({ description: 'Which version of the content is in force; submit is 1.' }),
    recipientPolicy: z.enum(['ask', 'priority', 'explicit']),
    content: z.object({
      kind: z.string(),
      text: z.string().optional(),
      templateId: z.string().optional(),
      templateVersion: z.int().nullable(),
      variables: z.record(z.string(), z.string()).optional(),
      subject: z.string().optional(),
      from: z.string().optional(),
      bcc: z.array(z.string()).optional().meta({ description: 'Shown to staff alone.' }),
    }),
    renderedSha256: z.string().nullable().meta({ description: 'Of the finished content; the same on every attempt.' }),
    disposition: orNull(disposition),
    tagIds: z.array(z.string()),
    deadlines: z.object({ choiceMs: z.int(), decisionMs: z.int(), outcomeMs: z.int(), retryMs: z.int().nullable() }),
    verdict: orNull(verdict),
    candidates: z.array(candidate),
    attempts: z.array(attempt),
    timeline: z.array(timelineEvent),
  })
  .meta({ id: 'DispatchDetail' });
