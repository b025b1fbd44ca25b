import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { assertPatched } from '../../db/patched-driver.js';
import { type LocalPostgres, startPostgres } from '../../runtime/local/postgres.js';
import { inProject } from '../../runtime/paths.js';
import { freePort, rememberForTheGuard, startProcess } from '../support/stack.js';

const withGit = spawnSync('git', ['--version']).status === 0 ? test : test.skip;
const patched = inProject('node_modules', 'postgres', 'src', 'index.js');
const rounds = 6;

let folder: string;
let server: LocalPostgres;

/** A server of its own: the scenarios crash it. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'waybill-driver-'));
  chmodSync(folder, 0o711);
  server = await startPostgres(
    { folder: join(folder, 'postgres'), port: await freePort(), password: 'waybill', logFile: join(folder, 'postgres.log'), settings: ['fsync=off'] },
    ({ pid }) => rememberForTheGuard(pid),
  );
});

afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Late {
  unsettled: boolean;
  uncaught: string[];
  late?: string;
  first?: string;
  second?: string;
  rows?: string[];
}

interface Lost {
  completed: number;
  errored: number;
  unsettled: number;
  uncaught: string[];
}

/** Runs a scenario in a process of its own, so that an uncaught error is seen and harms nobody. */
async function run<T>(scenario: string, driver: string, ...args: string[]): Promise<T> {
  const entry = inProject('test', 'support', 'driver', scenario);
  const child = await startProcess({ entry, args: [driver, ...args], env: { PATH: process.env['PATH'] ?? '' } });
  const { code } = await child.exited;
  const last = child.output().trim().split('\n').at(-1)!;
  if (code !== 0 || !last.startsWith('{')) throw new Error(`${scenario} ended with ${code}:\n${child.output()}`);
  return JSON.parse(last) as T;
}

async function lateStatement(driver: string, database: string): Promise<Late> {
  await server.ensureDatabase(database);
  return await run<Late>('late-statement.mjs', driver, server.url(database));
}

async function lostBackends(driver: string, patienceMs: number): Promise<Lost> {
  return await run<Lost>('lost-backends.mjs', driver, server.url('postgres'), String(rounds), String(patienceMs));
}

describe('the patched driver', () => {
  test('H11 a late statement of a transaction whose connection died is rejected and runs nowhere', async () => {
    expect(await lateStatement(patched, 'late')).toEqual({
      unsettled: false,
      uncaught: [],
      late: 'CONNECTION_CLOSED',
      first: 'CONNECTION_CLOSED',
      second: 'committed',
      rows: ['second'],
    });
  });

  test('with its backends lost under 16 concurrent transactions nothing is uncaught, everything settles, and work goes on', async () => {
    const { completed, errored, unsettled, uncaught } = await lostBackends(patched, 15_000);
    expect({ unsettled, uncaught }).toEqual({ unsettled: 0, uncaught: [] });
    expect(errored).toBeGreaterThan(0);
    expect(completed).toBeGreaterThan(rounds * 16);
  });

  test('is the one that is installed', () => {
    expect(() => assertPatched()).not.toThrow();
  });
});

describe('the driver as it is published', () => {
  let unpatched: string;

  /** A copy of ours with the patch taken back. */
  beforeAll(() => {
    unpatched = join(folder, 'unpatched');
    mkdirSync(join(unpatched, 'node_modules'), { recursive: true });
    cpSync(inProject('node_modules', 'postgres'), join(unpatched, 'node_modules', 'postgres'), { recursive: true });
    spawnSync('git', ['apply', '--reverse', inProject('patches', 'postgres+3.4.9.patch')], { cwd: unpatched });
  });
  const driver = (): string => join(unpatched, 'node_modules', 'postgres', 'src', 'index.js');

  withGit('runs a late statement inside the other transaction (needs git)', async () => {
    const { late, rows } = await lateStatement(driver(), 'late_unpatched');
    expect({ late, leaked: rows?.includes('late') }).toEqual({ late: 'executed', leaked: true });
  });

  withGit('throws uncaught errors or never settles when its backends are lost (needs git)', async () => {
    const { unsettled, uncaught } = await lostBackends(driver(), 3_000);
    expect(unsettled + uncaught.length).toBeGreaterThan(0);
  });

  withGit('is refused at start-up, with what to do (needs git)', () => {
    cpSync(inProject('dist', 'db', 'patched-driver.js'), join(unpatched, 'patched-driver.js'));
    writeFileSync(join(unpatched, 'package.json'), '{ "type": "module" }');
    const started = spawnSync(process.execPath, ['-e', "import('./patched-driver.js').then((one) => one.assertPatched())"], {
      cwd: unpatched,
      encoding: 'utf8',
    });
    expect(started.status).not.toBe(0);
    expect(started.stderr).toContain('run "npm run setup" in the project folder');
  });
});
