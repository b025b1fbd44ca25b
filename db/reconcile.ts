/** Open dispatches, to be compared with what Temporal knows (H12, H14). */

import { and, inArray, isNull, sql } from 'drizzle-orm';
import type { Database } from './connect.js';
import { dispatches } from './schema/index.js';

/** A dispatch younger than this is left to its start, in seconds. */
const minimumAgeSeconds = 5;

/** Open dispatches that were not compared for the longest time, and not within `everyMs`; marks them compared. */
export async function takeUncompared(db: Database, limit: number, everyMs: number): Promise<string[]> {
  const rows = await db.execute<{ id: string }>(sql`
    update dispatches set reconciled_at = now()
    where id in (
      select d.id from dispatches d
      where d.ended_at is null and d.created_at < now() - make_interval(secs => ${minimumAgeSeconds})
        and (d.reconciled_at is null or d.reconciled_at < now() - make_interval(secs => ${everyMs / 1000}))
        and not exists (select 1 from outbox o where o.dispatch_id = d.id and o.kind = 'start')
      order by d.reconciled_at nulls first limit ${limit} for update skip locked)
    returning id`);
  return rows.map((row) => row.id);
}

/** Those of these dispatches that are not over. */
export async function findOpen(db: Database, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const rows = await db
    .select({ id: dispatches.id })
    .from(dispatches)
    .where(and(inArray(dispatches.id, [...ids]), isNull(dispatches.endedAt)));
  return rows.map((row) => row.id);
}
