/** Finds or makes the Temporal CLI: five sources in a fixed order, the first that works wins. */

import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setPriority } from 'node:os';
import { processEnvironment } from '../config.js';
import { inProject } from '../paths.js';
import type { LocalConfig } from './local-config.js';
import { holderOf, takeLock } from './lock.js';
import { freePort } from './ports.js';
import { killGroup, waitUntil } from './processes.js';

const version = '1.8.2';
const probeMs = 3_000;
/** To tell how far a build is. */
const packageCount = 1_700;
/** Other work goes first while the server is being compiled. */
const niceness = 10;

export interface CliSources {
  /** TEMPORAL_CLI_PATH; null: not set. */
  cliPath: string | null;
  /** The PATH to look on. */
  searchPath: string;
  /** Kept between runs. */
  cacheFolder: string;
  /** The host that is asked before a download, and the download itself into a folder; null: nothing is downloaded. */
  download: { origin: string; into(folder: string): Promise<void> } | null;
}

export interface TemporalCliOptions extends CliSources {
  /** Told how far a long step is. */
  say(note: string): void;
  /** Ends a download or a build that is under way. */
  signal?: AbortSignal;
}

export interface TemporalCli {
  path: string;
  /** Which source won, in words. */
  source: string;
}

/** Nothing worked; the message is the one paragraph that says what was tried and what to do. */
export class TemporalNotObtainable extends Error {
  override name = 'TemporalNotObtainable';
}

/** The sources as the settings name them. */
export function cliSources({ mayDownload, ...sources }: LocalConfig['cli']): CliSources {
  return { ...sources, download: mayDownload ? sdkDownload : null };
}

/** The first CLI that can be had. Throws when TEMPORAL_CLI_PATH names none, and `TemporalNotObtainable` when every source fails. */
export async function obtainTemporalCli(options: TemporalCliOptions): Promise<TemporalCli> {
  const present = findTemporalCli(options);
  if (present.cli !== null) return present.cli;
  const tried = [...present.tried];
  for (const obtain of [download, compile]) {
    const result = await obtain(options);
    if ('path' in result) return result;
    tried.push(result.failed);
    options.signal?.throwIfAborted();
  }
  throw new TemporalNotObtainable(notObtainable(tried));
}

/**
 * What `obtainTemporalCli` would do, without doing it: where the CLI is, or how it will be made, or the paragraph that says that nothing
 * can work. Asks the download host, starts no build. Throws when TEMPORAL_CLI_PATH names no program.
 */
export async function foreseeTemporalCli(options: CliSources): Promise<{ there: string } | { coming: string } | { problem: string }> {
  const { cli, tried } = findTemporalCli(options);
  if (cli !== null) return { there: cli.source };
  const origin = options.download?.origin;
  if (origin !== undefined && (await isReachable(origin))) return { coming: `it will be downloaded from ${new URL(origin).host}` };
  const go = whereOnPath('go', options.searchPath);
  if (go !== null) return { coming: `it will be built with ${go}, which takes 1 to 5 minutes once and needs Go's module proxy` };
  return { problem: notObtainable([...tried, origin === undefined ? noDownload : unreachable(origin), noGo]) };
}

function notObtainable(tried: readonly string[]): string {
  return (
    `No Temporal server can be had on this machine. Tried: ${tried.join('; ')}. One of three things helps: ` +
    `(1) install the Temporal CLI (https://docs.temporal.io/cli) so that "temporal" is on the PATH, or set TEMPORAL_CLI_PATH to it; ` +
    `(2) start a Temporal server anywhere and set TEMPORAL_ADDRESS=host:port; ` +
    `(3) install Go 1.26.4 or newer with access to its module proxy, and Waybill builds the CLI itself.`
  );
}

/** The sources that need no work: TEMPORAL_CLI_PATH, the PATH, the cache. Starts nothing but `temporal --version`. */
export function findTemporalCli(options: Omit<CliSources, 'download'>): { cli: TemporalCli | null; tried: string[] } {
  if (options.cliPath !== null) {
    if (!isProgram(options.cliPath))
      throw new Error(`TEMPORAL_CLI_PATH is ${options.cliPath}, which is not a program that can be run. Correct it, or unset it to use another source.`);
    return { cli: { path: options.cliPath, source: 'TEMPORAL_CLI_PATH' }, tried: [] };
  }
  const onPath = whereOnPath('temporal', options.searchPath);
  if (onPath !== null && runs(onPath)) return { cli: { path: onPath, source: `"temporal" on the PATH (${onPath})` }, tried: [] };
  const cached = cachedBinary(options.cacheFolder);
  if (isProgram(cached)) return { cli: { path: cached, source: `the cache (${cached})` }, tried: [] };
  return {
    cli: null,
    tried: [
      'TEMPORAL_ADDRESS and TEMPORAL_CLI_PATH (not set)',
      onPath === null ? '"temporal" on the PATH (not there)' : `${onPath} (does not run)`,
      `the cache ${options.cacheFolder} (empty)`,
    ],
  };
}

