/** Threads and their history on the wire. */

import { z } from 'zod';
import { channelTypes } from '../../domain/channel.js';
import { messageStatuses } from '../../domain/receipt.js';
import { failure, id, instant, listOf, orNull, pageQuery, providerReason, transferTargetType } from './common.js';

const threadStatus = z.enum(['active', 'waiting', 'closed']);

const summary = {
  id,
  clientId: id,
  channelId: id,
  channelType: z.enum(channelTypes),
  status: threadStatus,
  origin: z.enum(['inbound', 'outbound']),
  assigneeId: z.string().nullable(),
  queue: z.object({ type: transferTargetType, id: z.string() }).nullable(),
  minimised: z.boolean(),
  transferComment: z.string().nullable(),
  clientWroteAt: instant.nullable(),
  tagIds: z.array(z.string()),
  createdAt: instant,
  closedAt: instant.nullable(),
  closedBy: z.string().nullable(),
};

export const thread = z.object(summary).meta({ id: 'Thread' });
export const threadList = listOf(thread, 'ThreadList');

export const threadFilter = z.strictObject({
  clientId: id.optional(),
  channelId: id.optional(),
  channelType: z.enum(channelTypes).optional(),
  status: threadStatus.optional(),
  assigneeId: id.optional(),
  ...pageQuery,
});

export const message = z
  .object({
    id,
    direction: z.enum(['inbound', 'outgoing']).meta({ description: '`outgoing`: written by us through a dispatch.' }),
    dispatchId: id.nullable(),
    authorId: z.string().nullable(),
    author: z.object({ name: z.string(), role: z.string() }).nullable().meta({ description: 'The member of staff; null for the client and for services.' }),
    subject: z.string().nullable(),
    text: z.string(),
    bcc: z.array(z.string()).meta({ description: 'Shown to staff alone.' }),
    status: z.enum(messageStatuses),
    failureReason: orNull(providerReason),
    failure: orNull(failure).meta({ description: 'With the provider’s own code.' }),
    createdAt: instant,
  })
  .meta({ id: 'Message' });

export const messageList = listOf(message, 'MessageList');
export const messageQuery = z.strictObject(pageQuery);

export const threadDetail = z
  .object({ ...summary, messages: messageList })
  .meta({ id: 'ThreadDetail', description: 'With the newest messages, newest first.' });
