/** Where the project's own files lie, for sources and for compiled code alike. */

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the project's package.json: migrations, patches and static files are found from here. */
export const projectRoot = rootAbove(dirname(fileURLToPath(import.meta.url)));

/** Absolute path of a file of the project, given by the steps below its root. */
export function inProject(...steps: string[]): string {
  return join(projectRoot, ...steps);
}

function rootAbove(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error('package.json was not found above the code: run Waybill from its project folder.');
  return rootAbove(parent);
}
