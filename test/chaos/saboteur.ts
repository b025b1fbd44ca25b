/** Carries out the faults of a plan at their times: one at a time in each place, several places at once. */

import { waitUntil } from '../../runtime/local/processes.js';
import { type Fault, kindOf, type Place } from './faults.js';
import { pause } from './pause.js';
import type { Stage } from './stage.js';

/** How much longer a line is broken when nobody has met it yet. Milliseconds. */
const untilHitMs = 45_000;

export interface Sabotage {
  /** How often each kind has happened; a kind that found nobody to hit has not. */
  happened: Map<string, number>;
  /** Milliseconds since 1970. */
  lastEndedAt: number;
}

/** Resolves when everything that was broken is whole again; times count from now. */
export async function sabotage(stage: Stage, faults: readonly Fault[]): Promise<Sabotage> {
  const began = Date.now();
  const happened = new Map<string, number>();
  const queues = new Map<string, Promise<void>>();
  for (const fault of faults) {
    await pause(began + fault.atMs - Date.now());
    const where = queueOf(fault);
    const turn = (queues.get(where) ?? Promise.resolve()).then(async () => {
      if (await carryOut(stage, fault)) happened.set(kindOf(fault), (happened.get(kindOf(fault)) ?? 0) + 1);
    });
    queues.set(where, turn);
  }
  await Promise.all(queues.values());
  return { happened, lastEndedAt: Date.now() };
}

/** Faults of one place follow each other. */
function queueOf(fault: Fault): string {
  if ('place' in fault) return `${fault.place} ${fault.instance}`;
  return 'line' in fault ? fault.line : fault.provider;
}

/** True when it hit somebody. */
async function carryOut(stage: Stage, fault: Fault): Promise<boolean> {
  switch (fault.what) {
    case 'kill':
    case 'restart':
      await end(stage, fault.place, fault.instance, fault.what);
      await pause(fault.forMs);
      await start(stage, fault.place, fault.instance);
      return true;
    case 'freeze':
      await freeze(stage, fault.place, fault.instance);
      await pause(fault.forMs);
      await thaw(stage, fault.place, fault.instance);
      return true;
    case 'cut':
    case 'silence': {
      const line = stage.lines[fault.line];
      const before = line.victims();
      if (fault.what === 'cut') line.cut();
      else line.fallSilent();
      await pause(fault.forMs);
      const hit = await waitUntil(() => line.victims() > before, untilHitMs);
      line.speak();
      return hit;
    }
    case 'refuse': {
      const does = fault.provider === 'relay' ? { reply: refusals.relay } : { status: 503, code: 131016 };
      await stage.house.control('POST', '/faults', { channel: fault.provider === 'relay' ? 'email' : 'whatsapp', count: fault.messages, do: does });
      return true;
    }
  }
}

/** The relay tells in its own words that it was a fault of the plan. */
const refusals = { relay: '421 4.3.2 the system does not accept messages now' };

async function end(stage: Stage, place: Place, instance: number, what: 'kill' | 'restart'): Promise<void> {
  if (place === 'api' || place === 'worker') return await stage.crew.end(place, instance, what === 'kill' ? 'SIGKILL' : 'SIGTERM');
  await (what === 'kill' ? stage[place].kill() : stage[place].stop());
}

async function start(stage: Stage, place: Place, instance: number): Promise<void> {
  await (place === 'api' || place === 'worker' ? stage.crew.start(place, instance) : stage[place].start());
}

async function freeze(stage: Stage, place: Place, instance: number): Promise<void> {
  await (place === 'api' || place === 'worker' ? stage.crew.freeze(place, instance) : stage[place].freeze());
}

async function thaw(stage: Stage, place: Place, instance: number): Promise<void> {
  await (place === 'api' || place === 'worker' ? stage.crew.thaw(place, instance) : stage[place].thaw());
}
