import { sql } from 'drizzle-orm';
import { bigserial, boolean, check, foreignKey, index, integer, jsonb, pgTable, primaryKey, text, unique, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { type AttemptState, attemptStates } from '../../domain/attempt.js';
import type { Content, RenderedContent } from '../../domain/content.js';
import type { Disposition, DispositionReason, DispositionStatus, SenderRole } from '../../domain/disposition.js';
import { dispatchStates, type DispatchState, type WaitingFor, waitingFors } from '../../domain/dispatch.js';
import type { Verdict } from '../../domain/eligibility.js';
import type { Failure } from '../../domain/failure.js';
import { messageStatuses, type MessageStatus } from '../../domain/receipt.js';
import { channels } from './channels.js';
import { createdAt, instant, oneOf } from './columns.js';
import { clients, contactPoints } from './people.js';
import { threads } from './threads.js';

export interface Deadlines {
  choiceMs: number;
  decisionMs: number;
  outcomeMs: number;
  /** Null: the channel's own. */
  retryMs: number | null;
}

/** The life of one outgoing message. */
export const dispatches = pgTable(
  'dispatches',
  {
    id: uuid('id').primaryKey(),
    clientId: uuid('client_id')
      .notNull()
      .references(() => clients.id),
    senderId: text('sender_id').notNull(),
    senderRole: text('sender_role').$type<SenderRole>().notNull(),
    /** The key that submitted; differs from the sender under `onBehalfOf`. */
    submittedBy: text('submitted_by').notNull(),
    /** Staff wait for a person's decision, service keys do not. */
    parks: boolean('parks').notNull(),
    state: text('state').$type<DispatchState>().notNull().default('accepted'),
    waitingFor: text('waiting_for').$type<WaitingFor>(),
    waitingSince: instant('waiting_since'),
    dueAt: instant('due_at'),
    endReason: text('end_reason'),
    endedAt: instant('ended_at'),
    deadlines: jsonb('deadlines').$type<Deadlines>().notNull(),
    /** The revision of the content in force: submit is 1, each restart, change of channel or template adds one. */
    revision: integer('revision').notNull().default(1),
    verdict: jsonb('verdict').$type<Verdict>(),
    channelId: uuid('channel_id').references(() => channels.id),
    /** The recipient: the contact point that the message goes to. */
    contactPointId: uuid('contact_point_id'),
    threadId: uuid('thread_id').references(() => threads.id),
    messageStatus: text('message_status').$type<MessageStatus>().notNull().default('queued'),
    inDoubt: boolean('in_doubt').notNull().default(false),
    possibleDuplicate: boolean('possible_duplicate').notNull().default(false),
    dispositionStatus: text('disposition_status').$type<DispositionStatus>().notNull().default('pending'),
    dispositionReason: text('disposition_reason').$type<DispositionReason>(),
    sendEpoch: integer('send_epoch').notNull(),
    runId: text('run_id'),
    createdAt: createdAt(),
    updatedAt: instant('updated_at')
      .notNull()
      .default(sql`now()`),
    /** When the reconciler last compared this row with Temporal. */
    reconciledAt: instant('reconciled_at'),
  },
  (t) => [
    foreignKey({ name: 'dispatches_recipient', columns: [t.clientId, t.contactPointId], foreignColumns: [contactPoints.clientId, contactPoints.id] }),
    check('dispatches_state', oneOf('state', dispatchStates)),
    check('dispatches_waiting_for', oneOf('waiting_for', waitingFors)),
    check('dispatches_message_status', oneOf('message_status', messageStatuses)),
    index('dispatches_newest').on(t.createdAt, t.id),
    index('dispatches_client').on(t.clientId, t.createdAt),
    index('dispatches_thread').on(t.threadId),
    index('dispatches_waiting')
      .on(t.waitingFor, t.waitingSince)
      .where(sql`waiting_for is not null`),
    index('dispatches_open')
      .on(t.reconciledAt)
      .where(sql`ended_at is null`),
  ],
);

/** What is to be said, how and to whom, as one person asked for it; written once, then only its rendering is added. */
export const dispatchRevisions = pgTable(
  'dispatch_revisions',
  {
    dispatchId: uuid('dispatch_id')
      .notNull()
      .references(() => dispatches.id),
    revision: integer('revision').notNull(),
    channelId: uuid('channel_id').references(() => channels.id),
    contactPointId: uuid('contact_point_id'),
    recipientPolicy: text('recipient_policy').$type<'ask' | 'priority' | 'explicit'>().notNull(),
    content: jsonb('content').$type<Content>().notNull(),
    templateVersion: integer('template_version'),
    disposition: jsonb('disposition').$type<Disposition>(),
    tagIds: text('tag_ids')
      .array()
      .notNull()
      .default(sql`'{}'`),
    rendered: jsonb('rendered').$type<RenderedContent>(),
    /** SHA-256 of the rendered content, hex. */
    renderedSha256: text('rendered_sha256'),
    createdBy: text('created_by').notNull(),
    createdAt: createdAt(),
  },
  (t) => [primaryKey({ columns: [t.dispatchId, t.revision] })],
);

/** Who picked which recipient when; one pick per revision (H6). */
export const recipientChoices = pgTable(
  'recipient_choices',
  {
    dispatchId: uuid('dispatch_id')
      .notNull()
      .references(() => dispatches.id),
    revision: integer('revision').notNull(),
    contactPointId: uuid('contact_point_id').notNull(),
    chosenBy: text('chosen_by').notNull(),
    chosenAt: instant('chosen_at')
      .notNull()
      .default(sql`now()`),
  },
  (t) => [primaryKey({ columns: [t.dispatchId, t.revision] })],
);

/** One hand-over each; written before the call, so that a death leaves a trace (H1). `attemptNo` is the fencing token. */
export const attempts = pgTable(
  'attempts',
  {
    id: uuid('id').primaryKey(),
    dispatchId: uuid('dispatch_id')
      .notNull()
      .references(() => dispatches.id),
    attemptNo: integer('attempt_no').notNull(),
    state: text('state').$type<AttemptState>().notNull(),
    /** With the dispatch id the provider key; rises on a definite refusal and on a change of channel, never in doubt (R98). */
    generation: integer('generation').notNull(),
    revision: integer('revision').notNull(),
    channelId: uuid('channel_id').references(() => channels.id),
    contactPointId: uuid('contact_point_id'),
    verdict: jsonb('verdict').$type<Verdict>(),
    sendDeadlineAt: instant('send_deadline_at'),
    externalIds: text('external_ids')
      .array()
      .notNull()
      .default(sql`'{}'`),
    failure: jsonb('failure').$type<Failure>(),
    reason: text('reason'),
    /** The attempt in doubt that this one repeats. */
    repeatsAttemptId: uuid('repeats_attempt_id'),
    startedAt: instant('started_at')
      .notNull()
      .default(sql`now()`),
    finishedAt: instant('finished_at'),
  },
  (t) => [
    unique('attempts_token').on(t.dispatchId, t.attemptNo),
    check('attempts_state', oneOf('state', attemptStates)),
    index('attempts_open')
      .on(t.sendDeadlineAt)
      .where(sql`state = 'sending'`),
  ],
);

/** What became of each address of an attempt; the To address decides the attempt (H10). */
export const attemptRecipients = pgTable(
  'attempt_recipients',
  {
    attemptId: uuid('attempt_id')
      .notNull()
      .references(() => attempts.id),
    /** Position in the envelope: 0 is the To address. */
    position: integer('position').notNull(),
    role: text('role').$type<'to' | 'bcc'>().notNull(),
    address: text('address').notNull(),
    status: text('status').$type<'accepted' | 'refused'>().notNull(),
    failure: jsonb('failure').$type<Failure>(),
  },
  (t) => [primaryKey({ columns: [t.attemptId, t.position] })],
);

/** The provider's ids of an accepted attempt, to match receipts. */
export const attemptExternalIds = pgTable(
  'attempt_external_ids',
  {
    channelId: uuid('channel_id')
      .notNull()
      .references(() => channels.id),
    externalId: text('external_id').notNull(),
    attemptId: uuid('attempt_id')
      .notNull()
      .references(() => attempts.id),
  },
  (t) => [primaryKey({ columns: [t.channelId, t.externalId] })],
);

/** The timeline of a dispatch; `data` carries ids and codes, never an address or a text. */
export const events = pgTable(
  'events',
  {
    seq: bigserial('seq', { mode: 'number' }).primaryKey(),
    dispatchId: uuid('dispatch_id')
      .notNull()
      .references(() => dispatches.id),
    type: text('type').notNull(),
    data: jsonb('data').$type<Record<string, unknown>>().notNull().default({}),
    at: instant('at')
      .notNull()
      .default(sql`now()`),
  },
  (t) => [index('events_dispatch').on(t.dispatchId, t.seq)],
);

/** The key contract of H5: the row and the dispatch are written in one transaction. */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    principal: text('principal').notNull(),
    key: text('key').notNull(),
    bodyHash: text('body_hash').notNull(),
    dispatchId: uuid('dispatch_id').notNull(),
    createdAt: createdAt(),
  },
  (t) => [primaryKey({ columns: [t.principal, t.key] })],
);

