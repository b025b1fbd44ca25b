/** Channels: the accounts we send from. Credentials are sealed before they come here. */

import { asc, eq } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import type { Queryable } from './connect.js';
import { channels } from './schema/index.js';

export type StoredChannel = typeof channels.$inferSelect;
export type ChannelChange = Partial<
  Pick<StoredChannel, 'name' | 'enabled' | 'config' | 'credentials' | 'credentialsKey' | 'policy' | 'pausedReason' | 'pausedAt'>
>;

/** The id comes first: credentials are sealed for it. */
export function newChannelId(): string {
  return uuidv7();
}

/** Adds a channel. */
export async function insertChannel(db: Queryable, channel: typeof channels.$inferInsert): Promise<StoredChannel> {
  const [row] = await db.insert(channels).values(channel).returning();
  return row!;
}

/** The channel with its sealed credentials, or null. */
export async function findChannel(db: Queryable, id: string): Promise<StoredChannel | null> {
  const [row] = await db.select().from(channels).where(eq(channels.id, id));
  return row ?? null;
}

/** Changes what is given; null when there is no such channel. */
export async function changeChannel(db: Queryable, id: string, change: ChannelChange): Promise<StoredChannel | null> {
  if (Object.keys(change).length === 0) return await findChannel(db, id);
  const [row] = await db.update(channels).set(change).where(eq(channels.id, id)).returning();
  return row ?? null;
}

/** All channels, oldest first; an installation has few. */
export async function listChannels(db: Queryable): Promise<StoredChannel[]> {
  return await db.select().from(channels).orderBy(asc(channels.createdAt), asc(channels.id)).limit(1_000);
}
