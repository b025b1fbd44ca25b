/** A campaign in lines: what was planned, what happened, each invariant with its count, and the verdict. */

import type { Outcome } from './campaign.js';
import { instanceCount, places } from './faults.js';
import type { Finding } from './invariants/finding.js';
import type { Plan } from './plan.js';
import { commandFor } from './settings.js';

/** Enough of what is broken to begin with. */
const shown = 20;

/** At the start, so that a run that hangs can be done again. */
export function announce(plan: Plan): string {
  const { mode, seed, dispatches, faults, seconds } = plan;
  const size = `${dispatches} dispatches, ${faults.length} faults, ${seconds} s of load, ${instanceCount.api} APIs, ${instanceCount.worker} workers`;
  return `chaos: ${mode}, seed ${seed}: ${size}\n       ${commandFor(plan)}\n`;
}

export function report(outcome: Outcome): string {
  const { plan, findings, happened, failedStarts, settledMs, decidedMs } = outcome;
  const kills = places.map((place) => `${place} ${happened.get(`kill ${place}`) ?? 0}`);
  const killCount = places.reduce((sum, place) => sum + (happened.get(`kill ${place}`) ?? 0), 0);
  const others = [...happened].filter(([kind]) => !kind.startsWith('kill ')).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return [
    `chaos: ${plan.mode}, seed ${plan.seed}`,
    `kills ${killCount}: ${kills.join(', ')}`,
    `other faults: ${others.map(([kind, count]) => `${kind} ${count}`).join(', ')}; ${failedStarts} starts failed and were made again`,
    ...findings.map(lineOf),
    ...(outcome.timelines === '' ? [] : [outcome.timelines]),
    `settled ${seconds(settledMs)} after the last fault and the last promise, everything ended ${seconds(decidedMs)} later`,
    verdict(outcome),
    '',
  ].join('\n');
}

/** One word, and what it stands on. */
export function verdict({ plan, findings, never }: Outcome): string {
  if (never.length > 0) return `VOID: never happened: ${never.join(', ')}\n       ${commandFor(plan)}`;
  const broken = findings.filter((one) => one.broken.length > 0);
  if (broken.length > 0) return `BROKEN: ${broken.map((one) => one.no || one.what).join(', ')}\n       ${commandFor(plan)}`;
  return `HELD: ${findings.length} of ${findings.length}`;
}

/** `I2 no unexplained duplicate: 0 of 5012 hand-overs (3 explained, 5 in doubt; the rate is below 0.06 %)` */
function lineOf({ no, what, broken, of, unit, beside }: Finding): string {
  // No failure in n tries says, with a confidence of 95 %, that the rate is below 3/n.
  const bound = broken.length === 0 && of > 0 ? `the rate is below ${(300 / of).toPrecision(2)} %` : null;
  const said = [beside, bound].filter((part) => part);
  const line = `${no || '·'} ${what}: ${broken.length} of ${of} ${unit}${said.length > 0 ? ` (${said.join('; ')})` : ''}`;
  return [line, ...broken.slice(0, shown).map((one) => `     ${one}`), ...(broken.length > shown ? [`     and ${broken.length - shown} more`] : [])].join('\n');
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
