/** A real headless browser for tests: the one that CHROMIUM_PATH names, else `chromium` on the PATH, else the one that comes as a package. */

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rename, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { type Browser, chromium } from 'playwright-core';
import { inProject } from '../../runtime/paths.js';

/** For a machine where the tests run as root, without a display and without a way out. */
const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const startDeadlineMs = 20_000;

/** A browser that starts here, and is closed by whoever starts it; or why there is none, worded so that a title can end with it in brackets. */
export type FoundBrowser = { launch: () => Promise<Browser>; missing: null } | { launch: null; missing: string };

interface Program {
  path: string;
  env?: Record<string, string>;
}

/** The first of the three that starts, proven by starting it. A title that ends with "(needs …)" tells at the end of the run why it was skipped. */
export async function findBrowser(): Promise<FoundBrowser> {
  const problems: string[] = [];
  for (const source of [named, onThePath, packaged]) {
    try {
      const program = await source();
      const launch = () => chromium.launch({ executablePath: program.path, args: flags, timeout: startDeadlineMs, env: { ...process.env, ...program.env } });
      const browser = await launch().catch(() => Promise.reject(new Error(`${program.path} does not start`)));
      await browser.close();
      return { launch, missing: null };
    } catch (error) {
      problems.push((error as Error).message.split('\n', 1)[0]!.replaceAll(/[()]/g, ''));
    }
  }
  return { launch: null, missing: `needs a browser: install Chromium or set CHROMIUM_PATH to it; tried: ${problems.join('; ')}` };
}

async function named(): Promise<Program> {
  const path = process.env['CHROMIUM_PATH'];
  if (!path) throw new Error('CHROMIUM_PATH is not set');
  return { path };
}

async function onThePath(): Promise<Program> {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const path = folders.map((folder) => join(folder, 'chromium')).find((file) => existsSync(file));
  if (path === undefined) throw new Error('there is no "chromium" on the PATH');
  return { path };
}

/**
 * Chromium with its libraries and fonts, unpacked once per run into the run's own folder. Its own list of flags is left aside: it
 * switches off web security, and then no test would see what a browser refuses.
 */
async function packaged(): Promise<Program> {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new Error('the packaged one is for Linux on x64');
  const folder = join(process.env['WAYBILL_TEST_FOLDER']!, 'chromium');
  if (!existsSync(folder)) await unpack(folder);
  const lib = join(folder, 'al2023', 'lib');
  return { path: join(folder, 'chromium'), env: { LD_LIBRARY_PATH: lib, FONTCONFIG_FILE: join(folder, 'fonts.conf') } };
}

/** The package unpacks into the temporary folder of its process, and brings its libraries where it believes to be in a bare cloud image. */
async function unpack(folder: string): Promise<void> {
  const making = await mkdtemp(`${folder}-`);
  const code = "const { default: chromium } = await import('@sparticuz/chromium'); await chromium.executablePath();";
  const env = { ...process.env, TMPDIR: making, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x' };
  await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', code], { cwd: inProject(), env });
  const dirs = `<include ignore_missing="yes">/etc/fonts/fonts.conf</include><dir>${folder}/fonts</dir><cachedir>${folder}/font-cache</cachedir>`;
  await writeFile(join(making, 'fonts.conf'), `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>${dirs}</fontconfig>`);
  // Another file of the run may have been first; the folder of the run goes when the run ends.
  await rename(making, folder).catch(() => {});
}
