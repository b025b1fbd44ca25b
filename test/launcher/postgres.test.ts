import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import postgres from 'postgres';
import { startPostgres, type LocalPostgres } from '../../runtime/local/postgres.js';
import { isRunning, stopProcess } from '../../runtime/local/processes.js';
import { freePort, rememberForTheGuard } from '../support/stack.js';

const asRoot = process.getuid?.() === 0 ? test : test.skip;

describe('the Postgres of the data folder', () => {
  let folder: string;
  let started: LocalPostgres[];
  const options = async () => ({
    folder: join(folder, 'postgres'),
    port: await freePort(),
    password: 'waybill',
    logFile: join(folder, 'postgres.log'),
    settings: ['fsync=off'],
  });
  const begin = async (given: Awaited<ReturnType<typeof options>>) => {
    const server = await startPostgres(given, ({ pid }) => rememberForTheGuard(pid));
    started.push(server);
    return server;
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'waybill-postgres-'));
    // Run by root, Postgres is another user.
    chmodSync(folder, 0o711);
    started = [];
  });
  afterEach(async () => {
    for (const server of started) await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('is made once, keeps its data over a stop, listens on this machine alone and asks for its password', async () => {
    const given = await options();
    const first = await begin(given);
    await first.ensureDatabase('waybill');
    await run(first.url('waybill'), 'create table kept as select 42 as answer');
    await first.stop();
    expect(isRunning(first.process)).toBe(false);

    const second = await begin(given);
    await second.ensureDatabase('waybill');
    expect(await run(second.url('waybill'), 'select answer from kept')).toEqual([{ answer: 42 }]);
    expect(await run(second.url('waybill'), "select current_setting('listen_addresses') as on, lower('ÄÖ') as lower")).toEqual([
      { on: '127.0.0.1', lower: 'äö' },
    ]);
    await expect(run(second.url('waybill').replace(':waybill@', ':wrong@'), 'select 1')).rejects.toThrow('password');
  });

  test('that runs already is taken over with its own port, by the process number in its folder', async () => {
    const given = await options();
    const first = await begin(given);
    const again = await begin({ ...given, port: await freePort() });
    expect(again).toMatchObject({ adopted: true, port: given.port, process: first.process });
  });

  test('that was killed leaves a stale process number, which does not hinder a start', async () => {
    const given = await options();
    const first = await begin(given);
    await run(first.url('postgres'), 'create table kept as select 42 as answer; checkpoint');
    await stopProcess(first.process, 'SIGKILL', 5_000);
    const second = await begin(given);
    expect(second.adopted).toBe(false);
    expect(await run(second.url('postgres'), 'select answer from kept')).toEqual([{ answer: 42 }]);
  });

  test('that is killed while it starts is told at once, and can be started again', async () => {
    const given = await options();
    const begun = Date.now();
    await expect(startPostgres(given, ({ pid }) => process.kill(pid, 'SIGKILL'))).rejects.toThrow('Postgres did not start.');
    // Well below the 30 s that a server which still runs is given.
    expect(Date.now() - begun).toBeLessThan(20_000);
    expect((await begin(given)).adopted).toBe(false);
  });

  asRoot('in a folder that its OS user may not enter is refused with the folder and the way out (needs root)', async () => {
    const closed = join(folder, 'closed');
    mkdirSync(closed, { mode: 0o700 });
    await expect(begin({ ...(await options()), folder: join(closed, 'postgres') })).rejects.toThrow(
      new RegExp(`may not enter ${closed}\\. Allow it \\("chmod o\\+x ${closed}"\\)`),
    );
  });

  test('on a port that is taken ends with the words of its log', async () => {
    const given = await options();
    await begin(given);
    await expect(begin({ ...given, folder: join(folder, 'second') })).rejects.toThrow(/did not start[\s\S]*could not bind/);
  });
});

async function run(url: string, statement: string): Promise<unknown[]> {
  const client = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return [...(await client.unsafe(statement))];
  } finally {
    await client.end({ timeout: 5 });
  }
}
