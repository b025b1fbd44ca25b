/** The launcher: brings the whole stack up on this machine, shows one message from submit to mailbox, and ends everything on Ctrl-C. */

import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadLocalConfig, type LocalConfig } from '../runtime/local/local-config.js';
import { holderOf, takeLock } from '../runtime/local/lock.js';
import { createSupervisor, type Supervisor } from '../runtime/local/supervisor.js';
import { tellAddresses } from './start-addresses.js';
import { sendSample } from './start-sample.js';
import { onStopSignals } from './start-signals.js';
import { bringUp } from './start-stack.js';

/** Runs one step and prints its line; `say` notes how far it is, `marks` begin the line. */
export type Step = <T>(title: string, work: (say: (note: string) => void) => Promise<T> | T, marks?: { done: string; failed: string }) => Promise<T>;

/** Runs until a signal, until something cannot be kept up, or (if told so) to the end of the sample; returns the exit status. */
export async function start(step: Step): Promise<number> {
  const config = loadLocalConfig();
  // What is written from here on, by our processes too, is for this user alone; others may only pass through, as Postgres does when root runs it.
  process.umask(0o077);
  const runFolder = join(config.dataFolder, 'run');
  mkdirSync(runFolder, { recursive: true });
  chmodSync(config.dataFolder, 0o711);
  // Keys lie in it: a folder inside a checkout is not to be committed by accident.
  writeFileSync(join(config.dataFolder, '.gitignore'), '*\n');
  const lock = join(runFolder, 'launcher.lock');
  if (!takeLock(lock)) {
    throw new Error(
      `Waybill runs in ${config.dataFolder} already, started by process ${holderOf(lock)?.pid}. Stop that one with Ctrl-C, or give this one its own WAYBILL_DATA_DIR and ports.`,
    );
  }
  const stopping = new AbortController();
  const supervisor = superviseAloud(config, runFolder, stopping);
  onStopSignals({
    first: () => stopping.abort(null),
    second: () => {
      supervisor.kill();
      process.exit(130);
    },
  });
  const status = await Promise.race([run(config, supervisor, stopping.signal, step), rejectWhenAborted(stopping.signal)]).then(() => 0, tell);
  await endAll(config, supervisor, step);
  rmSync(lock, { force: true });
  return status;
}

async function run(config: LocalConfig, supervisor: Supervisor, signal: AbortSignal, step: Step): Promise<void> {
  const up = await bringUp({ config, supervisor, signal, step });
  const state = await sendSample(up, step);
  tellAddresses(config, up);
  if (!config.exitAfterSample) await new Promise(() => {});
  else if (state !== 'completed') throw new Error(`The sample message ended ${state}.`);
}

function superviseAloud(config: LocalConfig, runFolder: string, stopping: AbortController): Supervisor {
  const log = (name: string) => join(config.dataFolder, 'logs', `${name}.log`);
  return createSupervisor(runFolder, {
    died: ({ name, title }, backOffMs) => console.log(`  ! ${title} ended unexpectedly, see ${log(name)}; it is started again in ${backOffMs / 1000} s`),
    restarted: ({ title }) => console.log(`  ✓ ${title} runs again`),
    gaveUp: ({ name, title }, reason) => stopping.abort(new Error(`${title} cannot be kept running: ${reason} Its log is ${log(name)}.`)),
  });
}

function rejectWhenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
}

/** A signal is no error; anything else is told in its own words. */
function tell(reason: unknown): number {
  if (reason === null) return 0;
  console.error(`\n${reason instanceof Error ? reason.message : 'An unknown fault.'}\n`);
  return 1;
}

/** Last started, first ended: the worker drains while everything that it needs is still there. Nothing is said where nothing ran. */
async function endAll(config: LocalConfig, supervisor: Supervisor, step: Step): Promise<void> {
  let ran = false;
  await supervisor.stop((service, end) => {
    if (!ran) console.log('\nWaybill ends, after the attempts that are under way; press Ctrl-C again to end it at once\n');
    ran = true;
    return step(`${service.title} ends`, end);
  });
  if (ran) console.log(`\nEnded. Everything is kept in ${config.dataFolder}; "npm start" goes on from there.\n`);
}
