/** Conversations. The partial unique index on the scope key is the rule; these verbs live with it (H8, R97). */

import { and, eq, isNotNull, isNull, ne, sql } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import type { ChannelType } from '../domain/channel.js';
import type { Queryable } from './connect.js';
import { threads } from './schema/index.js';

export interface ThreadClaim {
  dispatchId: string;
  clientId: string;
  channel: { id: string; type: ChannelType; opensThread: boolean };
  scopeKey: string;
  /** The thread that this dispatch had before. */
  threadId: string | null;
  tagIds: string[];
}

/**
 * Claims the thread of a dispatch: the id, or null when another open thread is in the way. A channel that opens no thread writes a
 * closed record instead (R77). A thread that was given back is opened again; losing that race throws 23505. One on the channel before
 * is given back: it would stand in the way of this one, and stay open for ever.
 */
export async function claimThread(tx: Queryable, claim: ThreadClaim): Promise<string | null> {
  const { opensThread } = claim.channel;
  if (claim.threadId && (await keepThread(tx, claim))) return claim.threadId;
  if (claim.threadId) await releaseThread(tx, claim.dispatchId);
  const { dispatchId, clientId, channel, scopeKey, tagIds } = claim;
  const [opened] = await tx.execute<{ id: string }>(sql`
    with opened as (
      insert into threads (id, client_id, channel_id, channel_type, scope_key, status, origin, claimed_by_dispatch_id, tag_ids, closed_at)
      values (${uuidv7()}, ${clientId}, ${channel.id}, ${channel.type}, ${scopeKey}, ${opensThread ? 'active' : 'closed'}, 'outbound', ${dispatchId},
        array(select jsonb_array_elements_text(${JSON.stringify(tagIds)}::jsonb)), ${opensThread ? sql`null` : sql`now()`})
      on conflict do nothing returning id),
    held as (update dispatches set thread_id = opened.id from opened where dispatches.id = ${dispatchId})
    select id from opened`);
  return opened?.id ?? null;
}

async function keepThread(tx: Queryable, claim: ThreadClaim): Promise<boolean> {
  const kept = await tx
    .update(threads)
    .set(claim.channel.opensThread ? { status: 'active', closedAt: null, closedBy: null } : { status: 'closed' })
    .where(
      and(
        eq(threads.id, claim.threadId!),
        eq(threads.channelId, claim.channel.id),
        eq(threads.claimedByDispatchId, claim.dispatchId),
        isNull(threads.clientWroteAt),
      ),
    )
    .returning({ id: threads.id });
  return kept.length > 0;
}

/** Gives the thread of a dispatch back: closed, unless the client has written in it; then it stays theirs and open (R80, R97). */
export async function releaseThread(tx: Queryable, dispatchId: string): Promise<void> {
  const own = and(eq(threads.claimedByDispatchId, dispatchId), ne(threads.status, 'closed'));
  await tx
    .update(threads)
    .set({ status: 'closed', closedAt: sql`now()`, closedBy: null })
    .where(and(own, isNull(threads.clientWroteAt)));
  await tx
    .update(threads)
    .set({ claimedByDispatchId: null })
    .where(and(own, isNotNull(threads.clientWroteAt)));
}

/**
 * The open thread that an inbound message joins, opened if there is none; marks that the client wrote. Tells the dispatch that had
 * claimed it, if any. One statement, in which Postgres itself looks again for as long as others open and close threads of this scope.
 */
export async function joinThread(
  tx: Queryable,
  inbound: { clientId: string; channel: { id: string; type: ChannelType }; scopeKey: string; at: Date },
): Promise<{ threadId: string; claimedBy: string | null }> {
  const [joined] = await tx
    .insert(threads)
    .values({
      id: uuidv7(),
      clientId: inbound.clientId,
      channelId: inbound.channel.id,
      channelType: inbound.channel.type,
      scopeKey: inbound.scopeKey,
      status: 'active',
      origin: 'inbound',
      clientWroteAt: inbound.at,
    })
    .onConflictDoUpdate({
      target: threads.scopeKey,
      // As the index says it, word for word: with a parameter in it Postgres would not see that they are the same.
      targetWhere: sql`status <> 'closed'`,
      set: { clientWroteAt: inbound.at, status: 'active', minimised: false },
    })
    .returning({ threadId: threads.id, claimedBy: threads.claimedByDispatchId });
  return joined!;
}
