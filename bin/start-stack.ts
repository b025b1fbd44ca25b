/** Brings the processes of the local stack up, one after the other, each on what the one before it gave. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { connectDatabase } from '../db/connect.js';
import { migrateDatabase } from '../db/migrate.js';
import { seedIfEmpty } from '../db/seed.js';
import { isLoopback, processEnvironment } from '../runtime/config.js';
import { findSeedKeys, keepSeedKeys, requireLocalKeys, type LocalKeys, type SeedKeys } from '../runtime/local/keys.js';
import type { LocalConfig } from '../runtime/local/local-config.js';
import { nodeService, postgresService, temporalService } from '../runtime/local/services.js';
import type { Supervisor } from '../runtime/local/supervisor.js';
import { cliSources, obtainTemporalCli } from '../runtime/local/temporal-cli.js';
import { inProject } from '../runtime/paths.js';
import { createSecretBox, type SecretBox } from '../runtime/secret-box.js';
import { searchAttributes } from '../workflows/dispatch-message.contract.js';
import { databaseProblem, portsProblem, temporalProblem } from './start-checks.js';
import { pointWebhooks } from './start-webhooks.js';
import type { Step } from './start.js';

/** Longer than the longest send, so that a drain leaves nothing in doubt. */
const workerGraceMs = 95_000;

/** The stack as it runs. */
export interface Up {
  apiUrl: string;
  sandboxUrl: string;
  metricsUrl: string;
  temporal: { address: string; uiUrl: string | null };
  /** Null: the database was not seeded from this data folder. */
  keys: SeedKeys | null;
}

interface Start {
  config: LocalConfig;
  supervisor: Supervisor;
  signal: AbortSignal;
  step: Step;
}

/** Rejects with one clear paragraph when something cannot come up. */
export async function bringUp(start: Start): Promise<Up> {
  const { config, step, supervisor } = start;
  const keys = requireLocalKeys(config.dataFolder);
  const urls = { apiUrl: onThisMachine(config.ports.api), sandboxUrl: onThisMachine(config.ports.sandbox), metricsUrl: onThisMachine(config.ports.metrics) };
  await endLeftOvers(start);
  await step('Ports', async () => requireNone(await portsProblem(config, (name) => supervisor.left(name) !== null)));
  const databaseUrl = await bringPostgresUp(start, keys);
  await step('Migrations', async (say) => {
    const applied = await migrateDatabase({ url: databaseUrl, migrationsFolder: inProject('db', 'migrations') });
    say(applied === 0 ? 'nothing to do' : `${applied} applied`);
  });
  const temporal = await bringTemporalUp(start, keys, urls.apiUrl, databaseUrl);
  const env = environment(config, keys, databaseUrl, temporal);
  const secretBox = createSecretBox(Buffer.from(env['WAYBILL_MASTER_KEY']!, 'base64'));
  const service = (name: string, title: string, readyUrl: string, graceMs: number, afterStart?: () => Promise<void>) =>
    nodeService({ name, title, entry: `bin/${name}.js`, env, logFile: logFile(config, name), graceMs, readyUrl, ...(afterStart ? { afterStart } : {}) });
  const connectSandbox = () => pointWebhooks({ databaseUrl, secretBox, ...urls });

  await step('Sandbox', (say) => supervisor.start(service('sandbox', 'Sandbox', `${urls.sandboxUrl}/healthz`, 5_000, connectSandbox), say));
  await step('Seed', async (say) => say(await seed(config, databaseUrl, secretBox)));
  await connectSandbox();
  await step('API', (say) => supervisor.start(service('api', 'API', `${urls.apiUrl}/readyz`, 15_000), say));
  await step('Worker', (say) => supervisor.start(service('worker', 'Worker', `${urls.metricsUrl}/readyz`, workerGraceMs), say));
  return { ...urls, temporal, keys: findSeedKeys(config.dataFolder) };
}

/** Processes of ours from a launcher that was killed: they may run older code, so they end; Postgres and Temporal are taken over. */
async function endLeftOvers({ supervisor, step }: Start): Promise<void> {
  const left = ['worker', 'api', 'sandbox'].filter((name) => supervisor.left(name) !== null);
  if (left.length === 0) return;
  await step('Left over from an earlier start', async (say) => {
    say(`${left.join(', ')} end`);
    for (const name of left) await supervisor.clear(name, workerGraceMs);
  });
}

