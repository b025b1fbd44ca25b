/** A Temporal server of the bench's own, with its database in a file, set up as a local installation sets it up. */

import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { inProject } from './paths.js';
import { freePort, type Launched, type Launcher } from './processes.js';

export interface Temporal {
  process: Launched;
  address: string;
  client: Client;
  /** Of its database and the journal beside it. */
  bytes(): number;
  end(): Promise<void>;
}

export async function startTemporal(folder: string, launcher: Launcher, given: string | undefined): Promise<Temporal> {
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const file = join(folder, 'temporal.db');
  const connection = Connection.lazy({ address });
  const process = await launcher
    .launch({
      name: 'temporal',
      command: findCli(given),
      args: [
        ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--headless', '--log-level', 'warn'],
        ...['--db-filename', file, '--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL'],
        ...['--dynamic-config-value', 'frontend.enableServerVersionCheck=false'],
      ],
      isReady: async () => {
        try {
          await connection.withDeadline(Date.now() + 1_000, () => connection.workflowService.describeNamespace({ namespace: 'default' }));
          return true;
        } catch {
          return false;
        }
      },
    })
    .catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      throw new Error('There is no Temporal CLI yet: run "npm start" once, which finds or builds one, or give its path with --temporal.');
    });
  return {
    process,
    address,
    client: new Client({ connection }),
    bytes: () => [file, `${file}-wal`].filter((one) => existsSync(one)).reduce((sum, one) => sum + statSync(one).size, 0),
    end: async () => {
      await connection.close();
      await process.end();
    },
  };
}

/** The one that was named, else the one that `npm start` has found or built, else one on the PATH. */
export function findCli(given: string | undefined): string {
  if (given !== undefined) return given;
  const cache = inProject('.cache');
  const [name] = (existsSync(cache) ? readdirSync(cache) : [])
    .filter((one) => /^temporal-[\d.]+$/.test(one))
    .toSorted()
    .toReversed();
  return name === undefined ? 'temporal' : join(cache, name);
}
