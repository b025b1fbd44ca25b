/** Tells whether the installed driver carries the project's patch. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Throws one clear sentence when postgres.js is unpatched: it could then run a late statement inside another transaction. */
export function assertPatched(): void {
  // Resolves to <package>/cjs/src/index.js; the package does not let its package.json be asked for.
  const root = join(dirname(createRequire(import.meta.url).resolve('postgres')), '..', '..');
  const connection = readFileSync(join(root, 'src', 'connection.js'), 'utf8');
  const index = readFileSync(join(root, 'src', 'index.js'), 'utf8');
  if (connection.includes('query = errorResponse = null') && index.includes('if (lost)')) return;
  throw new Error('The database driver postgres.js is not patched: run "npm run setup" in the project folder, then start again.');
}
