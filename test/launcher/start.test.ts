import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { isListening } from '../../runtime/local/ports.js';
import { isRunning } from '../../runtime/local/processes.js';
import { inProject } from '../../runtime/paths.js';
import { createHome, type Home } from '../support/launcher.js';
import { describeWithTemporal, until, type ProcessEnd, type TestProcess } from '../support/stack.js';

const everyone = ['api', 'postgres', 'sandbox', 'temporal', 'worker'];

/** One home, started, stopped, killed and started again: each test goes on from where the one before it left the data. */
describeWithTemporal('npm start', () => {
  let home: Home;
  let launcher: TestProcess;
  let parked: { id: string; contactPointId: string };

  beforeAll(async () => {
    home = await createHome();
    launcher = await home.start();
  });
  afterAll(async () => {
    await launcher.kill();
    home.remove();
  });

  test('reaches the end of a sample message and tells its timeline, its mail, all addresses and two keys', () => {
    const { staffKey, serviceKey } = home.keys();
    for (const part of [
      'dispatch.accepted',
      'dispatch.completed',
      'ends: completed',
      'To: sample@example.test',
      `${home.apiUrl}/v1`,
      `${home.apiUrl}/docs`,
      home.folder,
      staffKey,
      serviceKey,
    ]) {
      expect(launcher.output()).toContain(part);
    }
    expect(Object.keys(home.running()).toSorted()).toEqual(everyone);
  });

  test('the data folder holds what docs/operate.md tells of, for its owner alone', () => {
    const [, table = ''] = /\| In `\.waybill\/` [^\n]*\n((?:\|[^\n]*\n)+)/.exec(readFileSync(inProject('docs/operate.md'), 'utf8')) ?? [];
    const told = [...table.matchAll(/^\| `([^`]+)`/gm)].map((match) => match[1]);
    const there = readdirSync(home.folder);
    expect([...new Set(there.map((name) => name.replace(/-(shm|wal)$/, '')))].toSorted()).toEqual(told.toSorted());
    expect(readdirSync(join(home.folder, 'logs')).toSorted()).toEqual(everyone.map((name) => `${name}.log`));
    expect(statSync(home.folder).mode & 0o777).toBe(0o711);
    expect(there.filter((name) => (statSync(join(home.folder, name)).mode & 0o077) !== 0)).toEqual([]);
  });

  test('a second one in the same folder is refused with the process that holds it', async () => {
    const second = await home.run('start.mjs');
    expect((await second.exited).code).toBe(1);
    expect(second.output()).toContain(`already, started by process ${launcher.pid}. Stop that one with Ctrl-C`);
    expect(Object.keys(home.running()).toSorted()).toEqual(everyone);
  });

  test('a worker that is killed is told and started again', async () => {
    const { worker } = home.running();
    process.kill(worker!.pid, 'SIGKILL');
    await until(() => launcher.output().includes('Worker runs again'), { deadlineMs: 30_000, what: 'the worker to run again' });
    expect(launcher.output()).toContain('Worker ended unexpectedly');
    expect(home.running()['worker']?.pid).not.toBe(worker!.pid);
  });

  test('a worker that is killed again while it starts is one more death, and not the end of everything', async () => {
    const seen = new Set([home.running()['worker']!.pid]);
    process.kill([...seen][0]!, 'SIGKILL');
    for (const what of ['the first new worker', 'the second one']) {
      // As soon as it is written down it can be killed; it is not ready by then.
      const { pid } = await until(() => [home.running()['worker']].find((one) => one !== undefined && !seen.has(one.pid)), { what });
      seen.add(pid);
      process.kill(pid, 'SIGKILL');
    }
    const told = () => launcher.output().match(/Worker runs again/g)?.length ?? 0;
    await until(() => told() === 2, { deadlineMs: 60_000, what: 'the worker to run again' });
    expect(launcher.output().match(/Worker ended unexpectedly/g)).toHaveLength(4);
    expect(Object.keys(home.running()).toSorted()).toEqual(everyone);
  });

  test('Ctrl-C ends every process in order and leaves none', async () => {
    parked = await park(home);
    const before = Object.values(home.running());
    expect(await launcher.kill('SIGINT')).toEqual({ code: 0, signal: null });
    expect(before.filter(isRunning)).toEqual([]);
    expect(home.running()).toEqual({});
    const ends = [...launcher.output().matchAll(/✓ (\w+) ends/g)].map(([, name]) => name);
    expect(ends).toEqual(['Worker', 'API', 'Sandbox', 'Temporal', 'Postgres']);
    for (const name of ['WAYBILL_PORT', 'WAYBILL_POSTGRES_PORT', 'WAYBILL_TEMPORAL_PORT']) expect(await isListening(Number(home.env[name]))).toBe(false);
    expect(existsSync(`${home.folder}/run/launcher.lock`)).toBe(false);
  });

  test('R93 a second start finds the data and the parked dispatch again, and the choice releases it', async () => {
    launcher = await home.start();
    expect(launcher.output()).toContain('there are data already');
    expect(await ask(home, `/v1/dispatches/${parked.id}`)).toMatchObject({ state: 'awaiting_recipient', waitingFor: 'recipient' });
    await ask(home, `/v1/dispatches/${parked.id}/recipient-choice`, { contactPointId: parked.contactPointId });
    await until(async () => (await ask(home, `/v1/dispatches/${parked.id}`))['state'] === 'completed', {
      deadlineMs: 30_000,
      what: 'the chosen dispatch to end',
    });
  });

  test('a start after kill -9 of the launcher takes Postgres and Temporal over and replaces the rest', async () => {
    const left = home.running();
    launcher.signal('SIGKILL');
    await launcher.exited;
    expect(Object.keys(home.running()).toSorted()).toEqual(everyone);

    launcher = await home.start();
    const now = home.running();
    expect(now['postgres']?.pid).toBe(left['postgres']!.pid);
    expect(now['temporal']?.pid).toBe(left['temporal']!.pid);
    for (const name of ['api', 'sandbox', 'worker']) {
      expect(isRunning(left[name]!)).toBe(false);
      expect(isRunning(now[name]!)).toBe(true);
    }
    expect(launcher.output()).toContain('Left over from an earlier start');
    expect(await ask(home, `/v1/dispatches/${parked.id}`)).toMatchObject({ state: 'completed' });
  });

  test('a second Ctrl-C does not wait for a worker that cannot end', async () => {
    const before = Object.values(home.running());
    process.kill(home.running()['worker']!.pid, 'SIGSTOP');
    launcher.signal('SIGINT');
    let end: ProcessEnd | null = null;
    void launcher.exited.then((told) => (end = told));
    // Signals that come close together count as one key press, so the second key may have to be pressed again.
    await until(
      () => {
        launcher.signal('SIGINT');
        return end;
      },
      { what: 'the launcher to end at once' },
    );
    expect(end).toEqual({ code: 130, signal: null });
    await until(() => before.every((one) => !isRunning(one)), { what: 'every process to be gone' });
  });
});

/** A dispatch of a staff member to a client with two addresses: it waits for the choice. */
async function park(home: Home): Promise<{ id: string; contactPointId: string }> {
  const tag = randomUUID().slice(0, 8);
  const client = await ask(home, '/v1/clients', {
    name: 'Two addresses',
    contactPoints: ['first', 'second'].map((one) => ({ kind: 'email', value: `${one}-${tag}@example.test` })),
  });
  const { id } = await ask(home, '/v1/dispatches', { clientId: client['id'], content: { kind: 'text', subject: 'Which one?', text: 'Hello.' } });
  await until(async () => (await ask(home, `/v1/dispatches/${String(id)}`))['waitingFor'] === 'recipient', { what: 'the dispatch to wait for the choice' });
  return { id: String(id), contactPointId: (client['contactPoints'] as { id: string }[])[1]!.id };
}

async function ask(home: Home, path: string, body?: object): Promise<Record<string, unknown>> {
  const answer = await fetch(home.apiUrl + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${home.keys().staffKey}`, 'content-type': 'application/json', 'idempotency-key': randomUUID() },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}