async function bringPostgresUp({ config, step, supervisor }: Start, keys: LocalKeys): Promise<string> {
  const { databaseUrl } = config;
  if (databaseUrl !== null) {
    await step('Postgres', async (say) => {
      requireNone(await databaseProblem(databaseUrl));
      say('DATABASE_URL');
    });
    return databaseUrl;
  }
  let url = '';
  const options = {
    folder: join(config.dataFolder, 'postgres'),
    port: config.ports.postgres,
    password: keys.postgresPassword,
    logFile: logFile(config, 'postgres'),
  };
  await step('Postgres', (say) =>
    supervisor.start(
      postgresService(options, (started) => (url = started)),
      say,
    ),
  );
  return url;
}

async function bringTemporalUp({ config, step, supervisor, signal }: Start, keys: LocalKeys, apiUrl: string, databaseUrl: string): Promise<Up['temporal']> {
  const { address, namespace, uiUrl } = config.temporal;
  if (address !== null) {
    await step('Temporal', async (say) => {
      requireNone(await temporalProblem(address, namespace));
      say(`TEMPORAL_ADDRESS (${address})`);
    });
    return { address, uiUrl };
  }
  const cli = await step('Temporal server', async (say) => {
    const found = await obtainTemporalCli({ ...cliSources(config.cli), say, signal });
    say(`from ${found.source}`);
    return found;
  });
  const databaseFile = join(config.dataFolder, 'temporal.db');
  const isNew = !existsSync(databaseFile);
  const options = {
    binary: cli.path,
    port: config.ports.temporal,
    uiPort: config.ports.temporalUi,
    databaseFile,
    searchAttributes: Object.values(searchAttributes),
    codecEndpoint: `${apiUrl}/${keys.codecPath}`,
    logFile: logFile(config, 'temporal'),
  };
  await step('Temporal', async (say) => {
    await supervisor.start(temporalService(options), say);
    const open = isNew ? await countOpenDispatches(databaseUrl) : 0;
    if (open > 0) say(`its database was gone; ${open} open dispatches are started anew, the ledger keeps them from sending twice`);
  });
  return { address: `127.0.0.1:${options.port}`, uiUrl: onThisMachine(options.uiPort) };
}

/** What our processes are told; what the caller's environment sets wins, but for what the launcher itself decided. */
function environment(config: LocalConfig, keys: LocalKeys, databaseUrl: string, temporal: Up['temporal']): Record<string, string | undefined> {
  const given = processEnvironment();
  return {
    WAYBILL_MASTER_KEY: keys.masterKey,
    WAYBILL_CODEC_KEYS: keys.codecKeys,
    WAYBILL_DEV_LOGIN: isLoopback(given['WAYBILL_HOST'] ?? '127.0.0.1') ? '1' : '0',
    WAYBILL_SANDBOX_JOURNAL: join(config.dataFolder, 'sandbox-journal.jsonl'),
    ...given,
    DATABASE_URL: databaseUrl,
    WAYBILL_PORT: String(config.ports.api),
    WAYBILL_METRICS_PORT: String(config.ports.metrics),
    WAYBILL_SANDBOX_PORT: String(config.ports.sandbox),
    WAYBILL_SANDBOX_SMTP_PORT: String(config.ports.sandboxSmtp),
    TEMPORAL_ADDRESS: temporal.address,
    ...(temporal.uiUrl === null ? {} : { TEMPORAL_UI_URL: temporal.uiUrl }),
    WAYBILL_CODEC_PATH: keys.codecPath,
  };
}

async function seed(config: LocalConfig, databaseUrl: string, secretBox: SecretBox): Promise<string> {
  const handle = connectDatabase({ url: databaseUrl, max: 2, name: 'waybill-launcher' });
  try {
    const keys = await seedIfEmpty(handle, secretBox, { smtpPort: config.ports.sandboxSmtp, whatsappUrl: onThisMachine(config.ports.sandbox) });
    if (keys === null) return 'there are data already';
    keepSeedKeys(config.dataFolder, keys);
    return 'clients, contact points, channels, templates, staff and keys to try things with';
  } finally {
    await handle.close();
  }
}

async function countOpenDispatches(databaseUrl: string): Promise<number> {
  const handle = connectDatabase({ url: databaseUrl, max: 1, name: 'waybill-launcher' });
  try {
    const [row] = await handle.client<{ open: number }[]>`select count(*)::int as open from dispatches where ended_at is null`;
    return row?.open ?? 0;
  } finally {
    await handle.close();
  }
}

function requireNone(problem: string | null): void {
  if (problem !== null) throw new Error(problem);
}

function logFile(config: LocalConfig, name: string): string {
  return join(config.dataFolder, 'logs', `${name}.log`);
}

function onThisMachine(port: number): string {
  return `http://127.0.0.1:${port}`;
}
