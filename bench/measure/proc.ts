/** What the kernel tells of a process: processor time and memory. */

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const tickMs = 1_000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** User and system time of a process so far, with that of its children, those that have ended included; milliseconds. */
export function cpuMs(pid: number): number {
  const { own, ended } = times(`/proc/${pid}/stat`);
  return own + ended + childrenOf(pid).reduce((total, child) => total + timesOrNone(`/proc/${child}/stat`).own, 0);
}

/** The same, by the names of the threads of this one process. */
export function cpuMsByThread(pid: number): Map<string, number> {
  const byName = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const name = readFileSync(`/proc/${pid}/task/${thread}/comm`, 'utf8').trim();
    // The threads of one pool differ in their number alone; the main thread has the number of the process.
    const pool = thread === String(pid) ? 'main thread' : name.replace(/[-_:]?\d+$/, '');
    byName.set(pool, (byName.get(pool) ?? 0) + timesOrNone(`/proc/${pid}/task/${thread}/stat`).own);
  }
  return byName;
}

/** The memory of a process and its children, shared pages counted once; MB. */
export function pssMb(pid: number): number {
  return [pid, ...childrenOf(pid)].reduce((total, one) => total + pssKbOf(one), 0) / 1024;
}

/** Resident memory of one process; MB. */
export function rssMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}

function pssKbOf(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
}

/** utime, stime, cutime and cstime are fields 14 to 17; the name in brackets may hold spaces. */
function times(file: string): { own: number; ended: number } {
  const stat = readFileSync(file, 'utf8');
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 15)
    .map(Number);
  return { own: (fields[0]! + fields[1]!) * tickMs, ended: (fields[2]! + fields[3]!) * tickMs };
}

function timesOrNone(file: string): { own: number; ended: number } {
  try {
    return times(file);
  } catch {
    return { own: 0, ended: 0 };
  }
}
