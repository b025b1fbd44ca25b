import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import postgres from 'postgres';
import { createClient, findClient, type NewContactPoint } from '../../db/clients.js';
import { connectDatabase } from '../../db/connect.js';
import { changeContactPoint } from '../../db/contact-points.js';
import { migrateDatabase } from '../../db/migrate.js';
import { createTemplate } from '../../db/templates.js';
import { inProject } from '../../runtime/paths.js';
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

  test('R116 keeps the values that an error was about out of its log', async () => {
    const given = await options();
    const server = await begin(given);
    await run(server.url('postgres'), 'create table addresses (value text unique)');
    await run(server.url('postgres'), "insert into addresses values ('canary@example.test')");
    await expect(run(server.url('postgres'), "insert into addresses select 'canary' || '@example.test'")).rejects.toThrow('duplicate key');
    const log = readFileSync(given.logFile, 'utf8');
    expect(log).toContain('duplicate key');
    expect(log).not.toContain('canary@example.test)');
    expect(log).not.toContain('DETAIL');
  });

  test('R116 R117 that logs every detail is told no address by the database of ours: what is taken breaks no constraint', async () => {
    const given = await options();
    const server = await begin({ ...given, settings: [...given.settings, 'log_error_verbosity=verbose'] });
    await server.ensureDatabase('waybill');
    await migrateDatabase({ url: server.url('waybill'), migrationsFolder: inProject('db', 'migrations') });
    const { db, close } = connectDatabase({ url: server.url('waybill'), max: 20, name: 'test' });
    const email = (value: string): NewContactPoint => ({ kind: 'email', value, address: value, selected: false });
    const clientWith = async (value: string): Promise<{ clientId: string; pointId: string }> => {
      const made = await createClient(db, { name: 'A client', contactPoints: [email(value)] });
      if (made.kind !== 'created') throw new Error(`${value} is taken.`);
      return { clientId: made.clientId, pointId: (await findClient(db, made.clientId))!.contactPoints[0]!.id };
    };
    const change = ({ clientId, pointId }: { clientId: string; pointId: string }, value: string) =>
      changeContactPoint(db, clientId, pointId, { value, address: value });

    await clientWith('canary@example.test');
    const others = await Promise.all(Array.from({ length: 10 }, (_, n) => clientWith(`other-${n}@example.test`)));
    expect(await change(others[0]!, 'canary@example.test')).toBe('taken');
    expect(await change(others[0]!, 'other-0@example.test')).toBe('changed');
    const race = await Promise.all([
      ...others.map((one) => change(one, 'canary-race@example.test')),
      createClient(db, { name: 'Another', contactPoints: [email('canary-race@example.test')] }).then((made) => made.kind),
    ]);
    expect(race.filter((one) => one === 'changed' || one === 'created')).toHaveLength(1);
    const template = { channelId: null, origin: 'own', name: 'canary_name', language: 'en', status: 'approved' } as const;
    const text = { subject: null, header: null, body: 'Hello', footer: null, variables: [], textOnly: true };
    expect((await createTemplate(db, template, text)).kind).toBe('created');
    expect((await createTemplate(db, template, text)).kind).toBe('taken');
    await close();
    expect(readFileSync(given.logFile, 'utf8')).not.toMatch(/canary|duplicate key/);
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
