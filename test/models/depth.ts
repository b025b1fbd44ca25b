/**
 * How deep the models dig. WAYBILL_FC_RUNS: so many runs of every property in place of its own number; WAYBILL_FC_SEED: another
 * seed than the usual one, or the seed that a failure printed.
 */

import type { Parameters } from 'fast-check';

const own = process.env['WAYBILL_FC_RUNS'];
const seed = Number(process.env['WAYBILL_FC_SEED'] ?? 1);

/** The parameters of a property that makes this many runs by itself; a failure is made smaller for as long as there is time. `T` is what the property is given. */
export function depth<T>(runs: number): Parameters<T> {
  const interruptAfterTimeLimit = patience(runs) - 30_000;
  return { numRuns: runsOf(runs), seed, interruptAfterTimeLimit, markInterruptAsFailure: true };
}

/** How many runs a property makes that makes this many by itself. */
export function runsOf(runs: number): number {
  return own === undefined ? runs : Number(own);
}

/** How long a test of this many runs may take, in milliseconds: as long as any other, longer when it digs deeper. */
export function patience(runs: number): number {
  return Math.ceil(180_000 * Math.max(1, runsOf(runs) / runs));
}
