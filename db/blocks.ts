/** Blocks: a client on one channel or on all of them, or one contact point on a channel (X1). */

import { and, eq, isNull, sql } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import { constraintOf, type Queryable } from './connect.js';
import { blocks } from './schema/index.js';

export interface StoredBlock {
  id: string;
  channelId: string | null;
  contactPointId: string | null;
  origin: 'staff' | 'provider';
  reason: string | null;
  createdBy: string | null;
  createdAt: Date;
}

const columns = {
  id: blocks.id,
  channelId: blocks.channelId,
  contactPointId: blocks.contactPointId,
  origin: blocks.origin,
  reason: blocks.reason,
  createdBy: blocks.createdBy,
  createdAt: blocks.createdAt,
};

/** Harmless when repeated: the block in force is told. `unknown` names the id that does not exist. */
export async function blockClient(
  db: Queryable,
  block: { clientId: string; channelId: string | null; contactPointId: string | null; reason: string | null; createdBy: string },
): Promise<{ kind: 'blocked'; block: StoredBlock } | { kind: 'unknown'; what: 'client' | 'channel' | 'contactPoint' }> {
  const { clientId, channelId, contactPointId } = block;
  if (contactPointId !== null) {
    const rows = await db.execute(sql`select 1 from contact_points where id = ${contactPointId} and client_id = ${clientId}`);
    if (rows.length === 0) return { kind: 'unknown', what: 'contactPoint' };
  }
  try {
    await db
      .insert(blocks)
      .values({ id: uuidv7(), origin: 'staff', ...block })
      .onConflictDoNothing();
  } catch (error) {
    const constraint = constraintOf(error);
    if (constraint?.startsWith('blocks_client_id')) return { kind: 'unknown', what: 'client' };
    if (constraint?.startsWith('blocks_channel_id')) return { kind: 'unknown', what: 'channel' };
    throw error;
  }
  const inForce = await listBlocks(db, clientId);
  return { kind: 'blocked', block: inForce.find((one) => one.channelId === channelId && one.contactPointId === contactPointId)! };
}

/** Those in force, oldest first. */
export async function listBlocks(db: Queryable, clientId: string): Promise<StoredBlock[]> {
  return await db
    .select(columns)
    .from(blocks)
    .where(and(eq(blocks.clientId, clientId), isNull(blocks.liftedAt)))
    .orderBy(blocks.createdAt, blocks.id);
}

/** Lifting keeps the row; false when no such block is in force. */
export async function liftBlock(db: Queryable, clientId: string, blockId: string): Promise<boolean> {
  const lifted = await db
    .update(blocks)
    .set({ liftedAt: sql`now()` })
    .where(and(eq(blocks.id, blockId), eq(blocks.clientId, clientId), isNull(blocks.liftedAt)))
    .returning({ id: blocks.id });
  return lifted.length > 0;
}
