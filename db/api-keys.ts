/** Bearer keys. A secret is never stored, only the SHA-256 of the whole key. */

import { createHash, randomBytes } from 'node:crypto';
import { and, desc, eq, gt, inArray, isNull, or, sql } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import type { Queryable } from './connect.js';
import { apiKeys, staff } from './schema/index.js';
import type { StaffRole } from './staff.js';

export interface NewKey {
  name: string;
  prefix: string;
  /** SHA-256 of the whole key, hex. */
  secretHash: string;
  /** Null: a service key. */
  staffId: string | null;
  scopes: string[];
  /** When it stops working by itself; null: when somebody revokes it. */
  endsAt: Date | null;
}

export interface StoredKey {
  id: string;
  name: string;
  prefix: string;
  staffId: string | null;
  scopes: string[];
  createdAt: Date;
  /** From then on it is refused; may lie ahead. */
  revokedAt: Date | null;
}

const columns = {
  id: apiKeys.id,
  name: apiKeys.name,
  prefix: apiKeys.prefix,
  staffId: apiKeys.staffId,
  scopes: apiKeys.scopes,
  createdAt: apiKeys.createdAt,
  revokedAt: apiKeys.revokedAt,
};

/** A key ends at once when it is revoked, or when its person is archived. */
const inForce = and(or(isNull(apiKeys.revokedAt), gt(apiKeys.revokedAt, sql`now()`)), isNull(staff.archivedAt));

/** A key as it is shown once: a readable prefix, a dot, 32 random bytes. */
export function makeKey(): { key: string; prefix: string; secretHash: string } {
  const prefix = `wb_${randomBytes(6).toString('hex')}`;
  const key = `${prefix}.${randomBytes(32).toString('base64url')}`;
  return { key, prefix, secretHash: hashOfKey(key) };
}

/** SHA-256, hex: a key of 32 random bytes needs no slower hash. */
export function hashOfKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

/** Stores a key. */
export async function insertKey(db: Queryable, { endsAt, ...key }: NewKey): Promise<StoredKey> {
  const [row] = await db
    .insert(apiKeys)
    .values({ id: uuidv7(), ...key, revokedAt: endsAt })
    .returning(columns);
  return row!;
}

/** The key in force with this prefix and the person it belongs to; null when there is none. */
export async function findKey(
  db: Queryable,
  prefix: string,
): Promise<{ id: string; secretHash: string; scopes: string[]; staffId: string | null; role: StaffRole | null } | null> {
  const [row] = await db
    .select({ id: apiKeys.id, secretHash: apiKeys.secretHash, scopes: apiKeys.scopes, staffId: apiKeys.staffId, role: staff.role })
    .from(apiKeys)
    .leftJoin(staff, eq(staff.id, apiKeys.staffId))
    .where(and(eq(apiKeys.prefix, prefix), inForce));
  return row ?? null;
}

/** Those of these keys that are still in force; one statement for all of them. */
export async function findKeysInForce(db: Queryable, ids: string[]): Promise<Set<string>> {
  const rows = await db
    .select({ id: apiKeys.id })
    .from(apiKeys)
    .leftJoin(staff, eq(staff.id, apiKeys.staffId))
    .where(and(inArray(apiKeys.id, ids), inForce));
  return new Set(rows.map((row) => row.id));
}

/** The newest 1,000, revoked ones included. */
export async function listKeys(db: Queryable): Promise<StoredKey[]> {
  return await db.select(columns).from(apiKeys).orderBy(desc(apiKeys.createdAt), desc(apiKeys.id)).limit(1_000);
}

/** Harmless when repeated: the first time stays. False when there is no such key. */
export async function revokeKey(db: Queryable, id: string): Promise<boolean> {
  const rows = await db
    .update(apiKeys)
    .set({ revokedAt: sql`least(coalesce(${apiKeys.revokedAt}, now()), now())` })
    .where(eq(apiKeys.id, id))
    .returning({ id: apiKeys.id });
  return rows.length > 0;
}
