import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { identify, isRunning, killGroup, spawnDetached } from '../../runtime/local/processes.js';
import { createSupervisor, type Service, type Supervisor } from '../../runtime/local/supervisor.js';
import { rememberForTheGuard, until } from '../support/stack.js';

describe('the supervisor', () => {
  let folder: string;
  let told: string[];
  let supervisor: Supervisor;
  const pids = new Set<number>();

  const supervise = () =>
    createSupervisor(join(folder, 'run'), {
      died: ({ name }, backOffMs) => told.push(`${name} died, ${backOffMs}`),
      restarted: ({ name }) => told.push(`${name} restarted`),
      gaveUp: ({ name }, reason) => told.push(`${name} gave up: ${reason}`),
    });
  const recordOf = (name: string) => JSON.parse(readFileSync(join(folder, 'run', `${name}.json`), 'utf8')) as { pid: number; startedAs: string };

  /** A process that runs this code; it takes over the one that was left. */
  const service = (name: string, code = 'setInterval(() => {}, 1000)', more: Partial<Service> = {}): Service => ({
    name,
    title: name,
    stopSignal: 'SIGTERM',
    graceMs: 5_000,
    start: async ({ left, record }) => {
      if (left !== null) return { adopted: true };
      const child = await spawnDetached({ command: process.execPath, args: ['-e', code], logFile: join(folder, 'log') });
      child.unref();
      pids.add(child.pid);
      rememberForTheGuard(child.pid);
      record(identify(child.pid)!);
      return { adopted: false };
    },
    ...more,
  });
  const quiet = () => {};

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'waybill-supervisor-'));
    told = [];
    supervisor = supervise();
  });
  afterEach(async () => {
    await supervisor.stop((_, end) => end());
    for (const pid of pids) killGroup(pid);
    rmSync(folder, { recursive: true, force: true });
  });

  test('ends what it started, the last one first, and leaves no file', async () => {
    for (const name of ['first', 'second', 'third']) await supervisor.start(service(name), quiet);
    const records = ['first', 'second', 'third'].map(recordOf);
    const ended: string[] = [];
    await supervisor.stop(async ({ name }, end) => {
      ended.push(name);
      await end();
    });
    expect(ended).toEqual(['third', 'second', 'first']);
    expect(records.some(isRunning)).toBe(false);
    expect(existsSync(join(folder, 'run', 'first.json'))).toBe(false);
  });

  test('kills what does not end within its grace', async () => {
    const deaf = service(
      'deaf',
      `process.on('SIGTERM', () => {}); require('node:fs').writeFileSync(${JSON.stringify(join(folder, 'up'))}, ''); setInterval(() => {}, 1000)`,
      { graceMs: 200 },
    );
    await supervisor.start(deaf, quiet);
    await until(() => existsSync(join(folder, 'up')), { what: 'the process to listen for signals' });
    const record = recordOf('deaf');
    await supervisor.stop((_, end) => end());
    expect(isRunning(record)).toBe(false);
  });

  test('starts again what died, and says so', async () => {
    await supervisor.start(service('worker'), quiet);
    const first = recordOf('worker');
    killGroup(first.pid);
    await until(() => told.includes('worker restarted'), { what: 'the restart' });
    expect(told).toEqual(['worker died, 500', 'worker restarted']);
    expect(recordOf('worker').pid).not.toBe(first.pid);
    expect(isRunning(recordOf('worker'))).toBe(true);
  });

  test('gives up, with the reason, when a start fails', async () => {
    const once = service('api');
    let starts = 0;
    await supervisor.start({ ...once, start: (tools) => (starts++ === 0 ? once.start(tools) : Promise.reject(new Error('the port is taken'))) }, quiet);
    killGroup(recordOf('api').pid);
    await until(() => told.length === 2, { what: 'the end of the tries' });
    expect(told).toEqual(['api died, 500', 'api gave up: the port is taken']);
  });

  test('finds what a killed launcher left, and nothing else that has the same number by now', async () => {
    await supervisor.start(service('temporal'), quiet);
    const record = recordOf('temporal');
    const next = supervise();
    expect(next.left('temporal')).toMatchObject(record);
    expect(await next.start(service('temporal'), quiet)).toEqual({ adopted: true });
    writeFileSync(join(folder, 'run', 'postgres.json'), JSON.stringify({ ...record, name: 'postgres', startedAs: 'some other process' }));
    expect(next.left('postgres')).toBeNull();
    await next.stop((_, end) => end());
    expect(isRunning(record)).toBe(false);
  });

  test('ends what an earlier start left, even before it has taken it over', async () => {
    for (const name of ['first', 'second']) await supervisor.start(service(name), quiet);
    const records = ['first', 'second'].map(recordOf);
    const ended: string[] = [];
    await supervise().stop(async ({ name }, end) => {
      ended.push(name);
      await end();
    });
    expect(ended).toEqual(['second', 'first']);
    expect(records.some(isRunning)).toBe(false);
  });

  test('starts nothing any more once it ends', async () => {
    await supervisor.stop((_, end) => end());
    await expect(supervisor.start(service('late'), quiet)).rejects.toThrow('not started any more');
  });
});
