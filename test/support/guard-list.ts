/** The list of processes that the guard ends when the test run is over. */

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { identify } from '../../runtime/local/processes.js';

/** Lists the group that this process leads; returns what takes it off the list. */
export function listForTheGuard(folder: string, pid: number, signal: NodeJS.Signals): () => void {
  const file = join(folder, 'processes', String(pid));
  writeFileSync(file, JSON.stringify({ ...identify(pid), signal }));
  return () => rmSync(file, { force: true });
}
