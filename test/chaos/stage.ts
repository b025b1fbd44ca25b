/** Where a campaign takes place: a Postgres, a Temporal, a sandbox, several APIs and workers of its own, and lines between them that can be cut. */

import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { migrateDatabase } from '../../db/migrate.js';
import { connectDatabase } from '../../db/connect.js';
import { inProject } from '../../runtime/paths.js';
import { type OwnTemporal, startOwnTemporal } from '../crash/own-temporal.js';
import { addKey, buildHouse, type House } from '../support/house.js';
import { freePort } from '../support/stack.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { createCrew, type Crew, type Role } from './crew.js';
import { instanceCount, type Line } from './faults.js';
import { type OwnPostgres, startOwnPostgres } from './own-postgres.js';
import { callers } from './stories.js';
import { placeWitness } from './witness.js';

/** Nothing that a provider has to tell is given up while an API is away. */
const webhookRetry = { firstMs: 200, maxMs: 2_000, tries: 10_000 };
const databaseName = 'chaos';

export interface Keys {
  /** By the caller's number in a story. */
  callers: string[];
  admin: string;
  /** May read, and is no member of staff: it stands for what a client may see. */
  outsider: string;
}

export interface Stage {
  house: House;
  postgres: OwnPostgres;
  temporal: OwnTemporal;
  lines: Record<Line, TcpProxy>;
  crew: Crew;
  keys: Keys;
  apiUrls: string[];
  tear(): Promise<void>;
}

/** Everything is up when it resolves; nothing is left when it rejects. */
export async function buildStage(): Promise<Stage> {
  const folder = mkdtempSync(join(process.env['WAYBILL_TEST_FOLDER']!, 'chaos-'));
  // Postgres may run as another user.
  chmodSync(folder, 0o711);
  const undo: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const tear = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    return { ...(await build(folder, undo)), tear };
  } catch (error) {
    await tear();
    throw error;
  }
}

async function build(folder: string, undo: (() => unknown)[]): Promise<Omit<Stage, 'tear'>> {
  const postgres = await startOwnPostgres(folder);
  undo.push(async () => await postgres.thaw().then(() => postgres.stop()));
  const temporal = await startOwnTemporal();
  undo.push(() => temporal.close());
  const url = await makeDatabase(postgres);
  const handle = connectDatabase({ url, max: 5, name: 'chaos' });
  const ports = await Promise.all(Array.from({ length: instanceCount.api }, freePort));
  const house = await buildHouse({
    withWorker: false,
    apiPort: ports[0]!,
    database: { url, handle, drop: () => handle.close() },
    sandbox: { webhookRetry },
    env: { TEMPORAL_ADDRESS: temporal.address, WAYBILL_RELAY_INTERVAL_MS: '500', WAYBILL_RECONCILE_INTERVAL_MS: '2000' },
  });
  undo.push(() => house.tear());
  await placeWitness(house.db);
  const lines = await drawLines({ postgres: postgres.port, temporal: temporal.port, relay: house.sandbox.smtpPort, cloud: house.sandbox.httpPort });
  undo.push(() => Promise.all(Object.values(lines).map((line) => line.close())));
  const crew = createCrew(house, (role, instance) => ({
    DATABASE_URL: url.replace(`:${postgres.port}/`, `:${lines[`${role}-postgres`].port}/`),
    TEMPORAL_ADDRESS: `127.0.0.1:${lines[`${role}-temporal`].port}`,
    ...(role === 'api' ? { WAYBILL_PORT: String(ports[instance]) } : {}),
  }));
  undo.push(() => crew.dismiss());
  await crew.startAll();
  return { house, postgres, temporal, lines, crew, keys: await handOutKeys(house), apiUrls: ports.map((port) => `http://127.0.0.1:${port}`) };
}

async function makeDatabase(postgres: OwnPostgres): Promise<string> {
  const admin = connectDatabase({ url: postgres.url('postgres'), max: 1, name: 'chaos-admin' });
  try {
    await admin.client.unsafe(`create database ${databaseName}`);
  } finally {
    await admin.close();
  }
  const url = postgres.url(databaseName);
  await migrateDatabase({ url, migrationsFolder: inProject('db', 'migrations') });
  return url;
}

async function drawLines(ports: Record<'postgres' | 'temporal' | 'relay' | 'cloud', number>): Promise<Record<Line, TcpProxy>> {
  const line = async (role: Role, to: keyof typeof ports) => [`${role}-${to}`, await startTcpProxy(ports[to])] as const;
  const drawn = await Promise.all([
    line('api', 'postgres'),
    line('worker', 'postgres'),
    line('api', 'temporal'),
    line('worker', 'temporal'),
    line('worker', 'relay'),
    line('worker', 'cloud'),
  ]);
  return Object.fromEntries(drawn) as Record<Line, TcpProxy>;
}

async function handOutKeys(house: House): Promise<Keys> {
  const keyOf = async (who: Parameters<typeof addKey>[1]): Promise<string> => (await addKey(house, who)).key;
  return {
    callers: await Promise.all(callers.map((role) => keyOf(role === 'service' ? { scopes: ['read', 'send', 'clients'] } : { role }))),
    admin: await keyOf({ role: 'admin' }),
    outsider: await keyOf({ scopes: ['read'] }),
  };
}
