/** Clients and the way to find them. A contact point has one owner (R117). */

import { and, eq, exists, sql } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import type { ContactPointKind } from '../domain/channel.js';
import type { Database, Queryable } from './connect.js';
import { listContactPoints, type StoredContactPoint } from './contact-points.js';
import { behind, cursorOf, newestFirst, type Page, pageOf, type PageRequest } from './paging.js';
import { clients, contactPoints } from './schema/index.js';

/** Normalised by `normaliseContactPoint`. */
export interface NewContactPoint {
  kind: ContactPointKind;
  value: string;
  address: string;
  selected: boolean;
}

export interface StoredClient {
  id: string;
  name: string;
  createdAt: Date;
  contactPoints: StoredContactPoint[];
}

/** Creates a client with contact points in priority order; nothing is written when one of them belongs to somebody else. */
export async function createClient(
  db: Database,
  client: { name: string; contactPoints: NewContactPoint[] },
): Promise<{ kind: 'created'; clientId: string } | { kind: 'taken'; index: number }> {
  const clientId = uuidv7();
  const rows = client.contactPoints.map((point, position) => ({ id: uuidv7(), clientId, position, ...point }));
  return await db.transaction(async (tx) => {
    await tx.insert(clients).values({ id: clientId, name: client.name });
    const made = rows.length === 0 ? [] : await tx.insert(contactPoints).values(rows).onConflictDoNothing().returning({ id: contactPoints.id });
    const index = rows.findIndex((row) => !made.some((one) => one.id === row.id));
    if (index < 0) return { kind: 'created', clientId };
    await tx.delete(contactPoints).where(eq(contactPoints.clientId, clientId));
    await tx.delete(clients).where(eq(clients.id, clientId));
    return { kind: 'taken', index };
  });
}

/** A client with its contact points in priority order, or null. */
export async function findClient(db: Queryable, clientId: string): Promise<StoredClient | null> {
  const [row] = await db.select().from(clients).where(eq(clients.id, clientId));
  if (!row) return null;
  const points = await listContactPoints(db, [clientId]);
  return { ...row, contactPoints: points.map(({ clientId: _, ...point }) => point) };
}

/** Newest first; with `owning` only the owner of that contact point. */
export async function listClients(db: Queryable, owning: { kind: ContactPointKind; value: string } | null, page: PageRequest): Promise<Page<StoredClient>> {
  const owner =
    owning &&
    exists(
      db
        .select({ one: sql`1` })
        .from(contactPoints)
        .where(and(eq(contactPoints.clientId, clients.id), eq(contactPoints.kind, owning.kind), eq(contactPoints.value, owning.value))),
    );
  const rows = await db
    .select({ id: clients.id, name: clients.name, createdAt: clients.createdAt, cursor: cursorOf(clients) })
    .from(clients)
    .where(and(behind(clients, page.after), owner ?? undefined))
    .orderBy(newestFirst(clients))
    .limit(page.limit + 1);
  const found = pageOf(rows, page.limit);
  const points = await listContactPoints(
    db,
    found.items.map((one) => one.id),
  );
  return {
    ...found,
    items: found.items.map((one) => ({ ...one, contactPoints: points.filter((point) => point.clientId === one.id).map(({ clientId: _, ...point }) => point) })),
  };
}
