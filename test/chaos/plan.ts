/** What happens when: made from the seed alone, before anything happens. */

import { type Fault, planFaults, repeatFault } from './faults.js';
import { createRandom } from './random.js';
import { planStories, slowStories, type Story } from './stories.js';

/** `campaign`: everything at once. The others do one thing again and again, or for long. */
export const modes = ['campaign', 'drain', 'database', 'outages'] as const;
export type Mode = (typeof modes)[number];

export interface Size {
  dispatches: number;
  /** Of a campaign. */
  kills: number;
  /** How long there is load. */
  seconds: number;
  /** How often `drain` ends a worker, and `database` restarts Postgres. */
  times: number;
  /** How long each outage of `outages` lasts. */
  outageSeconds: number;
}

export interface Plan extends Size {
  seed: number;
  mode: Mode;
  stories: Story[];
  /** When somebody edits a template. */
  editsAtMs: number[];
  faults: Fault[];
  /** How long a caller repeats what was not answered. */
  patienceMs: number;
}

/** A fault takes about a second, and the processes it hit about two to be back. Two cores keep up with this; work that is left over proves nothing. */
const secondsPerKill = 6;
const dispatchesPerSecond = 4;
const drainEveryMs = 3_000;
const restartEveryMs = 4_000;
/** Between two outages, so that what was held up arrives. */
const betweenOutagesMs = 30_000;

const defaults: Record<Mode, { dispatches: number; kills: number; times: number }> = {
  campaign: { dispatches: 5_000, kills: 200, times: 0 },
  drain: { dispatches: 1_000, kills: 0, times: 100 },
  database: { dispatches: 1_000, kills: 0, times: 50 },
  outages: { dispatches: 600, kills: 0, times: 1 },
};

/** The size of a mode where nothing else is asked for. */
export function sizeOf(mode: Mode, asked: Partial<Size> = {}): Size {
  const { dispatches, kills, times } = { ...defaults[mode], ...asked };
  const outageSeconds = asked.outageSeconds ?? 600;
  const seconds: Record<Mode, number> = {
    campaign: Math.max(dispatches / dispatchesPerSecond, kills * secondsPerKill),
    drain: (times * drainEveryMs) / 1_000,
    database: (times * restartEveryMs) / 1_000,
    outages: 2 * outageSeconds + betweenOutagesMs / 1_000,
  };
  return { dispatches, kills, times, outageSeconds, seconds: asked.seconds ?? Math.ceil(seconds[mode]) + 3 };
}

/** The same mode, seed and size make the same plan. */
export function makePlan(mode: Mode, seed: number, size: Size): Plan {
  const random = createRandom(String(seed));
  const lengthMs = size.seconds * 1_000;
  const stories = (mode === 'drain' ? slowStories : planStories)(random.fork('stories'), size.dispatches, lengthMs);
  const edits = random.fork('edits');
  return {
    ...size,
    seed,
    mode,
    stories,
    editsAtMs: Array.from({ length: Math.max(3, Math.round(size.dispatches / 50)) }, () => edits.int(0, lengthMs)).toSorted((a, b) => a - b),
    faults: faultsOf(mode, size, lengthMs, () => planFaults(random.fork('faults'), size.kills, lengthMs)),
    patienceMs: mode === 'outages' ? 15_000 : 120_000,
  };
}

function faultsOf(mode: Mode, size: Size, lengthMs: number, campaign: () => Fault[]): Fault[] {
  const { times } = size;
  const outageMs = size.outageSeconds * 1_000;
  switch (mode) {
    case 'campaign':
      return campaign();
    case 'drain':
      return [
        ...repeatFault('restart', 'worker', times, drainEveryMs, 50),
        ...repeatFault('restart', 'api', Math.ceil(times / 5), lengthMs / (times / 5 + 1), 50),
      ].toSorted((a, b) => a.atMs - b.atMs);
    case 'database':
      return repeatFault('restart', 'postgres', times, restartEveryMs, 200);
    case 'outages':
      return [
        ...repeatFault('restart', 'postgres', 1, 0, outageMs),
        { ...repeatFault('restart', 'temporal', 1, 0, outageMs)[0]!, atMs: outageMs + betweenOutagesMs },
      ];
  }
}
