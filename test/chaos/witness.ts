/** A witness in the campaign's own database: triggers note every change of state that was committed, in the order of each row. */

import { sql } from 'drizzle-orm';
import type { Database } from '../../db/connect.js';

/** A state that was left and entered; `was` is null where a row began. `scope` is the scope key of a thread. */
export interface Move {
  what: 'dispatch' | 'message' | 'attempt' | 'thread';
  id: string;
  was: string | null;
  became: string;
  scope: string | null;
  at: string;
}

const watched = [
  { what: 'dispatch', table: 'dispatches', column: 'state', scope: 'null' },
  { what: 'message', table: 'dispatches', column: 'message_status', scope: 'null' },
  { what: 'attempt', table: 'attempts', column: 'state', scope: 'null' },
  { what: 'thread', table: 'threads', column: 'status', scope: 'new.scope_key' },
] as const;

export async function placeWitness(db: Database): Promise<void> {
  await db.execute(sql`create table witness (seq bigserial primary key, at timestamptz not null default clock_timestamp(),
    what text not null, id uuid not null, was text, became text not null, scope text)`);
  for (const { what, table, column, scope } of watched) {
    await db.execute(
      sql.raw(`create function witness_${what}() returns trigger language plpgsql as $$ begin
        if tg_op = 'INSERT' then insert into witness (what, id, became, scope) values ('${what}', new.id, new.${column}, ${scope});
        elsif new.${column} is distinct from old.${column} then
          insert into witness (what, id, was, became, scope) values ('${what}', new.id, old.${column}, new.${column}, ${scope});
        end if; return null; end $$`),
    );
    await db.execute(sql.raw(`create trigger witness_${what} after insert or update on ${table} for each row execute function witness_${what}()`));
  }
}

/** Everything, in order. */
export async function hearWitness(db: Database): Promise<Move[]> {
  return [...(await db.execute<Move & Record<string, unknown>>(sql`select what, id, was, became, scope, at::text from witness order by seq`))];
}
