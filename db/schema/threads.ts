import { sql } from 'drizzle-orm';
import { boolean, check, index, jsonb, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import type { ChannelType } from '../../domain/channel.js';
import type { TransferTargetType } from '../../domain/disposition.js';
import type { Failure } from '../../domain/failure.js';
import { messageStatuses, type MessageStatus } from '../../domain/receipt.js';
import { channels } from './channels.js';
import { createdAt, instant, oneOf } from './columns.js';
import { clients } from './people.js';

/** The conversation. One open thread per scope key at every instant: that index is the rule (X2, H8). */
export const threads = pgTable(
  'threads',
  {
    id: uuid('id').primaryKey(),
    clientId: uuid('client_id')
      .notNull()
      .references(() => clients.id),
    channelId: uuid('channel_id')
      .notNull()
      .references(() => channels.id),
    channelType: text('channel_type').$type<ChannelType>().notNull(),
    /** The client, or client and channel, by the setting at opening. */
    scopeKey: text('scope_key').notNull(),
    status: text('status').$type<'active' | 'waiting' | 'closed'>().notNull(),
    origin: text('origin').$type<'inbound' | 'outbound'>().notNull(),
    assigneeId: text('assignee_id'),
    queue: jsonb('queue').$type<{ type: TransferTargetType; id: string }>(),
    minimised: boolean('minimised').notNull().default(false),
    transferComment: text('transfer_comment'),
    /** The dispatch whose send opened it. */
    claimedByDispatchId: uuid('claimed_by_dispatch_id'),
    /** The client wrote in a thread that a dispatch claimed (R80, R95). */
    clientWroteAt: instant('client_wrote_at'),
    tagIds: text('tag_ids')
      .array()
      .notNull()
      .default(sql`'{}'`),
    createdAt: createdAt(),
    closedAt: instant('closed_at'),
    closedBy: text('closed_by'),
  },
  (t) => [
    check('threads_status', oneOf('status', ['active', 'waiting', 'closed'])),
    check('threads_origin', oneOf('origin', ['inbound', 'outbound'])),
    uniqueIndex('threads_one_open')
      .on(t.scopeKey)
      .where(sql`status <> 'closed'`),
    index('threads_client').on(t.clientId, t.createdAt),
    index('threads_newest').on(t.createdAt, t.id),
  ],
);

/** An entry in a thread's history. BCC is for staff only and never leaves in a client-visible form (R72). */
export const messages = pgTable(
  'messages',
  {
    id: uuid('id').primaryKey(),
    threadId: uuid('thread_id')
      .notNull()
      .references(() => threads.id),
    direction: text('direction').$type<'inbound' | 'outgoing'>().notNull(),
    dispatchId: uuid('dispatch_id'),
    authorId: text('author_id'),
    subject: text('subject'),
    text: text('text').notNull(),
    bcc: text('bcc')
      .array()
      .notNull()
      .default(sql`'{}'`),
    status: text('status').$type<MessageStatus>().notNull(),
    failureReason: text('failure_reason'),
    failure: jsonb('failure').$type<Failure>(),
    externalId: text('external_id'),
    createdAt: createdAt(),
  },
  (t) => [
    check('messages_direction', oneOf('direction', ['inbound', 'outgoing'])),
    check('messages_status', oneOf('status', messageStatuses)),
    index('messages_thread').on(t.threadId, t.createdAt, t.id),
    uniqueIndex('messages_dispatch')
      .on(t.dispatchId)
      .where(sql`dispatch_id is not null`),
  ],
);
