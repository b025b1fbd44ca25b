/**
 * Several actors on connections of their own, of which one moves at a time: fast-check's scheduler says who makes the next statement, so
 * that transactions interleave at every statement, and a seed brings the same order back. Who waits for a lock is passed over.
 */

import { drizzle } from 'drizzle-orm/postgres-js';
import type { Scheduler } from 'fast-check';
import type postgres from 'postgres';
import { connectDatabase, type Database, type DatabaseHandle } from '../../db/connect.js';
import * as schema from '../../db/schema/index.js';

/** Lets whoever calls it wait until it is their turn. */
export type Turn = (label: string) => Promise<void>;

export interface Actor {
  name: string;
  /** Every statement through `db`, and every `turn`, is a place where the others may come between. */
  act(db: Database, turn: Turn): Promise<unknown>;
}

/** How long a statement is waited for before it is asked whether it waits for a lock, in milliseconds. */
const lookMs = 3;

export type Stage = Awaited<ReturnType<typeof openStage>>;

/** Connections for so many actors. */
export async function openStage(url: string, actors: number) {
  const handles = Array.from({ length: actors }, (_, i) => connectDatabase({ url, max: 1, name: `waybill-actor-${i}` }));
  const watch = connectDatabase({ url, max: 1, name: 'waybill-actor-watch' });
  let pids: number[] = [];

  const areBlocked = async (some: readonly number[]): Promise<boolean> => {
    const [row] = await watch.client<{ count: number }[]>`
      select count(distinct pid)::int as count from pg_locks where not granted and pid = any(string_to_array(${some.map((i) => pids[i]!).join(',')}, ',')::int[])`;
    return row!.count === some.length;
  };

  return {
    /** Plays all actors to their ends; `after` is called whenever everybody stands still. What they returned or threw, in their order. */
    play: async (scheduler: Scheduler, cast: readonly Actor[], after: () => Promise<void>): Promise<PromiseSettledResult<unknown>[]> => {
      // A connection that nobody used for a while is another one the next time.
      pids = await Promise.all(handles.map(pidOf));
      const moving = new Set<number>(cast.keys());
      let stopped = (): void => {};
      const stop = (i: number): void => {
        moving.delete(i);
        stopped();
      };
      const still = async (): Promise<void> => {
        while (moving.size > 0) {
          const someoneStopped = new Promise<true>((resolve) => (stopped = () => resolve(true)));
          const looked = await Promise.race([someoneStopped, new Promise<false>((resolve) => setTimeout(resolve, lookMs, false))]);
          if (!looked && (await areBlocked([...moving]))) return;
        }
      };
      const turnOf =
        (i: number): Turn =>
        async (label) => {
          const turn = scheduler.schedule(Promise.resolve(), `${cast[i]!.name}: ${label}`);
          stop(i);
          await turn;
          moving.add(i);
        };
      const played = cast.map(async ({ act }, i) => {
        try {
          return await act(gated(handles[i]!, turnOf(i)), turnOf(i));
        } finally {
          stop(i);
        }
      });
      const ends = Promise.allSettled(played);
      await still();
      return await scheduler.waitFor(ends, async (next) => {
        await next();
        await still();
        await after();
      });
    },
    close: async (): Promise<void> => {
      await Promise.all([...handles, watch].map((one) => one.close()));
    },
  };
}

async function pidOf(handle: DatabaseHandle): Promise<number> {
  const [row] = await handle.client<{ pid: number }[]>`select pg_backend_pid() as pid`;
  return row!.pid;
}

/** The same database, whose every statement and commit waits for its turn. */
function gated(handle: DatabaseHandle, turn: Turn): Database {
  return drizzle(gate(handle.client, turn), { schema });
}

function gate<T extends postgres.Sql | postgres.TransactionSql>(client: T, turn: Turn): T {
  return new Proxy(client, {
    get: (target, key) => {
      if (key === 'unsafe') return (...call: Parameters<typeof target.unsafe>) => later(turn, call[0], () => target.unsafe(...call));
      if (key === 'begin') {
        return (work: (tx: postgres.TransactionSql) => Promise<unknown>) =>
          (target as postgres.Sql).begin(async (tx) => {
            const result = await work(gate(tx, turn));
            await turn('commit');
            return result;
          });
      }
      return Reflect.get(target, key) as unknown;
    },
  });
}

/** A statement that begins when it is awaited and its turn has come, as drizzle uses them. */
function later(turn: Turn, statement: string, start: () => postgres.PendingQuery<postgres.Row[]>) {
  const label = statement.trim().replace(/\s+/g, ' ').slice(0, 60);
  const run = async (values: boolean): Promise<unknown> => {
    await turn(label);
    return values ? await start().values() : await start();
  };
  return {
    values: () => run(true),
    // oxlint-disable-next-line unicorn/no-thenable -- drizzle awaits the statement itself
    then: (done: (rows: unknown) => unknown, failed: (error: unknown) => unknown) => run(false).then(done, failed),
  };
}