/** What has to reach Temporal: a start, or a signal to a run. Deleted once it has. */
export const outbox = pgTable(
  'outbox',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    dispatchId: uuid('dispatch_id')
      .notNull()
      .references(() => dispatches.id),
    kind: text('kind').$type<'start' | 'receipt' | 'client_wrote'>().notNull(),
    payload: jsonb('payload').$type<Record<string, unknown>>().notNull().default({}),
    createdAt: createdAt(),
    /** Nobody else takes the row before this time. */
    leasedUntil: instant('leased_until')
      .notNull()
      .default(sql`now()`),
    tries: integer('tries').notNull().default(0),
  },
  (t) => [
    index('outbox_due').on(t.leasedUntil),
    uniqueIndex('outbox_one_start')
      .on(t.dispatchId)
      .where(sql`kind = 'start'`),
  ],
);

/** What providers told us: stored before the 200, applied afterwards, unique per provider event (H7). */
export const inbox = pgTable(
  'inbox',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    channelId: uuid('channel_id')
      .notNull()
      .references(() => channels.id),
    eventId: text('event_id').notNull(),
    kind: text('kind').notNull(),
    event: jsonb('event').$type<Record<string, unknown>>().notNull(),
    receivedAt: instant('received_at')
      .notNull()
      .default(sql`now()`),
    appliedAt: instant('applied_at'),
    tries: integer('tries').notNull().default(0),
  },
  (t) => [
    unique('inbox_event').on(t.channelId, t.eventId),
    index('inbox_unapplied')
      .on(t.receivedAt)
      .where(sql`applied_at is null`),
  ],
);

/** Receipts matched to an attempt, or waiting for the attempt that they belong to. */
export const receipts = pgTable(
  'receipts',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    channelId: uuid('channel_id')
      .notNull()
      .references(() => channels.id),
    externalId: text('external_id').notNull(),
    attemptId: uuid('attempt_id').references(() => attempts.id),
    status: text('status').$type<MessageStatus>().notNull(),
    failure: jsonb('failure').$type<Failure>(),
    reason: text('reason'),
    at: instant('at').notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    index('receipts_attempt').on(t.attemptId),
    index('receipts_unmatched')
      .on(t.channelId, t.externalId)
      .where(sql`attempt_id is null`),
  ],
);
