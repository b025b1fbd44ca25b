/** The pool of a process: patched driver, capped waits, one drizzle handle. */

import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { assertPatched } from './patched-driver.js';
import * as schema from './schema/index.js';

export type Database = PostgresJsDatabase<typeof schema>;
/** A database or a transaction: what a verb of this room takes. */
export type Queryable = Pick<Database, 'select' | 'insert' | 'update' | 'delete' | 'execute'>;

export interface DatabaseHandle {
  db: Database;
  /** The driver itself, for LISTEN. */
  client: postgres.Sql;
  close(): Promise<void>;
}

const statementTimeoutMs = 10_000;
/** How long a statement waits for somebody else's lock, unless the pool says otherwise. */
const usualLockTimeoutMs = 5_000;
/**
 * How long a transaction may hold its locks. The server counts the time in which it waits for a frozen or unreachable process too, also in
 * the middle of a statement, where no other of its limits holds. Postgres 17 and later.
 */
const transactionTimeoutMs = 15_000;

/** Opens a pool of at most `max` connections. Refuses an unpatched driver: it can run a late statement inside another transaction. */
export function connectDatabase(options: { url: string; max: number; name: string; lockTimeoutMs?: number }): DatabaseHandle {
  assertPatched();
  const client = postgres(options.url, {
    max: options.max,
    idle_timeout: 30,
    max_lifetime: 1_800,
    connect_timeout: 5,
    // Arrays are read by drizzle. The driver's own question on each new connection has nobody who waits for its answer: when the
    // connection breaks under it, the whole process ends.
    fetch_types: false,
    backoff: (n: number) => Math.min(2, 0.1 * 2 ** Math.min(n, 4)) * (0.5 + Math.random() / 2),
    onnotice: () => {},
    connection: {
      application_name: options.name,
      statement_timeout: statementTimeoutMs,
      lock_timeout: options.lockTimeoutMs ?? usualLockTimeoutMs,
      transaction_timeout: transactionTimeoutMs,
    },
  } as postgres.Options<Record<string, never>>);
  return { db: drizzle(prepared(client), { schema }), client, close: () => client.end({ timeout: 5 }) };
}

type Unsafe = (text: string, values?: unknown[], options?: object) => unknown;
type Within = (...args: unknown[]) => unknown;

/**
 * Every statement is prepared once per connection: otherwise each use is parsed, planned and described anew, in two round trips.
 * drizzle asks for that only by names that its callers would have to give.
 */
function prepared<S extends object>(client: S): S {
  return new Proxy(client, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key);
      if (key === 'unsafe') return (text: string, values?: unknown[], options?: object) => (value as Unsafe)(text, values, { ...options, prepare: true });
      if (key !== 'begin' && key !== 'savepoint') return value;
      return (...args: unknown[]) => (value as Within)(...args.map((arg) => (typeof arg === 'function' ? (tx: object) => (arg as Within)(prepared(tx)) : arg)));
    },
  });
}

/** The SQLSTATE of an error that drizzle or the driver threw; null for anything else. */
export function sqlState(error: unknown): string | null {
  for (let one = error; one instanceof Error; one = one.cause) {
    const { code } = one as { code?: unknown };
    if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return code;
  }
  return null;
}

/** The constraint that an error names, or null. */
export function constraintOf(error: unknown): string | null {
  for (let one = error; one instanceof Error; one = one.cause) {
    const { constraint_name: name } = one as { constraint_name?: unknown };
    if (typeof name === 'string') return name;
  }
  return null;
}
