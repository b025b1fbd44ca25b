/** Keeps the processes of the local stack: known by file, watched, started again when they die, ended in reverse order. */

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRunning, killGroup, stopProcess, type ProcessIdentity } from './processes.js';

const watchMs = 300;
/** Doubled with every death. */
const defaultBackOffMs = 500;
/** More deaths than this, all within the window or in starts one after the other: it will not get better by itself. */
const deathsAllowed = 5;
const deathWindowMs = 60_000;
const strayGraceMs = 30_000;

/** What is known of a process of the stack, kept in `<run folder>/<name>.json`. */
export interface RunRecord extends ProcessIdentity {
  name: string;
  startedAt: string;
  /** What it was started with, where that decides whether it can be taken over. */
  args: string[];
  /** Answers 2xx when it is ready; null: it speaks no HTTP. */
  readyUrl: string | null;
}

export interface Service {
  name: string;
  title: string;
  stopSignal: NodeJS.Signals;
  /** How long it may take to end by itself. */
  graceMs: number;
  /**
   * Starts it and waits until it is ready, or takes over the one that was left; says which. `record` is called as soon as a process
   * exists, so that it is known even if we die before it is ready.
   */
  start(tools: StartTools): Promise<{ adopted: boolean }>;
}

export interface StartTools {
  left: RunRecord | null;
  record(process: ProcessIdentity, more?: Partial<Pick<RunRecord, 'args' | 'readyUrl'>>): void;
  say(note: string): void;
}

export interface SupervisorEvents {
  /** A process ended that nobody stopped, or did not come up; it is started again in so many milliseconds. */
  died(service: Service, backOffMs: number): void;
  restarted(service: Service): void;
  /** It died too often; nothing more is done about it. */
  gaveUp(service: Service, reason: string): void;
}

export interface Supervisor {
  /** The process of this name that still runs from an earlier start, or null. */
  left(name: string): RunRecord | null;
  /** Ends what was left under this name by SIGTERM, and after `graceMs` by force. */
  clear(name: string, graceMs: number): Promise<void>;
  start(service: Service, say: (note: string) => void): Promise<{ adopted: boolean }>;
  /** Ends everything, last started first, also what an earlier start left; each end goes through `step`. Harmless when repeated. */
  stop(step: (service: Pick<Service, 'name' | 'title'>, end: () => Promise<void>) => Promise<void>): Promise<void>;
  /** Kills everything at once. */
  kill(): void;
}

export function createSupervisor(runFolder: string, events: SupervisorEvents, firstBackOffMs = defaultBackOffMs): Supervisor {
  const running: { service: Service; deaths: number[] }[] = [];
  let stopping = false;
  const fileOf = (name: string) => join(runFolder, `${name}.json`);

  function left(name: string): RunRecord | null {
    const record = read(fileOf(name));
    return record !== null && isRunning(record) ? record : null;
  }

  function bringUp(service: Service, say: (note: string) => void): Promise<{ adopted: boolean }> {
    mkdirSync(runFolder, { recursive: true });
    return service.start({
      left: left(service.name),
      say,
      record: ({ pid, startedAs }, more = {}) => {
        const record: RunRecord = { name: service.name, pid, startedAs, args: [], readyUrl: null, ...more, startedAt: new Date().toISOString() };
        writeFileSync(fileOf(service.name), `${JSON.stringify(record, null, 2)}\n`);
        if (stopping) killGroup(pid);
      },
    });
  }

  /** A start that fails is one more death: a process may be killed while it comes up as well as later. */
  async function revive(entry: { service: Service; deaths: number[] }): Promise<void> {
    const { service } = entry;
    let failure: string | null = null;
    entry.deaths = entry.deaths.filter((at) => at > Date.now() - deathWindowMs);
    while (!stopping) {
      entry.deaths.push(Date.now());
      const times = entry.deaths.length;
      if (times > deathsAllowed) return events.gaveUp(service, failure ?? `it ended ${times} times within a minute.`);
      const backOffMs = firstBackOffMs * 2 ** (times - 1);
      events.died(service, backOffMs);
      await new Promise((resolve) => setTimeout(resolve, backOffMs));
      if (stopping) return;
      try {
        await bringUp(service, () => {});
      } catch (error) {
        failure = (error as Error).message;
        continue;
      }
      if (stopping) return;
      events.restarted(service);
      return watch(entry);
    }
  }

  function watch(entry: { service: Service; deaths: number[] }): void {
    const timer = setInterval(() => {
      if (!stopping && left(entry.service.name) !== null) return;
      clearInterval(timer);
      if (!stopping) void revive(entry);
    }, watchMs);
  }

  /** What an earlier start left and this one has not taken over yet, last started first. */
  function strays(): Pick<Service, 'name' | 'title' | 'stopSignal' | 'graceMs'>[] {
    const files = existsSync(runFolder) ? readdirSync(runFolder).filter((name) => name.endsWith('.json')) : [];
    return files
      .flatMap((name) => read(join(runFolder, name)) ?? [])
      .filter(({ name }) => running.every(({ service }) => service.name !== name))
      .toSorted((a, b) => b.startedAt.localeCompare(a.startedAt))
      .map(({ name }) => ({ name, title: name, stopSignal: 'SIGINT', graceMs: strayGraceMs }));
  }

  return {
    left,
    clear: async (name, graceMs) => {
      const record = left(name);
      if (record !== null) await stopProcess(record, 'SIGTERM', graceMs);
      rmSync(fileOf(name), { force: true });
    },
    start: async (service, say) => {
      if (stopping) throw new Error(`${service.title} is not started any more.`);
      const entry = { service, deaths: [] };
      running.push(entry);
      const started = await bringUp(service, say);
      watch(entry);
      return started;
    },
    stop: async (step) => {
      stopping = true;
      const services: Pick<Service, 'name' | 'title' | 'stopSignal' | 'graceMs'>[] = running.map(({ service }) => service).toReversed();
      for (const service of [...services, ...strays()]) {
        const record = left(service.name);
        if (record === null) continue;
        await step(service, async () => {
          await stopProcess(record, service.stopSignal, service.graceMs);
        });
        rmSync(fileOf(service.name), { force: true });
      }
    },
    kill: () => {
      stopping = true;
      for (const { service } of running) {
        const record = left(service.name);
        if (record !== null) killGroup(record.pid);
      }
    },
  };
}

function read(file: string): RunRecord | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as RunRecord;
  } catch {
    return null;
  }
}
