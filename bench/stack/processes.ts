/** The processes of the bench: started by it, listed with its guard, ended by their number. */

import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { inBench } from './paths.js';

const pollMs = 20;
const readyDeadlineMs = 90_000;
const endGraceMs = 30_000;

export interface Program {
  name: string;
  command: string;
  args: string[];
  env?: Record<string, string>;
  /** What it is asked to end with. */
  stopSignal?: NodeJS.Signals;
  /** With a channel for messages. */
  ipc?: boolean;
  isReady(): Promise<boolean>;
}

export interface Launched {
  name: string;
  pid: number;
  child: ChildProcess;
  /** Asks it to end and waits; after a grace time it is killed. */
  end(): Promise<void>;
  /** Without a word. */
  kill(): Promise<void>;
}

export interface Launcher {
  /** Rejects, with the end of its log, when the program does not become ready. */
  launch(program: Program): Promise<Launched>;
  /** Lists a process that was started elsewhere. */
  list(pid: number, signal: NodeJS.Signals): void;
  unlist(pid: number): void;
  logOf(name: string): string;
  /** The guard ends what is left and removes the folder. */
  close(): Promise<void>;
}

/** `removes`: the folder that goes with the bench; null keeps everything. */
export function createLauncher(folder: string, removes: string | null): Launcher {
  const logs = join(folder, 'logs');
  mkdirSync(logs, { recursive: true });
  const guard = spawn(process.execPath, [inBench('stack', 'guard.js'), ...(removes === null ? [] : [removes])], {
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const tell = (line: string): void => void guard.stdin.write(`${line}\n`);
  const logOf = (name: string): string => join(logs, `${name}.log`);

  async function launch(program: Program): Promise<Launched> {
    const log = openSync(logOf(program.name), 'a');
    const stdio: StdioOptions = ['ignore', log, log, ...(program.ipc ? (['ipc'] as const) : [])];
    const child = spawn(program.command, program.args, { detached: true, stdio, ...(program.env ? { env: program.env } : {}) });
    closeSync(log);
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    const pid = child.pid!;
    tell(`+${pid} ${program.stopSignal ?? 'SIGTERM'}`);
    const gone = new Promise<void>((resolve) =>
      child.once('exit', () => {
        tell(`-${pid}`);
        resolve();
      }),
    );
    const stop = async (signal: NodeJS.Signals): Promise<void> => {
      child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), endGraceMs);
      await gone;
      clearTimeout(timer);
    };
    const launched: Launched = { name: program.name, pid, child, end: () => stop(program.stopSignal ?? 'SIGTERM'), kill: () => stop('SIGKILL') };
    const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
    const ready = await waitUntil(async () => isOver() || (await program.isReady()), readyDeadlineMs);
    if (ready && !isOver()) return launched;
    await launched.kill();
    throw new Error(`${program.name} did not become ready:\n${readFileSync(logOf(program.name), 'utf8').slice(-3_000)}`);
  }

  return {
    launch,
    logOf,
    list: (pid, signal) => tell(`+${pid} ${signal}`),
    unlist: (pid) => tell(`-${pid}`),
    close: () =>
      new Promise((resolve) => {
        guard.once('exit', () => resolve());
        guard.stdin.end();
      }),
  };
}

/** Polls a condition; false when it does not hold within the time. */
export async function waitUntil(condition: () => boolean | Promise<boolean>, deadlineMs: number, everyMs = pollMs): Promise<boolean> {
  const end = Date.now() + deadlineMs;
  while (!(await condition())) {
    if (Date.now() > end) return false;
    await pause(everyMs);
  }
  return true;
}

/** The same, where it is an error that it does not hold. */
export async function requireUntil(what: string, condition: () => boolean | Promise<boolean>, deadlineMs: number, everyMs = pollMs): Promise<void> {
  if (!(await waitUntil(condition, deadlineMs, everyMs))) throw new Error(`Waited ${deadlineMs / 1000} s for ${what}.`);
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Does this address answer 2xx? */
export async function answers(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await answer.arrayBuffer();
    return answer.ok;
  } catch {
    return false;
  }
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject).listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Does something accept connections on this port? */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const answer = (listening: boolean): void => {
      socket.destroy();
      resolve(listening);
    };
    socket.once('connect', () => answer(true)).once('error', () => answer(false));
  });
}
