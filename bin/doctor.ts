/** What the doctor can tell once the packages are there. Starts and changes nothing. */

import { accessSync, constants, existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ConfigError } from '../runtime/config.js';
import { loadLocalConfig, type LocalConfig } from '../runtime/local/local-config.js';
import { holderOf } from '../runtime/local/lock.js';
import { postgresProblem } from '../runtime/local/postgres.js';
import { createSupervisor } from '../runtime/local/supervisor.js';
import { cliSources, foreseeTemporalCli } from '../runtime/local/temporal-cli.js';
import { databaseProblem, portsProblem, temporalProblem } from './start-checks.js';

export interface Finding {
  title: string;
  /** Stands in the way of a start, a sentence in a line; null: nothing does. */
  problem: string | null;
  note?: string;
}

export async function* examine(): AsyncGenerator<Finding> {
  let config: LocalConfig;
  try {
    config = loadLocalConfig();
    yield { title: 'Settings', problem: null, note: 'can be read' };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return yield { title: 'Settings', problem: error.message };
  }
  yield examineDataFolder(config.dataFolder);
  yield await examinePorts(config);
  yield await examinePostgres(config);
  yield await examineTemporal(config);
}

function examineDataFolder(folder: string): Finding {
  const title = 'Data folder';
  try {
    accessSync(nearestExisting(folder), constants.W_OK);
    return { title, problem: null, note: existsSync(folder) ? folder : `${folder} (will be made)` };
  } catch {
    return { title, problem: `${folder} cannot be written: give another one with WAYBILL_DATA_DIR, or its rights to this user.` };
  }
}

async function examinePorts(config: LocalConfig): Promise<Finding> {
  const title = 'Ports';
  const runFolder = join(config.dataFolder, 'run');
  const launcher = holderOf(join(runFolder, 'launcher.lock'));
  if (launcher !== null) return { title, problem: null, note: `Waybill runs already, started by process ${launcher.pid}` };
  const left = createSupervisor(runFolder, { died: () => {}, restarted: () => {}, gaveUp: () => {} }).left;
  return { title, problem: await portsProblem(config, (name) => left(name) !== null), note: 'free' };
}

async function examinePostgres(config: LocalConfig): Promise<Finding> {
  const title = 'Postgres';
  if (config.databaseUrl !== null) return { title, problem: await databaseProblem(config.databaseUrl), note: 'DATABASE_URL answers' };
  return {
    title,
    problem: await postgresProblem(join(config.dataFolder, 'postgres')),
    note: `the one that comes with the packages, on port ${config.ports.postgres}`,
  };
}

async function examineTemporal({ temporal, cli }: LocalConfig): Promise<Finding> {
  const title = 'Temporal';
  if (temporal.address !== null)
    return { title, problem: await temporalProblem(temporal.address, temporal.namespace), note: `TEMPORAL_ADDRESS (${temporal.address}) answers` };
  try {
    const foreseen = await foreseeTemporalCli(cliSources(cli));
    if ('problem' in foreseen) return { title, problem: foreseen.problem };
    return { title, problem: null, note: 'there' in foreseen ? `from ${foreseen.there}` : foreseen.coming };
  } catch (error) {
    return { title, problem: (error as Error).message };
  }
}

function nearestExisting(folder: string): string {
  return existsSync(folder) ? folder : nearestExisting(dirname(folder));
}
