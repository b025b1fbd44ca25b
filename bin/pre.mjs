/** What must hold before any other code of the project can run: Node, packages, set-up, build. Needs nothing installed. */

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isSetUp, setUp } from './setup.mjs';
import { step } from './steps.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const inRoot = (...steps) => join(root, ...steps);
const stamp = inRoot('dist', '.built-from');

/** One paragraph when this version of Node is too old, else null. */
export function nodeProblem(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return null;
  return `Waybill needs Node 20.19 or newer; this is Node ${version} (${process.execPath}). Install Node 24 from https://nodejs.org or with your version manager ("nvm install 24", "fnm install 24", "volta install node@24"), then run the same command again.`;
}

/** Installs, sets up and builds what is missing or stale; `dev`: with the packages that tests need. Nothing is printed when nothing is to be done. */
export async function prepare({ dev }) {
  const stale = !isBuilt();
  if (!isInstalled(dev || stale)) {
    await step('Packages (npm ci)', () => run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']));
  }
  if (!isSetUp()) await step('Set-up of the packages', () => setUp());
  if (stale) await step('Build', () => build(['--no-check']));
}

/** Compiles the project and bundles the workflows; with `--no-check` types are not checked. */
export async function build(options) {
  const inputs = inputsHash();
  await run(process.execPath, ['--import', 'tsx', inRoot('bin', 'build.ts'), ...options]);
  writeFileSync(stamp, inputs);
}

/** True when dist/ was built from the sources as they are. */
export function isBuilt() {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === inputsHash();
}

/** True when every package of the lock file is there in its version; `dev`: those for development too. */
export function isInstalled(dev) {
  const installed = inRoot('node_modules', '.package-lock.json');
  if (!existsSync(installed)) return false;
  const there = JSON.parse(readFileSync(installed, 'utf8')).packages;
  return Object.entries(JSON.parse(readFileSync(inRoot('package-lock.json'), 'utf8')).packages).every(
    ([path, wanted]) => path === '' || wanted.optional || wanted.devOptional || wanted.peer || (wanted.dev && !dev) || there[path]?.version === wanted.version,
  );
}

function inputsHash() {
  const hash = createHash('sha256');
  const { include } = JSON.parse(readFileSync(inRoot('tsconfig.build.json'), 'utf8'));
  const sources = include
    .filter((folder) => existsSync(inRoot(folder)))
    .flatMap((folder) =>
      readdirSync(inRoot(folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => /\.(ts|cjs)$/.test(name))
        .map((name) => join(folder, name)),
    );
  for (const file of [...sources.sort(), 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json']) {
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(inRoot(file)))
      .update('\0');
  }
  return hash.digest('hex');
}

/** Runs a program in the project folder; its output appears only when it fails. */
function run(program, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], shell: process.platform === 'win32' });
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(-20_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => reject(new Error(`"${program}" cannot be run (${error.code}): is it installed and on the PATH?`)));
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`"${program} ${args.join(' ')}" failed.\n${output.trim()}`))));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problem = nodeProblem();
  try {
    if (problem !== null) throw new Error(problem);
    if (process.argv[2] === 'build') await step('Build', () => build([]));
    else await prepare({ dev: true });
  } catch (error) {
    console.error(`\n${error.message}`);
    process.exitCode = 1;
  }
}
