/** Every kind of fault that a campaign can do, and when it does which. */

import type { Random } from './random.js';

export const places = ['api', 'worker', 'temporal', 'postgres'] as const;
export type Place = (typeof places)[number];

/** Ways between two processes; those to the provider are only ever cut: what a silent one holds back would arrive after its deadline. */
export const innerLines = ['api-postgres', 'worker-postgres', 'api-temporal', 'worker-temporal'] as const;
export const providerLines = ['worker-relay', 'worker-cloud'] as const;
export type Line = (typeof innerLines)[number] | (typeof providerLines)[number];
export type Provider = 'relay' | 'cloud';

/** `forMs`: how long it lasts; of a kill or a restart, how long the process is away. */
export type Fault = { atMs: number } & (
  | { what: 'kill' | 'freeze' | 'restart'; place: Place; instance: number; forMs: number }
  | { what: 'cut' | 'silence'; line: Line; forMs: number }
  /** The provider refuses this many messages, for now. */
  | { what: 'refuse'; provider: Provider; messages: number }
);

type Kind = Pick<Fault, 'what'> & { where: Place | Line | Provider };

/** How a fault is counted: `kill worker`, `cut api-postgres`. */
export function kindOf(fault: Fault): string {
  return `${fault.what} ${'place' in fault ? fault.place : 'line' in fault ? fault.line : fault.provider}`;
}

/** Beside the kills. */
const otherKinds: readonly Kind[] = [
  ...places.flatMap((where) => [{ what: 'freeze', where } as const, { what: 'restart', where } as const]),
  ...innerLines.flatMap((where) => [{ what: 'cut', where } as const, { what: 'silence', where } as const]),
  ...providerLines.map((where) => ({ what: 'cut', where }) as const),
  ...(['relay', 'cloud'] as const).map((where) => ({ what: 'refuse', where }) as const),
];

export const instanceCount: Record<Place, number> = { api: 2, worker: 2, temporal: 1, postgres: 1 };

const awayMs: [number, number] = [50, 1_000];
const lastsMs: [number, number] = [300, 2_000];
/** Before the first fault the house has had some load, so that there is something to compare with. */
const leadMs = 3_000;

/** Kills in equal parts over all four processes, and every other kind at least once, spread over the campaign. */
export function planFaults(random: Random, kills: number, lengthMs: number): Fault[] {
  const killed = random.shuffled(Array.from({ length: kills }, (_, i): Kind => ({ what: 'kill', where: places[i % places.length]! })));
  const rounds = Math.max(1, Math.round(kills / 2 / otherKinds.length));
  const others = Array.from({ length: rounds }, () => random.shuffled(otherKinds)).flat();
  const kinds = hitWhileThereIsLoad(random, random.shuffled([...killed, ...others]));
  const slotMs = (lengthMs - leadMs) / kinds.length;
  return kinds
    .map((kind, i) => ({ atMs: Math.round(leadMs + slotMs * (i + random.next())), ...detail(random, kind) }) as Fault)
    .toSorted((a, b) => a.atMs - b.atMs);
}

/** What only a message on its way can meet comes in the first half, while many are. */
function hitWhileThereIsLoad(random: Random, kinds: Kind[]): Kind[] {
  const meetsMessages = ({ where }: Kind): boolean => ([...providerLines, 'relay', 'cloud'] as string[]).includes(where);
  const early = kinds.filter(meetsMessages);
  const others = kinds.filter((kind) => !meetsMessages(kind));
  const filling = Math.max(0, Math.ceil(kinds.length / 2) - early.length);
  return [...random.shuffled([...early, ...others.slice(0, filling)]), ...others.slice(filling)];
}

/** The same fault again and again, at equal distances, on one instance after another. */
export function repeatFault(what: 'restart', place: Place, times: number, everyMs: number, forMs: number): Fault[] {
  return Array.from({ length: times }, (_, i) => ({ atMs: leadMs + i * everyMs, what, place, instance: i % instanceCount[place], forMs }));
}

function detail(random: Random, { what, where }: Kind) {
  if (what === 'refuse') return { what, provider: where, messages: random.int(3, 10) };
  if (what === 'cut' || what === 'silence') return { what, line: where, forMs: random.int(...lastsMs) };
  const place = where as Place;
  return { what, place, instance: random.int(0, instanceCount[place] - 1), forMs: random.int(...(what === 'freeze' ? lastsMs : awayMs)) };
}
