/**
 * Outlives the bench: when its input ends, however the bench ended, it stops what is still on its list, the last first, and removes the
 * folder that it was given. Each line of its input adds a process, `+<pid> <signal>`, or takes one off, `-<pid>`.
 */

import { rmSync } from 'node:fs';
import { argv, stdin } from 'node:process';
import { createInterface } from 'node:readline';

const graceMs = 20_000;
const pollMs = 50;

const listed = new Map<number, NodeJS.Signals>();
for await (const line of createInterface(stdin)) {
  const [, sign, pid, signal] = /^([+-])(\d+) ?(\w*)$/.exec(line) ?? [];
  if (sign === '+') listed.set(Number(pid), signal as NodeJS.Signals);
  else listed.delete(Number(pid));
}
for (const [pid, signal] of [...listed].toReversed()) {
  send(pid, signal);
  const end = Date.now() + graceMs;
  while (send(pid, 0) && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, pollMs));
  send(pid, 'SIGKILL');
}
if (argv[2] !== undefined) rmSync(argv[2], { recursive: true, force: true, maxRetries: 5 });

/** False when there is no such process. */
function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
