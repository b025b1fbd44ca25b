/** What Postgres counts: statements by text, transactions, journal and bytes. */

import type { Postgres } from '../stack/postgres.js';

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

const control = /^(begin|start transaction|commit|rollback|set |savepoint|release)/i;

/** Statements that ask or tell something, and those that begin and end transactions. */
export function countStatements(statements: readonly Statement[]): { work: number; control: number } {
  const count = (which: (text: string) => boolean): number => statements.filter(({ text }) => which(text)).reduce((total, { calls }) => total + calls, 0);
  return { work: count((text) => !control.test(text)), control: count((text) => control.test(text)) };
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
