/** What a test file uses of the real stack: its own database, the shared Temporal, child processes that run the compiled code. */

import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { describe, test } from '@jest/globals';
import { connectDatabase, type DatabaseHandle } from '../../db/connect.js';
import { loadConfig, type Config } from '../../runtime/config.js';
import { inProject } from '../../runtime/paths.js';
import { listForTheGuard } from './guard-list.js';

export { freePort } from '../../runtime/local/ports.js';

const pollMs = 20;

export interface TestTemporal {
  address: string;
  namespace: string;
  uiUrl: string | null;
}

export interface TestDatabase {
  url: string;
  handle: DatabaseHandle;
  /** Closes the handle and removes the database, also under connections of others. */
  drop(): Promise<void>;
}

/** A fresh database with the newest schema and nothing in it. */
export async function createTestDatabase(options: { max?: number } = {}): Promise<TestDatabase> {
  const server = requireVariable('WAYBILL_TEST_POSTGRES');
  const name = `waybill_${randomBytes(6).toString('hex')}`;
  await onServer(server, `create database ${name} template waybill_template`);
  const url = server.replace(/postgres$/, name);
  const handle = connectDatabase({ url, max: options.max ?? 10, name: 'waybill-test' });
  return {
    url,
    handle,
    drop: async () => {
      await handle.close();
      await onServer(server, `drop database if exists ${name} with (force)`);
    },
  };
}

/** The shared Temporal server; null when none could be had. */
export function testTemporal(): TestTemporal | null {
  const told = process.env['WAYBILL_TEST_TEMPORAL'];
  return told === undefined ? null : (JSON.parse(told) as TestTemporal);
}

/** The shared Temporal server, for use inside the helpers below. */
export function requireTemporal(): TestTemporal {
  const temporal = testTemporal();
  if (temporal === null) throw new Error('There is no Temporal server: use itWithTemporal or describeWithTemporal.');
  return temporal;
}

/** A test or block that needs Temporal: skipped, and counted at the end of the run with the reason, when there is none. */
export const itWithTemporal = testTemporal() === null ? test.skip : test;
export const describeWithTemporal = testTemporal() === null ? describe.skip : describe;

/** The environment of a process under test: fixed keys, quiet, no port but those that are given. */
export function testEnvironment(settings: { databaseUrl: string } & Record<string, string | undefined>): Record<string, string> {
  const { databaseUrl, ...others } = settings;
  const temporal = testTemporal();
  const environment: Record<string, string | undefined> = {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    DATABASE_URL: databaseUrl,
    TEMPORAL_ADDRESS: temporal?.address ?? '127.0.0.1:1',
    TEMPORAL_NAMESPACE: temporal?.namespace ?? 'default',
    TEMPORAL_UI_URL: temporal?.uiUrl ?? undefined,
    WAYBILL_MASTER_KEY: Buffer.alloc(32, 1).toString('base64'),
    WAYBILL_CODEC_KEYS: `test:${Buffer.alloc(32, 2).toString('base64')}`,
    WAYBILL_METRICS_PORT: '0',
    WAYBILL_LOG_LEVEL: 'info',
    WAYBILL_RELAY_INTERVAL_MS: '100',
    WAYBILL_RECONCILE_INTERVAL_MS: '1000',
    WAYBILL_TASKS_AT_ONCE: '100',
    WAYBILL_SHUTDOWN_GRACE_MS: '10000',
    ...others,
  };
  return Object.fromEntries(Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** The same settings, read as a process reads them: for what runs inside the test. */
export function testConfig(settings: { databaseUrl: string } & Record<string, string | undefined>): Config {
  return loadConfig(testEnvironment(settings));
}

export interface TestProcess {
  pid: number;
  /** Everything written to stdout and stderr so far. */
  output(): string;
  /** To the process alone; SIGSTOP and SIGCONT too. */
  signal(signal: NodeJS.Signals): void;
  /** Sends the signal and waits for the end; default SIGKILL, to the whole group. */
  kill(signal?: NodeJS.Signals): Promise<ProcessEnd>;
  exited: Promise<ProcessEnd>;
}

export interface ProcessEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface ProcessOptions {
  /** Below dist/, or an absolute path. */
  entry: string;
  args?: string[];
  nodeOptions?: string[];
  /** The whole environment: see `testEnvironment`. */
  env: Record<string, string>;
  /** When it counts as started: its output matches, or the condition holds. Default: at once. */
  ready?: RegExp | ((output: string) => boolean | Promise<boolean>);
  readyDeadlineMs?: number;
}

/** Runs compiled code as a process of its own group. Rejects, with its output, when it ends or stays silent before it is ready. */
export async function startProcess(options: ProcessOptions): Promise<TestProcess> {
  const entry = options.entry.startsWith('/') ? options.entry : inProject('dist', options.entry);
  const child = spawn(process.execPath, [...(options.nodeOptions ?? []), entry, ...(options.args ?? [])], {
    cwd: inProject(),
    env: options.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const started = watch(child);
  const { ready } = options;
  if (ready !== undefined) {
    const isReady = async () => (ready instanceof RegExp ? ready.test(started.output()) : ready(started.output()));
    let over = false;
    void started.exited.then(() => (over = true));
    try {
      await until(async () => over || (await isReady()), { deadlineMs: options.readyDeadlineMs ?? 60_000, what: `${options.entry} to be ready` });
      if (over && !(await isReady())) throw new Error(`${options.entry} ended before it was ready.`);
    } catch (error) {
      await started.kill();
      throw new Error(`${(error as Error).message}\n${started.output().slice(-4_000)}`);
    }
  }
  return started;
}

/** Polls until the condition holds (true, or any value that is not null, undefined or false) and returns that value; rejects after the deadline. */
export async function until<T>(condition: () => T | Promise<T>, options: { deadlineMs?: number; what: string }): Promise<Exclude<T, null | undefined | false>> {
  const { deadlineMs = 45_000, what } = options;
  const end = Date.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value !== null && value !== undefined && value !== false) return value as Exclude<T, null | undefined | false>;
    if (Date.now() > end) throw new Error(`Waited ${deadlineMs / 1000} s for ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

function watch(child: ChildProcess): TestProcess {
  const pid = child.pid;
  if (pid === undefined) throw new Error('The process could not be started.');
  const forget = rememberForTheGuard(pid);
  let output = '';
  const keep = (chunk: string) => {
    output += chunk;
  };
  child.stdout?.setEncoding('utf8').on('data', keep);
  child.stderr?.setEncoding('utf8').on('data', keep);
  const exited = new Promise<ProcessEnd>((resolve) => {
    child.once('close', (code, signal) => {
      forget();
      resolve({ code, signal });
    });
  });
  const send = (signal: NodeJS.Signals, to: number) => {
    try {
      process.kill(to, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  };
  return {
    pid,
    output: () => output,
    signal: (signal) => send(signal, pid),
    kill: (signal = 'SIGKILL') => {
      send(signal, signal === 'SIGKILL' ? -pid : pid);
      return exited;
    },
    exited,
  };
}

/** Whatever becomes of this test file, the guard of the run kills the process groups that are listed here. Returns what takes it off the list. */
export function rememberForTheGuard(pid: number): () => void {
  return listForTheGuard(requireVariable('WAYBILL_TEST_FOLDER'), pid, 'SIGKILL');
}

async function onServer(url: string, statement: string): Promise<void> {
  const server = connectDatabase({ url, max: 1, name: 'waybill-test-admin' });
  try {
    await server.client.unsafe(statement);
  } finally {
    await server.close();
  }
}

function requireVariable(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: run the tests with jest, whose global set-up starts the servers.`);
  return value;
}
