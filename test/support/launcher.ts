/** Runs `npm start` and `npm run doctor` as a user does, in a data folder and on ports of their own. */

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRunning, killGroup, type ProcessIdentity } from '../../runtime/local/processes.js';
import { inProject } from '../../runtime/paths.js';
import { freePort, rememberForTheGuard, startProcess, until, type TestProcess } from './stack.js';

export interface RunRecord extends ProcessIdentity {
  name: string;
}

export interface Home {
  folder: string;
  env: Record<string, string>;
  apiUrl: string;
  /** The processes of the stack that run now, by name. */
  running(): Record<string, RunRecord>;
  keys(): { staffKey: string; serviceKey: string };
  /** Runs bin/<script> with these settings beside its own. */
  run(script: string, more?: Record<string, string>): Promise<TestProcess>;
  /** Runs `npm start` until it has told its addresses. */
  start(more?: Record<string, string>): Promise<TestProcess>;
  /** Ends whatever still runs and removes the folder. */
  remove(): void;
}

/** A home that nobody else uses; the Temporal CLI is the one that the tests found. */
export async function createHome(): Promise<Home> {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-home-'));
  const names = [
    'WAYBILL_PORT',
    'WAYBILL_METRICS_PORT',
    'WAYBILL_SANDBOX_PORT',
    'WAYBILL_SANDBOX_SMTP_PORT',
    'WAYBILL_POSTGRES_PORT',
    'WAYBILL_TEMPORAL_PORT',
    'WAYBILL_TEMPORAL_UI_PORT',
  ];
  const ports: Record<string, string> = {};
  for (const name of names) ports[name] = String(await freePort());
  const cli = process.env['WAYBILL_TEST_TEMPORAL_CLI'];
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: process.env['HOME'] ?? '',
    WAYBILL_DATA_DIR: folder,
    WAYBILL_TEMPORAL_DOWNLOAD: '0',
    ...(cli === undefined ? {} : { TEMPORAL_CLI_PATH: cli }),
    ...ports,
  };
  const apiUrl = `http://127.0.0.1:${ports['WAYBILL_PORT']}`;
  const running = () => Object.fromEntries(recordsIn(join(folder, 'run')).map((record) => [record.name, record]));
  const run = (script: string, more: Record<string, string> = {}) => startProcess({ entry: inProject('bin', script), env: { ...env, ...more } });
  return {
    folder,
    env,
    apiUrl,
    running,
    keys: () => JSON.parse(readFileSync(join(folder, 'seed-keys.json'), 'utf8')) as { staffKey: string; serviceKey: string },
    run,
    start: async (more) => {
      const launcher = await run('start.mjs', more);
      let over = false;
      void launcher.exited.then(() => (over = true));
      await until(() => over || /Ctrl-C ends everything/.test(launcher.output()), { deadlineMs: 45_000, what: 'the addresses' });
      for (const { pid } of Object.values(running())) rememberForTheGuard(pid);
      if (over) throw new Error(`The launcher ended:\n${launcher.output()}`);
      return launcher;
    },
    remove: () => {
      for (const { pid } of Object.values(running())) killGroup(pid);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function recordsIn(folder: string): RunRecord[] {
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : [];
  return files.flatMap((name) => recordIn(join(folder, name))).filter(isRunning);
}

/** None while the launcher is just writing it. */
function recordIn(file: string): RunRecord[] {
  try {
    return [JSON.parse(readFileSync(file, 'utf8')) as RunRecord];
  } catch {
    return [];
  }
}
