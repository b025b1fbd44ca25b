/** Lists are walked newest first by (created at, id): queues move, so there are no offsets. */

import { type SQL, sql } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';

/** Where a page ended; the time in microseconds since 1970, in digits, because a JavaScript date would lose them. */
export interface PageKey {
  createdAtMicros: string;
  id: string;
}

export interface PageRequest {
  after: PageKey | null;
  limit: number;
}

export interface Page<T> {
  items: T[];
  next: PageKey | null;
}

interface Columns {
  createdAt: PgColumn;
  id: PgColumn;
}

/** The column that a list selects as `cursor`. */
export function cursorOf(table: Columns): SQL<string> {
  return sql<string>`(extract(epoch from ${table.createdAt}) * 1000000)::bigint::text`;
}

/** The rows behind this key; undefined on the first page. */
export function behind(table: Columns, key: PageKey | null): SQL | undefined {
  if (!key) return undefined;
  const then = sql`'epoch'::timestamptz + ${key.createdAtMicros}::bigint * interval '1 microsecond'`;
  return sql`(${table.createdAt}, ${table.id}) < (${then}, ${key.id}::uuid)`;
}

/** Newest first. */
export function newestFirst(table: Columns): SQL {
  return sql`${table.createdAt} desc, ${table.id} desc`;
}

/** Makes a page of rows that were read with `limit + 1`: the extra row only tells that more follow. */
export function pageOf<T extends { id: string; cursor: string }>(rows: T[], limit: number): Page<Omit<T, 'cursor'>> {
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return {
    items: rows.slice(0, limit).map(({ cursor: _, ...row }) => row),
    next: last ? { createdAtMicros: last.cursor, id: last.id } : null,
  };
}
