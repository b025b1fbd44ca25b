/** Open dispatches, to be compared with what Temporal knows (H12, H14). */

import { sql } from 'drizzle-orm';
import { askLedger } from './attempts.js';
import type { Database } from './connect.js';

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

/** Puts attempts in doubt whose deadline has passed and whose run will not ask; false while one may still be under way. */
export async function settleOverdue(db: Database, dispatchId: string): Promise<boolean> {
  return await db.transaction(async (tx) => {
    const open = await tx.execute<{ attempt_no: number; generation: number; revision: number }>(sql`
      select attempt_no, generation, revision from attempts where dispatch_id = ${dispatchId} and state = 'sending'`);
    for (const row of open) {
      const outcome = await askLedger(tx, dispatchId, row.attempt_no, row.generation, row.revision);
      if (outcome.kind === 'still_sending') return false;
    }
    return true;
  });
}
