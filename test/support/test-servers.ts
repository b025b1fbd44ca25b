/** The servers that all test files share: one Postgres with a migrated template, one Temporal in memory. Run once, before the tests. */

import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrateDatabase } from '../../db/migrate.js';
import { loadLocalConfig } from '../../runtime/local/local-config.js';
import { freePort } from '../../runtime/local/ports.js';
import { startPostgres } from '../../runtime/local/postgres.js';
import { cliSources, obtainTemporalCli, TemporalNotObtainable } from '../../runtime/local/temporal-cli.js';
import { startTemporalServer } from '../../runtime/local/temporal-server.js';
import { inProject } from '../../runtime/paths.js';
import { searchAttributes } from '../../workflows/dispatch-message.contract.js';
import { listForTheGuard } from './guard-list.js';

export const templateDatabase = 'waybill_template';

type Step = <T>(title: string, work: (say: (note: string) => void) => Promise<T>) => Promise<T>;

/** Starts the servers and tells the test files of them through WAYBILL_TEST_* variables. Returns what ends them. */
export async function startTestServers(step: Step): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-test-'));
  chmodSync(folder, 0o711);
  mkdirSync(join(folder, 'processes'));
  const guard = spawn(process.execPath, [inProject('test', 'support', 'guard.mjs'), folder], { stdio: ['pipe', 'ignore', 'inherit'], detached: true });
  process.env['WAYBILL_TEST_FOLDER'] = folder;
  await Promise.all([startTestPostgres(folder, step), startTestTemporal(folder, step)]);
  return () => closeGuard(guard);
}

async function startTestPostgres(folder: string, step: Step): Promise<void> {
  await step('Postgres for the tests', async () => {
    const server = await startPostgres(
      {
        folder: join(folder, 'postgres'),
        port: await freePort(),
        password: 'waybill',
        logFile: join(folder, 'postgres.log'),
        settings: ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'max_connections=300'],
      },
      ({ pid }) => listForTheGuard(folder, pid, 'SIGQUIT'),
    );
    await server.ensureDatabase(templateDatabase);
    await migrateDatabase({ url: server.url(templateDatabase), migrationsFolder: inProject('db', 'migrations') });
    process.env['WAYBILL_TEST_POSTGRES'] = server.url('postgres');
  });
}

async function startTestTemporal(folder: string, step: Step): Promise<void> {
  const config = loadLocalConfig();
  if (config.temporal.address !== null) {
    process.env['WAYBILL_TEST_TEMPORAL'] = JSON.stringify({
      address: config.temporal.address,
      namespace: config.temporal.namespace,
      uiUrl: config.temporal.uiUrl,
    });
    return;
  }
  try {
    await step('Temporal for the tests', async (say) => {
      const cli = await obtainTemporalCli({ ...cliSources(config.cli), say });
      const server = await startTemporalServer(
        {
          binary: cli.path,
          port: await freePort(),
          uiPort: await freePort(),
          databaseFile: null,
          searchAttributes: Object.values(searchAttributes),
          codecEndpoint: null,
          logFile: join(folder, 'temporal.log'),
        },
        ({ pid }) => listForTheGuard(folder, pid, 'SIGKILL'),
      );
      say(cli.source);
      process.env['WAYBILL_TEST_TEMPORAL_CLI'] = cli.path;
      process.env['WAYBILL_TEST_TEMPORAL'] = JSON.stringify({ address: server.address, namespace: 'default', uiUrl: server.uiUrl });
    });
  } catch (error) {
    if (!(error instanceof TemporalNotObtainable)) throw error;
    process.env['WAYBILL_TEST_TEMPORAL_MISSING'] = error.message;
  }
}

function closeGuard(guard: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    guard.once('exit', () => resolve());
    guard.stdin?.end();
  });
}
