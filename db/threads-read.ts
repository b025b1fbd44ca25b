/** Conversations as people read them, and closing one by hand. */

import { and, eq, ne, sql } from 'drizzle-orm';
import type { ChannelType } from '../domain/channel.js';
import type { Queryable } from './connect.js';
import { behind, cursorOf, newestFirst, type Page, pageOf, type PageRequest } from './paging.js';
import { messages, staff, threads } from './schema/index.js';

const threadColumns = {
  id: threads.id,
  clientId: threads.clientId,
  channelId: threads.channelId,
  channelType: threads.channelType,
  status: threads.status,
  origin: threads.origin,
  assigneeId: threads.assigneeId,
  queue: threads.queue,
  minimised: threads.minimised,
  transferComment: threads.transferComment,
  clientWroteAt: threads.clientWroteAt,
  tagIds: threads.tagIds,
  createdAt: threads.createdAt,
  closedAt: threads.closedAt,
  closedBy: threads.closedBy,
};

export type StoredThread = Omit<typeof threads.$inferSelect, 'scopeKey' | 'claimedByDispatchId'>;

export interface ThreadFilter {
  clientId?: string | undefined;
  channelId?: string | undefined;
  channelType?: ChannelType | undefined;
  status?: StoredThread['status'] | undefined;
  assigneeId?: string | undefined;
}

/** Newest first. */
export async function listThreads(db: Queryable, filter: ThreadFilter, page: PageRequest): Promise<Page<StoredThread>> {
  const rows = await db
    .select({ ...threadColumns, cursor: cursorOf(threads) })
    .from(threads)
    .where(
      and(
        behind(threads, page.after),
        filter.clientId === undefined ? undefined : eq(threads.clientId, filter.clientId),
        filter.channelId === undefined ? undefined : eq(threads.channelId, filter.channelId),
        filter.channelType === undefined ? undefined : eq(threads.channelType, filter.channelType),
        filter.status === undefined ? undefined : eq(threads.status, filter.status),
        filter.assigneeId === undefined ? undefined : eq(threads.assigneeId, filter.assigneeId),
      ),
    )
    .orderBy(newestFirst(threads))
    .limit(page.limit + 1);
  return pageOf(rows, page.limit);
}

/** The thread, or null. */
export async function findThread(db: Queryable, id: string): Promise<StoredThread | null> {
  const [row] = await db.select(threadColumns).from(threads).where(eq(threads.id, id));
  return row ?? null;
}

/** Closes an open thread; false when it was closed before, or is not there. */
export async function closeThread(db: Queryable, id: string, closedBy: string): Promise<boolean> {
  const closed = await db
    .update(threads)
    .set({ status: 'closed', closedAt: sql`now()`, closedBy, minimised: false })
    .where(and(eq(threads.id, id), ne(threads.status, 'closed')))
    .returning({ id: threads.id });
  return closed.length > 0;
}

/** An entry of the history; `author` is null for the client's own messages and for services. */
export interface StoredMessage {
  id: string;
  direction: 'inbound' | 'outgoing';
  dispatchId: string | null;
  authorId: string | null;
  author: { name: string; role: string } | null;
  subject: string | null;
  text: string;
  bcc: string[];
  status: (typeof messages.$inferSelect)['status'];
  failureReason: string | null;
  failure: (typeof messages.$inferSelect)['failure'];
  createdAt: Date;
}

/** Newest first. */
export async function listMessages(db: Queryable, threadId: string, page: PageRequest): Promise<Page<StoredMessage>> {
  const rows = await db
    .select({
      id: messages.id,
      direction: messages.direction,
      dispatchId: messages.dispatchId,
      authorId: messages.authorId,
      author: { name: staff.name, role: staff.role },
      subject: messages.subject,
      text: messages.text,
      bcc: messages.bcc,
      status: messages.status,
      failureReason: messages.failureReason,
      failure: messages.failure,
      createdAt: messages.createdAt,
      cursor: cursorOf(messages),
    })
    .from(messages)
    .leftJoin(staff, sql`${staff.id}::text = ${messages.authorId}`)
    .where(and(eq(messages.threadId, threadId), behind(messages, page.after)))
    .orderBy(newestFirst(messages))
    .limit(page.limit + 1);
  return pageOf(rows, page.limit);
}
