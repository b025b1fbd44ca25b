/** The processes of the local stack, each as a service of the supervisor. */

import { existsSync, statSync } from 'node:fs';
import { inProject } from '../paths.js';
import { isListening } from './ports.js';
import { startPostgres, type LocalPostgresOptions } from './postgres.js';
import { identify, isRunning, lastLines, spawnDetached, stopProcess, waitUntil } from './processes.js';
import type { Service } from './supervisor.js';
import { startTemporalServer, temporalServerArguments, type TemporalServerOptions } from './temporal-server.js';

const readyDeadlineMs = 60_000;

/** Postgres in the data folder; `started` is told the address of its database each time it comes up. */
export function postgresService(options: LocalPostgresOptions, started: (url: string) => void): Service {
  return {
    name: 'postgres',
    title: 'Postgres',
    // A fast shutdown: SIGTERM would wait until every client has left.
    stopSignal: 'SIGINT',
    graceMs: 30_000,
    start: async ({ record, say }) => {
      const server = await startPostgres(options, record);
      record(server.process);
      await server.ensureDatabase('waybill');
      started(server.url('waybill'));
      say(`127.0.0.1:${server.port}${server.adopted ? ', still running' : ''}`);
      return { adopted: server.adopted };
    },
  };
}

/** The Temporal development server; one that was left is taken over when it was started alike and answers. */
export function temporalService(options: TemporalServerOptions): Service {
  const args = temporalServerArguments(options);
  return {
    name: 'temporal',
    title: 'Temporal',
    stopSignal: 'SIGTERM',
    graceMs: 15_000,
    start: async ({ left, record, say }) => {
      const alike = left !== null && left.args.join('\0') === args.join('\0') && (await isListening(options.port));
      if (!alike) {
        if (left !== null) await stopProcess(left, 'SIGTERM', 15_000);
        await startTemporalServer(options, (started) => record(started, { args }));
      }
      say(`127.0.0.1:${options.port}${alike ? ', still running' : ''}`);
      return { adopted: alike };
    },
  };
}

export interface NodeServiceOptions {
  name: string;
  title: string;
  /** Below dist/. */
  entry: string;
  env: Record<string, string | undefined>;
  logFile: string;
  graceMs: number;
  /** Answers 2xx when it is ready. */
  readyUrl: string;
  /** Done each time it has come up. */
  afterStart?(): Promise<void>;
}

/** A process of ours; one that was left is ended first, because it may run older code. */
export function nodeService(options: NodeServiceOptions): Service {
  return {
    name: options.name,
    title: options.title,
    stopSignal: 'SIGTERM',
    graceMs: options.graceMs,
    start: async ({ left, record, say }) => {
      if (left !== null) await stopProcess(left, 'SIGTERM', options.graceMs);
      const logged = existsSync(options.logFile) ? statSync(options.logFile).size : 0;
      const child = await spawnDetached({
        command: process.execPath,
        args: ['--enable-source-maps', inProject('dist', options.entry)],
        env: options.env,
        cwd: inProject(),
        logFile: options.logFile,
      });
      child.unref();
      const started = identify(child.pid);
      if (started !== null) record(started, { readyUrl: options.readyUrl });
      const up = started !== null && (await waitUntil(async () => !isRunning(started) || (await answers(options.readyUrl)), readyDeadlineMs));
      if (!up || !isRunning(started)) {
        if (started !== null) await stopProcess(started, 'SIGKILL', 1_000);
        throw new Error(`${options.title} did not come up. From ${options.logFile}:\n${lastLines(options.logFile, logged)}`);
      }
      await options.afterStart?.();
      say(new URL(options.readyUrl).host);
      return { adopted: false };
    },
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}
