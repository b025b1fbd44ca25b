/** Processes that outlive the one that started them: told apart by their start, ended by their number, never by name. */

import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

const pollMs = 25;

export interface ProcessSpec {
  command: string;
  args: string[];
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** The OS user to run as; null: the one that we are. */
  user?: OsUser | null;
  /** Output is appended here, so that it survives us. */
  logFile: string;
}

export interface OsUser {
  uid: number;
  gid: number;
}

/** A process that ran at some time: its number and what tells it from a later process with the same number. */
export interface ProcessIdentity {
  pid: number;
  startedAs: string;
}

/** Starts a process in a group of its own, so that a Ctrl-C meant for us does not reach it. Throws when it cannot be run. */
export async function spawnDetached(spec: ProcessSpec): Promise<ChildProcess & { pid: number }> {
  mkdirSync(dirname(spec.logFile), { recursive: true });
  const log = openSync(spec.logFile, 'a');
  try {
    const child = spawn(spec.command, spec.args, {
      detached: true,
      stdio: ['ignore', log, log],
      ...(spec.env === undefined ? {} : { env: spec.env }),
      ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
      ...(spec.user ?? {}),
    });
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    return child as ChildProcess & { pid: number };
  } finally {
    closeSync(log);
  }
}

/** The identity of a running process; null when there is none with this number. A process that ended but was not yet reaped counts as gone. */
export function identify(pid: number): ProcessIdentity | null {
  const startedAs = process.platform === 'linux' ? startOnLinux(pid) : startByPs(pid);
  return startedAs === null ? null : { pid, startedAs };
}

/** Does this very process still run? */
export function isRunning({ pid, startedAs }: ProcessIdentity): boolean {
  const now = identify(pid);
  return now !== null && now.startedAs === startedAs;
}

/** Asks a process to end and waits; after `graceMs` its whole group is killed. Resolves when it is gone; false: it had to be killed. */
export async function stopProcess(which: ProcessIdentity, signal: NodeJS.Signals, graceMs: number): Promise<boolean> {
  if (!isRunning(which)) return true;
  signalQuietly(which.pid, signal);
  if (await waitUntil(() => !isRunning(which), graceMs)) return true;
  killGroup(which.pid);
  await waitUntil(() => !isRunning(which), 10_000);
  return false;
}

/** Kills a process that leads a group, together with its children. */
export function killGroup(pid: number): void {
  signalQuietly(-pid, 'SIGKILL');
  signalQuietly(pid, 'SIGKILL');
}

/** Polls a condition; false when it does not hold within the time. */
export async function waitUntil(condition: () => boolean | Promise<boolean>, deadlineMs: number): Promise<boolean> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    if (await condition()) return true;
    if (Date.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

/** The end of a log file, to be shown when its process did not come up; from this byte on. */
export function lastLines(file: string, fromByte = 0): string {
  return existsSync(file) ? readFileSync(file).subarray(fromByte).toString().trimEnd().split('\n').slice(-15).join('\n') : '(no log)';
}

function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function startOnLinux(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in brackets may hold spaces and brackets; state is the first field after it, the start time the twentieth.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z') return null;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${fields[19]}`;
  } catch {
    return null;
  }
}

function startByPs(pid: number): string | null {
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || null;
  } catch {
    return null;
  }
}
