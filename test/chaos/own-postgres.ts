/** A Postgres cluster of the campaign's own, which can be killed, frozen and restarted; what it has committed is there afterwards. */

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isRunning, waitUntil } from '../../runtime/local/processes.js';
import { type LocalPostgres, startPostgres } from '../../runtime/local/postgres.js';
import { listForTheGuard } from '../support/guard-list.js';
import { freePort, until } from '../support/stack.js';

/** A process that is killed loses nothing that the kernel has; only a machine that fell would. Commits have a time to compare hand-overs with. */
const settings = ['fsync=off', 'full_page_writes=off', 'synchronous_commit=on', 'track_commit_timestamp=on', 'max_connections=120'];

export interface OwnPostgres {
  port: number;
  url(database: string): string;
  logFile: string;
  /** The server and every process of it, at once. */
  kill(): Promise<void>;
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** A fast shutdown. */
  stop(): Promise<void>;
  /** Waits until it accepts connections again. */
  start(): Promise<void>;
}

export async function startOwnPostgres(folder: string): Promise<OwnPostgres> {
  const guarded = process.env['WAYBILL_TEST_FOLDER']!;
  const options = { folder: join(folder, 'postgres'), port: await freePort(), password: 'waybill', logFile: join(folder, 'postgres.log'), settings };
  let server: LocalPostgres;
  let forget = (): void => {};
  const start = async (): Promise<void> => {
    server = await startPostgres(options, ({ pid }) => (forget = listForTheGuard(guarded, pid, 'SIGKILL')));
  };
  const signalAll = async (signal: NodeJS.Signals): Promise<void> => {
    const { pid } = server.process;
    for (const one of [pid, ...(await childrenOf(pid))]) signalOne(one, signal);
  };
  await start();
  return {
    port: options.port,
    url: (database) => server.url(database),
    logFile: options.logFile,
    kill: async () => {
      await signalAll('SIGKILL');
      await waitUntil(() => !isRunning(server.process), 10_000);
      forget();
    },
    freeze: () => signalAll('SIGSTOP'),
    thaw: () => signalAll('SIGCONT'),
    stop: async () => {
      await server.stop();
      forget();
    },
    // A backend that has not noticed yet that its server is gone holds the memory that the next server needs.
    start: async () =>
      void (await until(
        () =>
          start().then(
            () => true,
            () => false,
          ),
        { deadlineMs: 60_000, what: 'Postgres to start again' },
      )),
  };
}

async function childrenOf(pid: number): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=']);
  return stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, parent]) => parent === pid)
    .map(([child]) => child!);
}

function signalOne(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
