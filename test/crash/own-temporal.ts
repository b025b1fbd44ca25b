/** A Temporal server of one test file, whose memory can be lost. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { killGroup, isRunning, waitUntil } from '../../runtime/local/processes.js';
import { startTemporalServer, type TemporalServer, type TemporalServerOptions } from '../../runtime/local/temporal-server.js';
import { searchAttributes } from '../../workflows/dispatch-message.contract.js';
import { listForTheGuard } from '../support/guard-list.js';
import { freePort } from '../support/stack.js';

/** The CLI that the shared server was started from; undefined when that server is somebody else's. */
export const temporalCli = process.env['WAYBILL_TEST_TEMPORAL_CLI'];

export interface OwnTemporal {
  address: string;
  /** Killed, its database deleted, started again on the same port: it knows nothing any more. */
  loseEverything(): Promise<void>;
  close(): Promise<void>;
}

export async function startOwnTemporal(): Promise<OwnTemporal> {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-temporal-'));
  const options: TemporalServerOptions = {
    binary: temporalCli!,
    port: await freePort(),
    uiPort: await freePort(),
    databaseFile: join(folder, 'temporal.db'),
    searchAttributes: Object.values(searchAttributes),
    codecEndpoint: null,
    logFile: join(folder, 'temporal.log'),
  };
  let server: TemporalServer;
  let forget = (): void => {};
  const start = async (): Promise<void> => {
    server = await startTemporalServer(options, ({ pid }) => (forget = listForTheGuard(process.env['WAYBILL_TEST_FOLDER']!, pid, 'SIGKILL')));
  };
  const stop = async (): Promise<void> => {
    killGroup(server.process.pid);
    await waitUntil(() => !isRunning(server.process), 10_000);
    forget();
  };
  await start();
  return {
    address: `127.0.0.1:${options.port}`,
    loseEverything: async () => {
      await stop();
      for (const suffix of ['', '-wal', '-shm']) rmSync(`${options.databaseFile}${suffix}`, { force: true });
      await start();
    },
    close: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
