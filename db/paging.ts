/** Lists are walked newest first by (created at, id): queues move, so there are no offsets. */

import { type SQL, sql } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';

/** Where a page ended; `createdAt` is Postgres' own text, because a JavaScript date would lose its microseconds. */
export interface PageKey {
  createdAt: string;
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
  return sql<string>`${table.createdAt}::text`;
}

/** The rows behind this key; undefined on the first page. */
export function behind(table: Columns, key: PageKey | null): SQL | undefined {
  return key ? sql`(${table.createdAt}, ${table.id}) < (${key.createdAt}::timestamptz, ${key.id}::uuid)` : undefined;
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
    next: last ? { createdAt: last.cursor, id: last.id } : null,
  };
}
