/** Dispatches on the wire: the submit body of requirements 4.1, and what is told of a dispatch. */

import { z } from 'zod';
import { dispatchStates, waitingFors } from '../../domain/dispatch.js';
import { messageStatuses } from '../../domain/receipt.js';
import { contactPointKind, failure, id, instant, listOf, onBehalfOf, orNull, pageQuery, transferTargetType } from './common.js';

const emailFields = {
  subject: z.string().max(2_000).optional().meta({ description: 'Email only; required there.' }),
  from: z.string().max(320).optional().meta({ description: 'Email only: one of the connected mailboxes; default: the one the client last wrote to.' }),
  bcc: z.array(z.string().max(320)).max(50).optional().meta({ description: 'Email only; never shown to the client.' }),
};

const variables = z.record(z.string().max(200), z.string().max(10_000));

export const content = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('text'), text: z.string().max(200_000), ...emailFields }),
    z.strictObject({ kind: z.literal('template'), templateId: id, variables: variables.default({}), ...emailFields }),
  ])
  .meta({ id: 'Content', description: 'A template carries its id and variables, never text.', example: { kind: 'text', text: 'Your order is ready.', subject: 'Order 1234' } });

export const disposition = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('close') }),
    z.strictObject({ kind: z.literal('assign_self') }),
    z.strictObject({
      kind: z.literal('transfer'),
      target: z.strictObject({ type: transferTargetType, id: z.string().min(1).max(100) }),
      comment: z.string().max(2_000).optional(),
    }),
  ])
  .meta({ id: 'Disposition', description: 'What becomes of the thread after sending. Not for email.', example: { kind: 'close' } });

const day = 86_400;
const seconds = z.int().min(1).max(30 * day);

export const newDispatch = z
  .strictObject({
    clientId: id.optional(),
    to: z
      .strictObject({ externalId: z.string().min(1).max(255).optional(), phone: z.string().min(1).max(100).optional(), email: z.string().min(1).max(320).optional() })
      .refine((to) => Object.keys(to).length === 1, 'Name exactly one of externalId, phone and email.')
      .optional()
      .meta({ description: 'Names the client by a contact point; a new one is created.' }),
    channelId: id.optional().meta({ description: 'Default: the priority contact point decides.' }),
    contactPointId: id.optional().meta({ description: 'The recipient, for the policy `explicit`.' }),
    recipientPolicy: z
      .enum(['ask', 'priority', 'explicit'])
      .optional()
      .meta({ description: '`ask` (default): a person picks among several. `priority`: the topmost, never waits. `explicit`: the contact point that is named.' }),
    content,
    disposition: disposition.optional(),
    tagIds: z.array(z.string().min(1).max(100)).max(50).default([]),
    onBehalfOf,
    deadlines: z.strictObject({ choiceSeconds: seconds.optional(), decisionSeconds: seconds.optional(), retrySeconds: seconds.optional() }).default({}),
  })
  .refine((body) => (body.clientId === undefined) !== (body.to === undefined), { path: ['clientId'], message: 'Name either clientId or to.' })
  .refine((body) => (body.contactPointId !== undefined) === (body.recipientPolicy === 'explicit'), {
    path: ['contactPointId'],
    message: 'A contact point goes with the policy `explicit`, and that policy needs one.',
  })
  .refine((body) => body.contactPointId === undefined || body.to === undefined, { path: ['contactPointId'], message: 'A contact point is named together with clientId.' })
  .meta({
    id: 'NewDispatch',
    example: { to: { email: 'client014@example.test' }, content: { kind: 'text', subject: 'Order 1234', text: 'Your order is ready.' } },
  });

/** A new channel, with what else changes; what is left out stays. */
export const rerouting = z
  .strictObject({ channelId: id, contactPointId: id.optional(), content: content.optional(), disposition: disposition.optional(), onBehalfOf })
  .meta({ id: 'Rerouting', example: { channelId: '0199c0de-0000-7000-8000-000000000002' } });

