/** The stack that `npm start` runs, found through its data folder: where it answers, its keys, its processes. */

import { join } from 'node:path';
import { findSeedKeys } from '../../runtime/local/keys.js';
import { loadLocalConfig } from '../../runtime/local/local-config.js';
import { holderOf } from '../../runtime/local/lock.js';
import { isRunning, waitUntil } from '../../runtime/local/processes.js';
import { createSupervisor, type RunRecord } from '../../runtime/local/supervisor.js';

const backDeadlineMs = 60_000;

type Name = 'api' | 'worker' | 'sandbox';

export interface Stack {
  apiUrl: string;
  sandboxUrl: string;
  /** Of an agent, a supervisor and an admin; null: the database was not seeded from this data folder. */
  keys: { agent: string; supervisor: string; admin: string } | null;
  /** Ends these with `kill -9`; returns their process numbers. */
  kill(names: Name[]): number[];
  /** Waits until the launcher has started these again, other processes than before, and all are ready. */
  untilBack(names: Name[], before: number[]): Promise<void>;
}

/** Throws one sentence when nothing runs in the data folder. */
export function findStack(): Stack {
  const { dataFolder } = loadLocalConfig();
  const runFolder = join(dataFolder, 'run');
  const { left } = createSupervisor(runFolder, { died: () => {}, restarted: () => {}, gaveUp: () => {} });
  const [api, sandbox] = [left('api'), left('sandbox')];
  if (holderOf(join(runFolder, 'launcher.lock')) === null || !api?.readyUrl || !sandbox?.readyUrl) {
    throw new Error(`Waybill does not run in ${dataFolder}: run "npm start" in another terminal first and wait for its addresses, then run this again.`);
  }
  const seeded = findSeedKeys(dataFolder);
  const isBack = async (name: Name, before: number[]) => {
    const now = left(name);
    return now?.readyUrl != null && !before.includes(now.pid) && (await answers(now.readyUrl));
  };
  return {
    apiUrl: new URL(api.readyUrl).origin,
    sandboxUrl: new URL(sandbox.readyUrl).origin,
    keys: seeded && { agent: seeded.staffKey, supervisor: seeded.supervisorKey, admin: seeded.adminKey },
    kill: (names) => names.map((name) => killHard(name, left(name))),
    untilBack: async (names, before) => {
      const allAreBack = async () => (await Promise.all(names.map((name) => isBack(name, before)))).every(Boolean);
      if (!(await waitUntil(allAreBack, backDeadlineMs))) throw new Error(`${names.join(' and ')} did not come back within ${backDeadlineMs / 1000} s.`);
    },
  };
}

function killHard(name: Name, record: RunRecord | null): number {
  // The number may belong to another program by now: only the very process that the launcher started is killed.
  if (record === null || !isRunning(record)) throw new Error(`There is no process "${name}" to kill: is "npm start" still running?`);
  process.kill(record.pid, 'SIGKILL');
  return record.pid;
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}
