import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { identify, isRunning, killGroup, spawnDetached } from '../../runtime/local/processes.js';
import { createSupervisor, type Service, type StartTools, type Supervisor } from '../../runtime/local/supervisor.js';
import { rememberForTheGuard, until } from '../support/stack.js';

describe('the supervisor', () => {
  let folder: string;
  let told: string[];
  let supervisor: Supervisor;
  const pids = new Set<number>();

  const supervise = (firstBackOffMs?: number) =>
    createSupervisor(
      join(folder, 'run'),
      {
        died: ({ name }, backOffMs) => told.push(`${name} died, ${backOffMs}`),
        restarted: ({ name }) => told.push(`${name} restarted`),
        gaveUp: ({ name }, reason) => told.push(`${name} gave up: ${reason}`),
      },
      firstBackOffMs,
    );
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

  /** Comes up the first time and again once it has been killed so often while it started. */
  const fragile = (name: string, kills: number) => {
    const once = service(name);
    let starts = 0;
    return {
      ...once,
      start: async (tools: StartTools) => {
        const started = await once.start(tools);
        starts += 1;
        if (starts === 1 || starts > kills + 1) return started;
        const record = recordOf(name);
        killGroup(record.pid);
        await until(() => !isRunning(record), { what: 'the process to be gone' });
        throw new Error(`it did not come up, start ${starts}`);
      },
    };
  };

  test('takes a start in which the process dies for one more death, and goes on', async () => {
    supervisor = supervise(10);
    await supervisor.start(fragile('worker', 2), quiet);
    const first = recordOf('worker');
    killGroup(first.pid);
    await until(() => told.includes('worker restarted'), { what: 'the restart' });
    expect(told).toEqual(['worker died, 10', 'worker died, 20', 'worker died, 40', 'worker restarted']);
    expect(recordOf('worker').pid).not.toBe(first.pid);
    killGroup(recordOf('worker').pid);
    await until(() => told.length === 6, { what: 'the next restart' });
    expect(told.slice(4)).toEqual(['worker died, 80', 'worker restarted']);
  });

  test('gives up after five deaths, with the reason of the last start', async () => {
    supervisor = supervise(10);
    await supervisor.start(fragile('api', Infinity), quiet);
    killGroup(recordOf('api').pid);
    await until(() => told.length === 6, { what: 'the end of the tries' });
    expect(told).toEqual([...[10, 20, 40, 80, 160].map((ms) => `api died, ${ms}`), 'api gave up: it did not come up, start 6']);
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
