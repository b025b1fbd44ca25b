/** Outlives the test run for a moment: when the run ends, however it ends, it stops the servers and removes what they left. */

import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isRunning, waitUntil } from '../../dist/runtime/local/processes.js';

const [folder] = process.argv.slice(2);
const graceMs = 10_000;

// The run holds the other end of this pipe; the kernel closes it when the run is gone.
process.stdin.resume().on('end', async () => {
  const list = join(folder, 'processes');
  const left = readdirSync(list)
    .map((name) => JSON.parse(readFileSync(join(list, name), 'utf8')))
    .filter(isRunning);
  for (const { pid, signal } of left) process.kill(-pid, signal);
  await waitUntil(() => !left.some(isRunning), graceMs);
  rmSync(folder, { recursive: true, force: true });
});
for (const ignored of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(ignored, () => {});
