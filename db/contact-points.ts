/** The contact points of a client: an ordered list, the topmost has priority (R30, R33, R34). */

import { and, eq, inArray, ne, sql } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import type { ContactPointKind } from '../domain/channel.js';
import { maxContactPoints } from '../domain/contact-point.js';
import type { NewContactPoint } from './clients.js';
import type { Database, Queryable } from './connect.js';
import { clients, contactPointChannels, contactPoints, dispatches } from './schema/index.js';

export interface StoredContactPoint {
  id: string;
  kind: ContactPointKind;
  /** As a provider is given it. */
  address: string;
  position: number;
  selected: boolean;
  createdAt: Date;
}

export type ContactPointChange = Partial<Pick<NewContactPoint, 'value' | 'address' | 'selected'>> & { position?: number };

/** Of all these clients, in priority order. */
export async function listContactPoints(db: Queryable, clientIds: string[]): Promise<(StoredContactPoint & { clientId: string })[]> {
  if (clientIds.length === 0) return [];
  return await db
    .select({
      clientId: contactPoints.clientId,
      id: contactPoints.id,
      kind: contactPoints.kind,
      address: contactPoints.address,
      position: contactPoints.position,
      selected: contactPoints.selected,
      createdAt: contactPoints.createdAt,
    })
    .from(contactPoints)
    .where(inArray(contactPoints.clientId, clientIds))
    .orderBy(contactPoints.clientId, contactPoints.position, contactPoints.id);
}

/** Adds one at the bottom of the list; `full`: the client has as many as it may; `unknown`: there is no such client. */
export async function addContactPoint(
  db: Database,
  clientId: string,
  point: NewContactPoint,
): Promise<{ kind: 'added'; id: string } | { kind: 'taken' | 'full' | 'unknown' }> {
  return await db.transaction(async (tx) => {
    if (!(await lockClient(tx, clientId))) return { kind: 'unknown' };
    if ((await listContactPoints(tx, [clientId])).length >= maxContactPoints) return { kind: 'full' };
    const position = sql<number>`(select coalesce(max(position) + 1, 0) from contact_points where client_id = ${clientId})`;
    const [made] = await tx
      .insert(contactPoints)
      .values({ id: uuidv7(), clientId, ...point, position })
      .onConflictDoNothing()
      .returning({ id: contactPoints.id });
    return made ? { kind: 'added', id: made.id } : { kind: 'taken' };
  });
}

/** Changes value, selection or place. What was known of an old value on a channel is forgotten with it. */
export async function changeContactPoint(db: Database, clientId: string, id: string, change: ContactPointChange): Promise<'changed' | 'taken' | 'unknown'> {
  const { position, ...values } = change;
  return await db.transaction(async (tx) => {
    if (!(await lockClient(tx, clientId))) return 'unknown';
    const points = await listContactPoints(tx, [clientId]);
    if (!points.some((one) => one.id === id)) return 'unknown';
    if (values.value !== undefined && !(await makeRoom(tx, clientId, id, values.value))) return 'taken';
    if (Object.keys(values).length > 0) await tx.update(contactPoints).set(values).where(eq(contactPoints.id, id));
    if (position !== undefined) {
      const others = points.map((one) => one.id).filter((one) => one !== id);
      await placeInOrder(tx, clientId, others.toSpliced(position, 0, id));
    }
    return 'changed';
  });
}

/** Removes one. A dispatch that points at it loses the pointer; what was sent, and to which address, stays with its attempts. */
export async function removeContactPoint(db: Database, clientId: string, id: string): Promise<boolean> {
  return await db.transaction(async (tx) => {
    if (!(await lockClient(tx, clientId))) return false;
    // Held first, so that no dispatch takes it for its recipient while it goes.
    await tx.execute(sql`select 1 from contact_points where client_id = ${clientId} and id = ${id} for update`);
    await tx
      .update(dispatches)
      .set({ contactPointId: null })
      .where(and(eq(dispatches.clientId, clientId), eq(dispatches.contactPointId, id)));
    const removed = await tx
      .delete(contactPoints)
      .where(and(eq(contactPoints.clientId, clientId), eq(contactPoints.id, id)))
      .returning({ id: contactPoints.id });
    if (removed.length === 0) return false;
    const left = await listContactPoints(tx, [clientId]);
    await placeInOrder(
      tx,
      clientId,
      left.map((one) => one.id),
    );
    return true;
  });
}

/** One writer at a time for a client's list; false when there is no such client. */
async function lockClient(tx: Queryable, clientId: string): Promise<boolean> {
  const rows = await tx.select({ id: clients.id }).from(clients).where(eq(clients.id, clientId)).for('update');
  return rows.length > 0;
}

/**
 * Makes sure that this value is free and stays so until the end of the transaction, then forgets what belonged to the old one: session
 * window, provider's name, marks. An update has no `on conflict`, and a broken constraint writes the value into the server's log; so the
 * value is first taken by a row that is put away at once. False: somebody has it. True too when it is the point's own value already.
 */
async function makeRoom(tx: Queryable, clientId: string, id: string, value: string): Promise<boolean> {
  const [other] = await tx
    .select({ kind: contactPoints.kind, position: contactPoints.position })
    .from(contactPoints)
    .where(and(eq(contactPoints.id, id), ne(contactPoints.value, value)));
  if (!other) return true;
  const placeholder = uuidv7();
  const taken = await tx
    .insert(contactPoints)
    .values({ id: placeholder, clientId, ...other, value, address: value })
    .onConflictDoNothing()
    .returning({ id: contactPoints.id });
  if (taken.length === 0) return false;
  await tx.delete(contactPoints).where(eq(contactPoints.id, placeholder));
  await tx.delete(contactPointChannels).where(eq(contactPointChannels.contactPointId, id));
  return true;
}

async function placeInOrder(tx: Queryable, clientId: string, ids: string[]): Promise<void> {
  if (ids.length === 0) return;
  const order = sql`array[${sql.join(
    ids.map((one) => sql`${one}::uuid`),
    sql`, `,
  )}]`;
  await tx
    .update(contactPoints)
    .set({ position: sql`array_position(${order}, ${contactPoints.id}) - 1` })
    .where(eq(contactPoints.clientId, clientId));
}
