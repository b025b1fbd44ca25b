/** Where things lie, seen from the compiled bench. */

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** A file of the project, given by the steps below its root. */
export function inProject(...steps: string[]): string {
  return join(root, ...steps);
}

/** A file of the compiled bench. */
export function inBench(...steps: string[]): string {
  return inProject('dist.bench', 'bench', ...steps);
}