export const templateChoice = z
  .strictObject({ templateId: id, variables: variables.default({}), onBehalfOf })
  .meta({ id: 'TemplateChoice', example: { templateId: '0199c0de-0000-7000-8000-000000000003', variables: { name: 'Client 014' } } });

export const recipientChoice = z
  .strictObject({ contactPointId: id, onBehalfOf })
  .meta({ id: 'RecipientChoice', example: { contactPointId: '0199c0de-0000-7000-8000-000000000004' } });

/** For messages that say nothing but themselves. */
export const plainMessage = z.strictObject({ onBehalfOf }).meta({ id: 'PlainMessage', example: {} });

export const outcomeResolution = z
  .strictObject({ outcome: z.enum(['sent', 'not_sent', 'resend']), onBehalfOf })
  .meta({ id: 'OutcomeResolution', example: { outcome: 'sent' } });

export const dispositionRepair = z.strictObject({ disposition, onBehalfOf }).meta({ id: 'DispositionRepair', example: { disposition: { kind: 'close' } } });

const state = z.enum(dispatchStates);
const waitingFor = z.enum(waitingFors);

export const standing = z.object({ dispatchId: id, state, waitingFor: waitingFor.nullable() }).meta({ id: 'Standing', description: 'Where the dispatch stands after the message.' });

const summary = {
  id,
  state,
  waitingFor: waitingFor.nullable(),
  waitingSince: instant.nullable(),
  dueAt: instant.nullable().meta({ description: 'When the wait ends by itself.' }),
  endReason: z.string().nullable(),
  endedAt: instant.nullable(),
  clientId: id,
  channelId: id.nullable(),
  contactPointId: id.nullable().meta({ description: 'The recipient, once it is known.' }),
  threadId: id.nullable(),
  sender: z.object({ id: z.string(), role: z.enum(['agent', 'supervisor', 'admin', 'service']) }),
  submittedBy: z.string().meta({ description: 'The key that submitted.' }),
  messageStatus: z.enum(messageStatuses),
  inDoubt: z.boolean().meta({ description: 'Nobody can tell whether the message left.' }),
  possibleDuplicate: z.boolean(),
  dispositionStatus: z.enum(['not_applicable', 'pending', 'done', 'failed']),
  dispositionReason: z.string().nullable(),
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
  createdAfter: z.iso.datetime({ offset: true }).optional(),
  createdBefore: z.iso.datetime({ offset: true }).optional(),
  ...pageQuery,
});

const codeEntry = z.object({ code: z.string(), channelId: z.string().optional(), contactPointId: z.string().optional(), field: z.string().optional(), until: z.string().optional() });

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
    position: z.int(),
    selected: z.boolean(),
    usable: z.boolean(),
    reasons: z.array(z.string()).meta({ description: 'Why it cannot be picked.' }),
    windowOpenUntil: z.string().nullable().meta({ description: 'Until when free text may be sent to it.' }),
    templateRequired: z.boolean(),
  })
  .meta({ id: 'Candidate' });

const attempt = z
  .object({
    id,
    attemptNo: z.int(),
    state: z.string(),
    generation: z.int().meta({ description: 'With the dispatch id the key that the provider was given.' }),
    revision: z.int(),
    channelId: id.nullable(),
    contactPointId: id.nullable(),
    startedAt: instant,
    finishedAt: instant.nullable(),
    reason: z.string().nullable(),
    failure: orNull(failure),
    externalIds: z.array(z.string()),
    repeatsAttemptId: id.nullable(),
    recipients: z.array(
      z.object({ role: z.enum(['to', 'bcc']), address: z.string(), status: z.enum(['accepted', 'refused']), failure: orNull(failure) }),
    ),
  })
  .meta({ id: 'Attempt', description: 'One hand-over to the provider. Blind copies are shown to staff alone.' });

export const timelineEvent = z
  .object({ seq: z.int(), type: z.string(), at: instant, data: z.record(z.string(), z.unknown()).meta({ description: 'Ids and codes.' }) })
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
