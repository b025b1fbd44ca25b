/**
 * Sixteen callers in transactions while their backends are ended, one kindly and one by a crash of the server, in turn.
 * Run as: node lost-backends.mjs <the driver's file> <database URL> <rounds> <how long to wait for anything, in ms>. Prints what became of them, as JSON.
 */

import { pathToFileURL } from 'node:url';

const [driver, url, rounds, patienceMs] = process.argv.slice(2);
const { default: postgres } = await import(pathToFileURL(driver).href);

const callers = 16;
const settleMs = Number(patienceMs);
const uncaught = [];
process.on('uncaughtException', (error) => uncaught.push(error.message));
process.on('unhandledRejection', (error) => uncaught.push(error.message));

const options = { connect_timeout: 5, backoff: (n) => Math.min(1, 0.05 * 2 ** Math.min(n, 4)), onnotice: () => {} };
const sql = postgres(url, { ...options, max: 8, connection: { statement_timeout: 5_000 } });
const admin = postgres(url, { ...options, max: 1 });

const backends = new Set();
const open = new Set();
let stopping = false;
let completed = 0;
let errored = 0;

async function call() {
  while (!stopping) {
    const transaction = sql.begin(async (tx) => {
      const [{ pid }] = await tx`select pg_backend_pid() as pid`;
      backends.add(pid);
      try {
        await tx`select pg_sleep(0.005)`;
        await tx`select 1`;
      } finally {
        backends.delete(pid);
      }
    });
    open.add(transaction);
    await transaction.then(
      () => (completed += 1),
      () => (errored += 1),
    );
    open.delete(transaction);
    await pause(1);
  }
}
for (let caller = 0; caller < callers; caller += 1) void call();

for (let round = 0; round < Number(rounds); round += 1) {
  const before = completed;
  // Without the patch nothing may ever complete again; that too is a result.
  await until(() => completed > before + callers && backends.size > 0, settleMs);
  const [victim] = backends;
  if (victim === undefined) break;
  if (round % 2 === 0) crash(victim);
  else await admin`select pg_terminate_backend(${victim})`.catch(() => {});
}
stopping = true;
await until(() => open.size === 0, settleMs);
console.log(JSON.stringify({ completed, errored, unsettled: open.size, uncaught }));
process.exit(0);

/** A backend that dies makes the server restart: every connection is lost at once. */
function crash(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just ended by itself.
  }
}

async function until(condition, deadlineMs) {
  const end = Date.now() + deadlineMs;
  while (!condition() && Date.now() < end) await pause(5);
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