/** The file of this program on the PATH, or null. */
export function whereOnPath(program: string, searchPath: string): string | null {
  return (
    searchPath
      .split(delimiter)
      .filter((folder) => folder !== '')
      .map((folder) => join(folder, program))
      .find(isProgram) ?? null
  );
}

type Obtained = TemporalCli | { failed: string };

/** The download that comes with the SDK. */
export const sdkDownload = {
  origin: 'https://temporal.download',
  into: async (folder: string) => {
    const { TestWorkflowEnvironment } = await import('@temporalio/testing');
    // With the default lifetime of a day the SDK deletes the file before it downloads it again.
    const executable = { type: 'cached-download', version: `v${version}`, downloadDir: folder, ttl: '10 years' } as const;
    const environment = await TestWorkflowEnvironment.createLocal({ server: { executable, port: await freePort() } });
    await environment.teardown();
  },
};

/** Downloads into a folder of its own, then moves; the host is asked first, because the download itself waits without end. */
async function download({ cacheFolder, download: given, say }: TemporalCliOptions): Promise<Obtained> {
  if (given === null) return { failed: noDownload };
  const { origin, into } = given;
  const { host } = new URL(origin);
  say(`asking ${host}`);
  if (!(await isReachable(origin))) return { failed: unreachable(origin) };
  say(`downloading from ${host}`);
  const folder = join(cacheFolder, `download-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  try {
    await into(folder);
    const [file] = readdirSync(folder)
      .map((name) => join(folder, name))
      .filter(isProgram);
    if (file === undefined) return { failed: `the download from ${host} (left no program)` };
    renameSync(file, cachedBinary(cacheFolder));
    return { path: cachedBinary(cacheFolder), source: `the download from ${host}` };
  } catch (error) {
    return { failed: `the download from ${host} (${oneLine(error)})` };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const unreachable = (origin: string) => `the download from ${new URL(origin).host} (not reachable)`;
const noDownload = 'a download (WAYBILL_TEMPORAL_DOWNLOAD is 0)';
const noGo = 'a build with Go ("go" is not on the PATH)';

async function isReachable(origin: string): Promise<boolean> {
  try {
    await fetch(origin, { method: 'HEAD', signal: AbortSignal.timeout(probeMs) });
    return true;
  } catch {
    return false;
  }
}

/** Compiles the CLI from the pinned module in runtime/local/temporal-cli. Of several processes one compiles, the others wait for it. */
async function compile(options: TemporalCliOptions): Promise<Obtained> {
  const go = whereOnPath('go', options.searchPath);
  if (go === null) return { failed: noGo };
  const target = cachedBinary(options.cacheFolder);
  const lock = `${target}.lock`;
  mkdirSync(options.cacheFolder, { recursive: true });
  while (!takeLock(lock)) {
    options.say('another process is building it');
    await waitUntil(() => isProgram(target) || holderOf(lock) === null || options.signal?.aborted === true, 3_600_000);
    options.signal?.throwIfAborted();
    if (isProgram(target)) return { path: target, source: 'a build with Go by another process' };
  }
  const unfinished = `${target}.${process.pid}`;
  try {
    const failure = await runGo(go, unfinished, options);
    if (failure !== null) return { failed: `a build with ${go} (${failure})` };
    renameSync(unfinished, target);
    return { path: target, source: 'a build with Go of runtime/local/temporal-cli' };
  } finally {
    rmSync(unfinished, { force: true });
    rmSync(lock, { force: true });
  }
}

/** Null when the build went well, else its last line. */
function runGo(go: string, output: string, { say, signal, searchPath }: TemporalCliOptions): Promise<string | null> {
  say('building it with Go, 1 to 5 minutes the first time');
  return new Promise((resolve) => {
    const build = ['build', '-v', '-trimpath', '-ldflags', '-s -w', '-o', output, 'github.com/temporalio/cli/cmd/temporal'];
    const child = spawn(go, build, {
      cwd: inProject('runtime', 'local', 'temporal-cli'),
      env: { ...processEnvironment(), PATH: searchPath, CGO_ENABLED: '0', GOWORK: 'off' },
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    });
    let downloaded = 0;
    let compiled = 0;
    let last = 'no output';
    const end = () => child.pid !== undefined && killGroup(child.pid);
    signal?.addEventListener('abort', end, { once: true });
    child.once('spawn', () => setPriority(child.pid!, niceness));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      for (const line of chunk.split('\n').filter((one) => one.trim() !== '')) {
        if (line.startsWith('go: downloading')) downloaded += 1;
        else compiled += 1;
        last = line;
      }
      say(`building it with Go, 1 to 5 minutes the first time: ${downloaded} modules downloaded, ${compiled} of about ${packageCount} packages compiled`);
    });
    child.once('error', (error) => resolve(oneLine(error)));
    child.once('close', (code) => {
      signal?.removeEventListener('abort', end);
      resolve(code === 0 && isProgram(output) ? null : last.slice(0, 300));
    });
  });
}

function cachedBinary(cacheFolder: string): string {
  return join(cacheFolder, `temporal-${version}`);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

function runs(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore', timeout: 10_000 }).status === 0;
}

function oneLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ').slice(0, 300);
}
