/** Profiles of running processes, summed up by whose code the time was spent in. */

import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Profiler } from 'node:inspector';
import { inBench } from '../stack/paths.js';
import { type Launched, requireUntil } from '../stack/processes.js';
import { sum } from './figures.js';

const writtenMs = 30_000;

export interface ProfileSummary {
  /** Milliseconds, idle time left out, the largest first: by package or room, with what it had Node and V8 do, and by function alone. */
  groups: [name: string, ms: number][];
  functions: [name: string, ms: number][];
  busyMs: number;
  threads: number;
}

/** What a process is to be started with, so that `startProfile` works. */
export function profileOptions(folder: string): string[] {
  const hook = pathToFileURL(inBench('measure', 'profile-hook.js'));
  hook.search = encodeURIComponent(folder);
  return [`--import=${hook.href}`];
}

export function startProfile({ pid }: Launched): void {
  process.kill(pid, 'SIGUSR2');
}

/** Ends the profile, waits for the files of all threads and sums them up. */
export async function endProfile({ pid }: Launched, folder: string): Promise<ProfileSummary> {
  process.kill(pid, 'SIGUSR2');
  const files = (): string[] => readdirSync(folder).filter((name) => name.startsWith(`${pid}.`));
  let seen = '';
  // How many threads there are is not known: nothing new within a second means that all have written.
  await requireUntil(
    'the profiles to be written',
    () => {
      const before = seen;
      seen = files().join();
      return seen !== '' && seen === before && !seen.includes('.unfinished');
    },
    writtenMs,
    1_000,
  );
  const profiles = files().map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Profiler.Profile);
  for (const name of files()) rmSync(join(folder, name));
  return summarise(profiles);
}

function summarise(profiles: readonly Profiler.Profile[]): ProfileSummary {
  const groups = new Map<string, number>();
  const functions = new Map<string, number>();
  const add = (to: Map<string, number>, name: string, ms: number): void => void to.set(name, (to.get(name) ?? 0) + ms);
  for (const { nodes, samples = [], timeDeltas = [] } of profiles) {
    const byId = new Map(nodes.map((node) => [node.id, node]));
    const owners = ownersOf(nodes, byId);
    samples.forEach((id, place) => {
      const { callFrame } = byId.get(id)!;
      if (callFrame.functionName === '(idle)') return;
      const ms = (timeDeltas[place] ?? 0) / 1_000;
      add(groups, owners.get(id)!, ms);
      add(functions, callFrame.url === '' ? callFrame.functionName : `${callFrame.functionName || '(anonymous)'} · ${placeOf(callFrame)}`, ms);
    });
  }
  const largestFirst = (of: Map<string, number>): [string, number][] => [...of].toSorted((a, b) => b[1] - a[1]);
  return { groups: largestFirst(groups), functions: largestFirst(functions), busyMs: sum([...groups.values()]), threads: profiles.length };
}

/** Whose code a node is: its own, or for what Node and V8 do, that of the nearest caller who is neither. */
function ownersOf(nodes: readonly Profiler.ProfileNode[], byId: ReadonlyMap<number, Profiler.ProfileNode>): Map<number, string> {
  const owners = new Map<number, string>();
  const walk = (node: Profiler.ProfileNode, caller: string): void => {
    const owner = ownerOf(node.callFrame) ?? caller;
    owners.set(node.id, owner);
    for (const child of node.children ?? []) walk(byId.get(child)!, owner);
  };
  walk(nodes[0]!, 'Node’s event loop');
  return owners;
}

const rooms = /\/dist\/(domain|workflows|activities|channels|db|api|relay|runtime|bin)\//;
const yardstick = /\/dist\.bench\/bench\/contestants\//;

/** Null: nobody’s own. */
function ownerOf({ functionName, url }: Profiler.ProfileNode['callFrame']): string | null {
  if (functionName === '(garbage collector)') return 'garbage collection';
  if (functionName === '(program)') return 'native code outside JavaScript';
  if (url === '' || url.startsWith('node:')) return null;
  const room = rooms.exec(url)?.[1];
  if (room !== undefined) return `Waybill: ${room}`;
  if (yardstick.test(url)) return 'the yardstick';
  if (/workflow-bundle|evalmachine/.test(url)) return 'workflow sandbox';
  return /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? 'other';
}

function placeOf({ url, lineNumber }: Profiler.ProfileNode['callFrame']): string {
  const short = url.replace(/^.*node_modules\//, '').replace(/^.*\/(dist(\.bench)?\/)/, '$1');
  return `${short.slice(-70)}:${lineNumber + 1}`;
}
