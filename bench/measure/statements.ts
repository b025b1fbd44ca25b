/** What Postgres counts: statements by text, transactions, journal and bytes. */

import type { Postgres } from '../stack/postgres.js';
import { sum } from './figures.js';

export interface Statement {
  text: string;
  calls: number;
  rows: number;
  execMs: number;
}

/** Statements of a database since `resetStatements`, the most frequent first. */
export async function readStatements(postgres: Postgres, database: string): Promise<Statement[]> {
  const rows = await postgres.sql<Statement[]>`
    select s.query as text, sum(s.calls)::float8 as calls, sum(s.rows)::float8 as rows, sum(s.total_exec_time)::float8 as "execMs"
    from pg_stat_statements s join pg_database d on d.oid = s.dbid
    where d.datname = ${database}
    group by s.query order by calls desc, text`;
  return [...rows];
}

/** Starts counting anew, for one database. */
export async function resetStatements(postgres: Postgres, database: string): Promise<void> {
  await postgres.sql`select pg_stat_statements_reset(0, (select oid from pg_database where datname = ${database}), 0)`;
}

const begin = /^(begin|start transaction)/i;
const end = /^(commit|rollback)/i;

/** Statements that ask or tell something, and transactions of several of them. What ends those is not counted: prepared, it is seen once. */
export function countStatements(statements: readonly Statement[]): { work: number; begins: number } {
  const count = (which: (text: string) => boolean): number => sum(statements.filter(({ text }) => which(text)).map(({ calls }) => calls));
  return { work: count((text) => !begin.test(text) && !end.test(text)), begins: count((text) => begin.test(text)) };
}

/** Sessions tell their transactions late: when they are done with one more than a second later, else after ten idle seconds. */
export const transactionsSettleMs = 11_500;

/** Transactions of a database so far, also those that only read. */
export async function readTransactions(postgres: Postgres, database: string): Promise<number> {
  const [row] = await postgres.sql<{ total: number }[]>`
    select (xact_commit + xact_rollback)::float8 as total from pg_stat_database where datname = ${database}`;
  return row!.total;
}

/** Bytes of write-ahead log so far, of the whole server. */
export async function readWalBytes(postgres: Postgres): Promise<number> {
  const [row] = await postgres.sql<{ bytes: number }[]>`select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 as bytes`;
  return row!.bytes;
}

export async function databaseBytes(postgres: Postgres, database: string): Promise<number> {
  const [row] = await postgres.sql<{ bytes: number }[]>`select pg_database_size(${database}::name)::float8 as bytes`;
  return row!.bytes;
}
