/** Brings a database to the newest schema. */

import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate } from 'drizzle-orm/postgres-js/migrator';
import postgres from 'postgres';
import { assertPatched } from './patched-driver.js';

/** Any number that no other user of the same database takes. */
const lockKey = 7_261_009;
/** How long to wait for another process that migrates the same database. */
const lockTimeoutMs = 120_000;

/**
 * Applies the migrations of this folder that the database lacks and returns how many. Safe beside other processes that do the same: one
 * works, the others wait and find nothing to do. Rejects when the database cannot be reached.
 */
export async function migrateDatabase(options: { url: string; migrationsFolder: string }): Promise<number> {
  assertPatched();
  const client = postgres(options.url, {
    max: 1,
    connect_timeout: 5,
    onnotice: () => {},
    connection: { application_name: 'waybill-migrate', lock_timeout: lockTimeoutMs },
  });
  try {
    await client`select pg_advisory_lock(${lockKey})`;
    const before = await appliedCount(client);
    await migrate(drizzle(client), { migrationsFolder: options.migrationsFolder });
    return (await appliedCount(client)) - before;
  } finally {
    await client.end({ timeout: 5 });
  }
}

async function appliedCount(client: postgres.Sql): Promise<number> {
  const [known] = await client<{ there: boolean }[]>`select to_regclass('drizzle.__drizzle_migrations') is not null as there`;
  if (!known?.there) return 0;
  const [row] = await client<{ count: number }[]>`select count(*)::int as count from drizzle.__drizzle_migrations`;
  return row?.count ?? 0;
}
