/** Outlives the test run for a moment: when the run ends, however it ends, it stops the servers and removes what they left. */

import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const [folder] = process.argv.slice(2);
const graceMs = 10_000;

// The run holds the other end of this pipe; the kernel closes it when the run is gone.
process.stdin.resume().on('end', async () => {
  const pids = readdirSync(join(folder, 'pids')).map(Number);
  for (const pid of pids) signal(pid, readFileSync(join(folder, 'pids', String(pid)), 'utf8') === 'postgres' ? 'SIGQUIT' : 'SIGKILL');
  const end = Date.now() + graceMs;
  while (pids.some((pid) => signal(pid, 0)) && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 50));
  rmSync(folder, { recursive: true, force: true });
});
for (const ignored of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(ignored, () => {});

function signal(pid, which) {
  try {
    process.kill(-pid, which);
    return true;
  } catch {
    return false;
  }
}
