/** The processes under test, several of each: started, disturbed, ended, and started again as a supervisor would. */

import type { House } from '../support/house.js';
import type { ProcessEnd, TestProcess } from '../support/stack.js';
import { instanceCount } from './faults.js';
import { pause } from './pause.js';

export type Role = 'api' | 'worker';

/** How long a process may take to come up, with all that fails meanwhile, and how long a drain may take; milliseconds. */
const startDeadlineMs = 90_000;
const drainDeadlineMs = 40_000;
const restMs = 250;

export interface Crew {
  start(role: Role, instance: number): Promise<void>;
  startAll(): Promise<void>;
  /** By SIGKILL at once, by SIGTERM after it has drained. */
  end(role: Role, instance: number, signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  freeze(role: Role, instance: number): void;
  thaw(role: Role, instance: number): void;
  undisturbedSince(role: Role, instance: number, at: number): boolean;
  /** From now on whoever ends is not started again. */
  dismiss(): void;
  pids(): { name: string; pid: number }[];
  outputs(): string[];
  /** Ends that nobody asked for, drains that did not end well, and what was thrown and not caught. */
  faults(): string[];
  /** Starts that failed and were made again. */
  failedStarts(): number;
}

interface Member {
  process: TestProcess | null;
  /** True: somebody ends it. */
  ending: boolean;
  disturbedAt: number;
}

export function createCrew(house: House, environment: (role: Role, instance: number) => Record<string, string>): Crew {
  const seats = (['api', 'worker'] as const).flatMap((role) => Array.from({ length: instanceCount[role] }, (_, instance) => ({ role, instance })));
  const members = new Map<string, Member>();
  const all: TestProcess[] = [];
  const faults: string[] = [];
  let failedStarts = 0;
  const nameOf = (role: Role, instance: number): string => `${role} ${instance + 1}`;
  const memberOf = (role: Role, instance: number): Member => {
    const name = nameOf(role, instance);
    const member = members.get(name) ?? { process: null, ending: false, disturbedAt: 0 };
    members.set(name, member);
    return member;
  };

  const crew: Crew = {
    start: async (role, instance) => {
      const member = memberOf(role, instance);
      const env = environment(role, instance);
      const end = Date.now() + startDeadlineMs;
      let started: TestProcess | null = null;
      while (started === null) {
        started = await (role === 'api' ? house.startApi(env) : house.startWorker(env)).catch((error: unknown) => {
          failedStarts += 1;
          if (Date.now() > end) throw error;
          return null;
        });
        if (started === null) await pause(restMs);
      }
      const running = started;
      all.push(running);
      Object.assign(member, { process: running, ending: false, disturbedAt: Date.now() });
      void running.exited.then(async ({ code, signal }) => {
        if (member.process !== running || member.ending) return;
        faults.push(`${nameOf(role, instance)} ended by itself (${code ?? signal}): ${running.output().slice(-2_000)}`);
        await crew.start(role, instance);
      });
    },
    startAll: async () => void (await Promise.all(seats.map(({ role, instance }) => crew.start(role, instance)))),
    end: async (role, instance, signal) => {
      const member = memberOf(role, instance);
      const running = member.process!;
      Object.assign(member, { ending: true, disturbedAt: Date.now() });
      const impatient = setTimeout(() => void running.kill(), drainDeadlineMs);
      const ended = await running.kill(signal);
      clearTimeout(impatient);
      if (signal === 'SIGTERM' && !isClean(ended))
        faults.push(`${nameOf(role, instance)} did not drain: ${JSON.stringify(ended)} ${running.output().slice(-2_000)}`);
    },
    freeze: (role, instance) => {
      const member = memberOf(role, instance);
      member.disturbedAt = Date.now();
      member.process!.signal('SIGSTOP');
    },
    thaw: (role, instance) => {
      const member = memberOf(role, instance);
      member.disturbedAt = Date.now();
      member.process!.signal('SIGCONT');
    },
    undisturbedSince: (role, instance, at) => {
      const { disturbedAt, ending } = memberOf(role, instance);
      return !ending && disturbedAt < at;
    },
    dismiss: () => members.forEach((member) => void (member.ending = true)),
    pids: () => seats.map(({ role, instance }) => ({ name: nameOf(role, instance), pid: memberOf(role, instance).process!.pid })),
    outputs: () => all.map((one) => one.output()),
    faults: () => [...faults, ...all.flatMap((one) => uncaughtIn(one.output()))],
    failedStarts: () => failedStarts,
  };
  return crew;
}

const isClean = ({ code, signal }: ProcessEnd): boolean => code === 0 && signal === null;

function uncaughtIn(output: string): string[] {
  return output.split('\n').filter((line) => /uncaught|unhandled/i.test(line));
}
