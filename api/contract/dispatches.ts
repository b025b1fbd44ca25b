/** What a caller may ask of dispatches: the submit body of requirements 4.1, and messages to a dispatch. */

import { z } from 'zod';
import { id, label, onBehalfOf, oneLine, transferTargetType } from './common.js';

const emailFields = {
  subject: oneLine.max(2_000).optional().meta({ description: 'Email only; required there, unless a template brings its own. One line.' }),
  from: z.string().max(320).optional().meta({ description: 'Email only: one of the connected mailboxes; default: the one the client last wrote to.' }),
  bcc: z.array(z.string().max(320)).max(50).optional().meta({ description: 'Email only; never shown to the client.' }),
};

const variables = z.record(z.string().max(200), z.string().max(10_000));

export const content = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('text'), text: z.string().max(200_000), ...emailFields }),
    z.strictObject({ kind: z.literal('template'), templateId: id, variables: variables.default({}), ...emailFields }),
  ])
  .meta({
    id: 'Content',
    description: 'A template carries its id and variables, never text.',
    example: { kind: 'text', text: 'Your order is ready.', subject: 'Order 1234' },
  });

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
  .meta({
    id: 'Disposition',
    description: 'What becomes of the thread after sending. Required on every channel but email, and not taken there.',
    example: { kind: 'close' },
  });

const day = 86_400;
const seconds = z
  .int()
  .min(1)
  .max(30 * day);

export const newDispatch = z
  .strictObject({
    clientId: id.optional(),
    to: z
      .strictObject({
        externalId: z.string().min(1).max(255).optional(),
        phone: z.string().min(1).max(100).optional(),
        email: z.string().min(1).max(320).optional(),
      })
      .refine((to) => Object.keys(to).length === 1, 'Name exactly one of externalId, phone and email.')
      .optional()
      .meta({ description: 'Names the client by a contact point; a new one is created.' }),
    channelId: id
      .optional()
      .meta({ description: 'Default: the priority contact point decides. What this channel does not take is refused at once, not by the verdict.' }),
    contactPointId: id.optional().meta({ description: 'The recipient, for the policy `explicit`.' }),
    recipientPolicy: z.enum(['ask', 'priority', 'explicit']).optional().meta({
      description: '`ask` (default): a person picks among several. `priority`: the topmost, never waits. `explicit`: the contact point that is named.',
    }),
    content,
    disposition: disposition.optional(),
    tagIds: z.array(label.max(100)).max(50).default([]),
    onBehalfOf,
    deadlines: z.strictObject({ choiceSeconds: seconds.optional(), decisionSeconds: seconds.optional(), retrySeconds: seconds.optional() }).default({}),
  })
  .refine((body) => (body.clientId === undefined) !== (body.to === undefined), { path: ['clientId'], message: 'Name either clientId or to.' })
  .refine((body) => (body.contactPointId !== undefined) === (body.recipientPolicy === 'explicit'), {
    path: ['contactPointId'],
    message: 'A contact point goes with the policy `explicit`, and that policy needs one.',
  })
  .refine((body) => body.contactPointId === undefined || body.to === undefined, {
    path: ['contactPointId'],
    message: 'A contact point is named together with clientId.',
  })
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
