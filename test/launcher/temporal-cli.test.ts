import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { findTemporalCli, obtainTemporalCli, TemporalNotObtainable, type TemporalCliOptions } from '../../runtime/local/temporal-cli.js';
import { until } from '../support/stack.js';

/** A Go compiler that notes each build, prints what Go prints, takes a moment and leaves a program. */
const standInGo = (builds: string, options: { takesMs?: number; fails?: boolean } = {}) => `
const { appendFileSync, writeFileSync } = require('node:fs');
appendFileSync(${JSON.stringify(builds)}, process.cwd() + '\\n');
console.error('go: downloading go.temporal.io/server v1.31.2\\ninternal/abi\\ngithub.com/temporalio/cli/cmd/temporal');
setTimeout(() => {
  if (${options.fails === true}) { console.error('cli: no such host'); process.exit(1); }
  writeFileSync(process.argv[process.argv.indexOf('-o') + 1], '#!/bin/sh\\n', { mode: 0o755 });
}, ${options.takesMs ?? 20});`;

describe('where the Temporal CLI comes from', () => {
  let folder: string;
  let bin: string;
  let notes: string[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'waybill-cli-'));
    bin = join(folder, 'bin');
    mkdirSync(bin);
    notes = [];
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const standIn = (name: string, code: string, where = bin) => {
    const file = join(where, name);
    writeFileSync(file, `#!${process.execPath}\n${code}\n`);
    chmodSync(file, 0o755);
    return file;
  };
  const options = (more: Partial<TemporalCliOptions> = {}): TemporalCliOptions => ({
    cliPath: null,
    searchPath: bin,
    cacheFolder: join(folder, 'cache'),
    download: { origin: 'http://127.0.0.1:1', into: async () => {} },
    say: (note) => notes.push(note),
    ...more,
  });
  const cached = () => join(folder, 'cache', 'temporal-1.8.2');

  test('TEMPORAL_CLI_PATH comes before the PATH', async () => {
    standIn('temporal', '');
    const mine = standIn('my-temporal', '', folder);
    expect(await obtainTemporalCli(options({ cliPath: mine }))).toEqual({ path: mine, source: 'TEMPORAL_CLI_PATH' });
  });

  test('a TEMPORAL_CLI_PATH that cannot be run is an error, never passed over', async () => {
    standIn('temporal', '');
    writeFileSync(join(folder, 'plain-file'), '');
    for (const cliPath of [join(folder, 'missing'), join(folder, 'plain-file'), folder]) {
      await expect(obtainTemporalCli(options({ cliPath }))).rejects.toThrow(`TEMPORAL_CLI_PATH is ${cliPath}, which is not a program`);
    }
  });

  test('"temporal" on the PATH comes before the cache; one that does not run is passed over', async () => {
    mkdirSync(join(folder, 'cache'));
    writeFileSync(cached(), '', { mode: 0o755 });
    const onPath = standIn('temporal', '');
    expect(await obtainTemporalCli(options())).toEqual({ path: onPath, source: `"temporal" on the PATH (${onPath})` });
    standIn('temporal', 'process.exit(1)');
    expect(await obtainTemporalCli(options())).toEqual({ path: cached(), source: `the cache (${cached()})` });
  });

  test('a download is moved into the cache and found there the next time', async () => {
    await withServer(async (origin) => {
      const into = async (to: string) => void standIn('temporal-cli-v1.8.2', '', to);
      const { path, source } = await obtainTemporalCli(options({ download: { origin, into } }));
      expect({ path, source }).toEqual({ path: cached(), source: expect.stringMatching(/^the download from 127/) });
    });
    expect(findTemporalCli(options()).cli?.source).toBe(`the cache (${cached()})`);
    expect(existsSync(join(folder, 'cache', `download-${process.pid}`))).toBe(false);
  });

  test('a download host that never answers is given three seconds, then Go is asked', async () => {
    const builds = join(folder, 'builds');
    standIn('go', standInGo(builds));
    const begun = Date.now();
    await withServer(
      async (origin) => {
        expect((await obtainTemporalCli(options({ download: { origin, into: async () => {} } }))).source).toMatch(/^a build with Go/);
      },
      { silent: true },
    );
    expect(Date.now() - begun).toBeLessThan(10_000);
    expect(readFileSync(builds, 'utf8')).toMatch(/runtime\/local\/temporal-cli\n$/);
    expect(notes.at(-1)).toMatch(/1 modules downloaded, 2 of about 1700 packages compiled/);
  });

  test('a download that fails leaves nothing and lets Go try', async () => {
    standIn('go', standInGo(join(folder, 'builds')));
    await withServer(async (origin) => {
      const into = async (to: string) => {
        writeFileSync(join(to, 'half'), '');
        throw new Error('connection reset');
      };
      expect((await obtainTemporalCli(options({ download: { origin, into } }))).path).toBe(cached());
    });
  });

  test('of two that need it at the same time one builds and the other waits', async () => {
    const builds = join(folder, 'builds');
    standIn('go', standInGo(builds, { takesMs: 300 }));
    const found = await Promise.all([obtainTemporalCli(options()), obtainTemporalCli(options())]);
    expect(found.map((one) => one.path)).toEqual([cached(), cached()]);
    expect(readFileSync(builds, 'utf8').trim().split('\n')).toHaveLength(1);
    expect(existsSync(`${cached()}.lock`)).toBe(false);
  });

  test('the lock of a build that was killed is held by nobody', async () => {
    mkdirSync(join(folder, 'cache'));
    writeFileSync(`${cached()}.lock`, JSON.stringify({ pid: process.pid, startedAs: 'another process with this number' }));
    standIn('go', standInGo(join(folder, 'builds')));
    expect((await obtainTemporalCli(options())).path).toBe(cached());
  });

  test('a build that is called off is killed and leaves nothing', async () => {
    standIn('go', standInGo(join(folder, 'builds'), { takesMs: 60_000 }));
    const stop = new AbortController();
    const building = obtainTemporalCli(options({ signal: stop.signal }));
    building.catch(() => {});
    await until(() => existsSync(join(folder, 'builds')), { what: 'the build to begin' });
    stop.abort(new Error('stopped'));
    await expect(building).rejects.toThrow('stopped');
    expect(existsSync(`${cached()}.lock`)).toBe(false);
  });

  test('with nothing that works one paragraph tells what was tried and three ways out', async () => {
    standIn('go', standInGo(join(folder, 'builds'), { fails: true }));
    const failure = await obtainTemporalCli(options()).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(TemporalNotObtainable);
    const { message } = failure as Error;
    for (const part of [
      'TEMPORAL_CLI_PATH (not set)',
      '"temporal" on the PATH (not there)',
      'the download from 127.0.0.1:1 (not reachable)',
      'cli: no such host',
      '(1)',
      '(2)',
      '(3)',
    ]) {
      expect(message).toContain(part);
    }
    expect(message).not.toContain('\n');
  });
});

async function withServer(work: (origin: string) => Promise<void>, { silent = false } = {}): Promise<void> {
  const server: Server = createServer((_request, response) => void (silent || response.end()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
