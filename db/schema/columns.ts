/** Columns that every family uses the same way. */

import { customType, timestamp } from 'drizzle-orm/pg-core';
import { sql } from 'drizzle-orm';

export const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });
export const createdAt = () =>
  instant('created_at')
    .notNull()
    .default(sql`now()`);

export const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' });

/** A check constraint's list: states and codes are text with a check, never an enum type. */
export const oneOf = (column: string, values: readonly string[]) => sql.raw(`${column} in (${values.map((value) => `'${value}'`).join(', ')})`);
