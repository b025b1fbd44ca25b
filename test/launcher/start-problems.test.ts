import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { isListening } from '../../runtime/local/ports.js';
import { whereOnPath } from '../../runtime/local/temporal-cli.js';
import { inProject } from '../../runtime/paths.js';
import { createHome, type Home } from '../support/launcher.js';
import { createTestDatabase, itWithTemporal, requireTemporal } from '../support/stack.js';

/** Each problem is one clear paragraph, exit status 1, and nothing is left running. */
describe('npm start and npm run doctor', () => {
  let home: Home;
  beforeAll(async () => {
    home = await createHome();
  });
  afterAll(() => home.remove());

  const told = async (script: string, settings: Record<string, string> = {}) => {
    const run = await home.run(script, settings);
    const { code } = await run.exited;
    return { code, output: run.output() };
  };

  test('with Node too old say which one is needed, which one this is and how to get another', async () => {
    const older = join(home.folder, 'older-node.cjs');
    writeFileSync(older, "Object.defineProperty(process.versions, 'node', { value: '18.20.4' });");
    for (const script of ['start.mjs', 'doctor.mjs', 'pre.mjs']) {
      const { code, output } = await told(script, { NODE_OPTIONS: `--require ${older}` });
      expect(code).toBe(1);
      expect(output).toMatch(/Waybill needs Node 20\.19 or newer; this is Node 18\.20\.4 .+ then run the same command again\./);
    }
  });

  test('with ports taken tell each in a line of its own, and the one command that starts on others; nothing ran, so nothing is said to end', async () => {
    const taken = { WAYBILL_PORT: 'the API', WAYBILL_SANDBOX_PORT: 'the sandbox', WAYBILL_TEMPORAL_UI_PORT: 'Temporal Web' };
    const servers: Server[] = [];
    try {
      for (const name of Object.keys(taken)) servers.push(await listenOn(Number(home.env[name])));
      for (const script of ['start.mjs', 'doctor.mjs']) {
        const { code, output } = await told(script);
        expect(code).toBe(1);
        expect(output).not.toMatch(/Waybill ends|Ended\.|kept/);
        for (const [name, what] of Object.entries(taken)) {
          expect(output).toMatch(new RegExp(`(^|: | )Port ${home.env[name]} for ${what} is taken by another program\\.$`, 'm'));
        }
        const [command = ''] = /^ +WAYBILL_\w+=.* npm start$/m.exec(output) ?? [];
        const moved = Object.keys(home.env).filter((name) => name.endsWith('PORT') && !command.includes(`${name}=${home.env[name]} `));
        expect(moved.toSorted()).toEqual(Object.keys(taken).toSorted());
        // The line stands by itself: nothing of this home is told to the shell that runs it but where its programs are.
        const { PATH = '', HOME = '', TEMPORAL_CLI_PATH = '' } = home.env;
        const { stdout } = spawnSync('bash', ['-c', command.replace('npm start', 'node bin/doctor.mjs')], {
          cwd: inProject(),
          env: { PATH, HOME, TEMPORAL_CLI_PATH, WAYBILL_TEMPORAL_DOWNLOAD: '0' },
          encoding: 'utf8',
        });
        expect(stdout).toContain('✓ Ports: free');
        expect(stdout).toContain(`✓ Data folder: ${home.folder}`);
      }
    } finally {
      for (const server of servers) server.close();
    }
    expect(home.running()).toEqual({});
  });

  test('with a setting that cannot be read tell all of them and start nothing', async () => {
    for (const script of ['start.mjs', 'doctor.mjs']) {
      const { code, output } = await told(script, { WAYBILL_PORT: 'http', WAYBILL_TEMPORAL_PORT: '-1' });
      expect(code).toBe(1);
      expect(output).toMatch(/WAYBILL_PORT is not a port[\s\S]*WAYBILL_TEMPORAL_PORT is not a port/);
    }
  });

  test('with a DATABASE_URL that does not answer say so without the password', async () => {
    const settings = { DATABASE_URL: 'postgres://waybill:hunter2@127.0.0.1:1/waybill' };
    for (const script of ['start.mjs', 'doctor.mjs']) {
      const { code, output } = await told(script, settings);
      expect(code).toBe(1);
      expect(output).toMatch(/DATABASE_URL is set, but that database cannot be used \(.*ECONNREFUSED.*\)/);
      expect(output).not.toContain('hunter2');
    }
  });

  test('with a TEMPORAL_ADDRESS where nobody answers never fall back to another server', async () => {
    for (const script of ['start.mjs', 'doctor.mjs']) {
      const { code, output } = await told(script, { TEMPORAL_ADDRESS: '127.0.0.1:1' });
      expect(code).toBe(1);
      expect(output).toContain('TEMPORAL_ADDRESS is 127.0.0.1:1, but no Temporal server with the namespace "default" answers there.');
    }
    expect(home.running()).toEqual({});
  });

  test('with a TEMPORAL_CLI_PATH that is no program say so', async () => {
    for (const script of ['start.mjs', 'doctor.mjs']) {
      const { code, output } = await told(script, { TEMPORAL_CLI_PATH: '/nowhere/temporal' });
      expect(code).toBe(1);
      expect(output).toContain('TEMPORAL_CLI_PATH is /nowhere/temporal, which is not a program that can be run.');
    }
  });

  test('with no Temporal to be had give one paragraph with three ways out, and end what was started', async () => {
    const bare = { PATH: barePath(home), WAYBILL_CACHE_DIR: join(home.folder, 'empty-cache'), TEMPORAL_CLI_PATH: '' };
    for (const script of ['start.mjs', 'doctor.mjs']) {
      const { code, output } = await told(script, bare);
      expect(code).toBe(1);
      expect(output).toMatch(/No Temporal server can be had on this machine\. Tried: .+ \(1\) .+ \(2\) .+ \(3\) .+/);
      // Postgres ran by then.
      expect(output.includes(`Ended. Everything is kept in ${home.folder}`)).toBe(script === 'start.mjs');
    }
    expect(home.running()).toEqual({});
    expect(await isListening(Number(home.env['WAYBILL_POSTGRES_PORT']))).toBe(false);
  });

  itWithTemporal('doctor finds nothing in the way where everything is there, and starts nothing', async () => {
    const before = readdirSync(home.folder).toSorted();
    const { code, output } = await told('doctor.mjs');
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('Nothing stands in the way of "npm start".') });
    expect(output).not.toContain('✗');
    expect(readdirSync(home.folder).toSorted()).toEqual(before);
    expect(home.running()).toEqual({});
  });

  itWithTemporal('npm start uses DATABASE_URL and TEMPORAL_ADDRESS where they are set, and ends by itself where it is told to', async () => {
    const database = await createTestDatabase();
    const elsewhere = await createHome();
    try {
      const run = await elsewhere.run('start.mjs', {
        DATABASE_URL: database.url,
        TEMPORAL_ADDRESS: requireTemporal().address,
        WAYBILL_TASK_QUEUE: elsewhere.folder,
        WAYBILL_EXIT_AFTER_SAMPLE: '1',
      });
      const { code } = await run.exited;
      expect({ code, output: run.output() }).toEqual({ code: 0, output: expect.stringContaining('ends: completed') });
      expect(readdirSync(elsewhere.folder)).not.toContain('postgres');
      const [row] = await database.handle.client`select count(*)::int as count from dispatches where state = 'completed'`;
      expect(row).toEqual({ count: 1 });
      expect(elsewhere.running()).toEqual({});
    } finally {
      elsewhere.remove();
      await database.drop();
    }
  });
});

/** A PATH with nothing on it but what Postgres needs when root starts it. */
function barePath(home: Home): string {
  const folder = join(home.folder, 'path');
  mkdirSync(folder);
  for (const program of ['id', 'test']) {
    const file = whereOnPath(program, process.env['PATH'] ?? '');
    if (file !== null) symlinkSync(file, join(folder, program));
  }
  return folder;
}

function listenOn(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server: Server = createServer()
      .once('error', reject)
      .listen(port, '127.0.0.1', () => resolve(server));
  });
}
