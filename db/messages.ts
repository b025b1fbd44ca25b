/** Entries in a thread's history and their status, which only ever rises (R103). */

import { eq, sql } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import type { RenderedContent } from '../domain/content.js';
import type { Failure } from '../domain/failure.js';
import { higherStatus, type MessageStatus } from '../domain/receipt.js';
import type { Queryable } from './connect.js';
import { dispatches, messages } from './schema/index.js';

/** Writes the outgoing message into its thread; a later attempt of the same dispatch moves it to the thread in use. */
export async function writeOutgoingMessage(
  db: Queryable,
  entry: { dispatchId: string; threadId: string; authorId: string; content: RenderedContent },
): Promise<void> {
  const { dispatchId, threadId, authorId, content } = entry;
  const body = { threadId, subject: content.subject, text: content.text, bcc: content.bcc };
  await db
    .insert(messages)
    .values({ id: uuidv7(), direction: 'outgoing', dispatchId, authorId, status: 'queued', ...body })
    .onConflictDoUpdate({ target: messages.dispatchId, targetWhere: sql`dispatch_id is not null`, set: body });
}

/** Raises the status of a dispatch and of its history entry; a lower one changes nothing. Returns the status in force. */
export async function raiseMessageStatus(
  db: Queryable,
  dispatchId: string,
  to: MessageStatus,
  more: { failure?: Failure; reason?: string; externalId?: string } = {},
): Promise<MessageStatus> {
  const [row] = await db.select({ status: dispatches.messageStatus }).from(dispatches).where(eq(dispatches.id, dispatchId)).for('no key update');
  const status = higherStatus(row?.status ?? 'queued', to);
  await db.update(dispatches).set({ messageStatus: status }).where(eq(dispatches.id, dispatchId));
  await db
    .update(messages)
    .set({
      status,
      ...(more.failure ? { failure: more.failure, failureReason: more.reason ?? null } : {}),
      ...(more.externalId ? { externalId: more.externalId } : {}),
    })
    .where(eq(messages.dispatchId, dispatchId));
  return status;
}
