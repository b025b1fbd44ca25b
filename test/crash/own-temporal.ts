/** A Temporal server of one test file: it can be killed, frozen and restarted, and its memory can be lost. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRunning, killGroup, stopProcess, waitUntil } from '../../runtime/local/processes.js';
import { startTemporalServer, type TemporalServer, type TemporalServerOptions } from '../../runtime/local/temporal-server.js';
import { searchAttributes } from '../../workflows/dispatch-message.contract.js';
import { listForTheGuard } from '../support/guard-list.js';
import { freePort } from '../support/stack.js';

/** The CLI that the shared server was started from; undefined when that server is somebody else's. */
export const temporalCli = process.env['WAYBILL_TEST_TEMPORAL_CLI'];

const stopGraceMs = 10_000;

export interface OwnTemporal {
  port: number;
  address: string;
  databaseFile: string;
  logFile: string;
  /** What it has written is there at the next start. */
  kill(): Promise<void>;
  /** Ends it by SIGTERM. */
  stop(): Promise<void>;
  start(): Promise<void>;
  freeze(): void;
  thaw(): void;
  /** Killed, its database deleted, started again on the same port: it knows nothing any more. */
  loseEverything(): Promise<void>;
  close(): Promise<void>;
}

export async function startOwnTemporal(): Promise<OwnTemporal> {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-temporal-'));
  const port = await freePort();
  const databaseFile = join(folder, 'temporal.db');
  const logFile = join(folder, 'temporal.log');
  const options: TemporalServerOptions = {
    binary: temporalCli!,
    port,
    uiPort: await freePort(),
    databaseFile,
    searchAttributes: Object.values(searchAttributes),
    codecEndpoint: null,
    logFile,
  };
  let server: TemporalServer;
  let forget = (): void => {};
  const start = async (): Promise<void> => {
    server = await startTemporalServer(options, ({ pid }) => (forget = listForTheGuard(process.env['WAYBILL_TEST_FOLDER']!, pid, 'SIGKILL')));
  };
  const kill = async (): Promise<void> => {
    killGroup(server.process.pid);
    await waitUntil(() => !isRunning(server.process), 10_000);
    forget();
  };
  await start();
  return {
    port,
    address: `127.0.0.1:${port}`,
    databaseFile,
    logFile,
    kill,
    stop: async () => {
      await stopProcess(server.process, 'SIGTERM', stopGraceMs);
      forget();
    },
    start,
    freeze: () => void process.kill(server.process.pid, 'SIGSTOP'),
    thaw: () => void process.kill(server.process.pid, 'SIGCONT'),
    loseEverything: async () => {
      await kill();
      for (const suffix of ['', '-wal', '-shm']) rmSync(`${databaseFile}${suffix}`, { force: true });
      await start();
    },
    close: async () => {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
