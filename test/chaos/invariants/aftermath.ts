/** What is left when it is over: I13, I14, and what nobody may meet on the way. */

import type { Rest } from '../evidence.js';
import type { Vitals } from '../vitals.js';
import type { Invariant } from './finding.js';

/**
 * A pool of connections that were needed for a while, callers' connections that are kept alive; and what a process holds more of once it
 * has carried a load than when it was new: a grown heap, runs in memory, memory that waits to be collected.
 */
const spareHandles = 20;
const spareMegabytes = 200;
const normal = 1.1;

export const nothingPrivateLeft: Invariant = ({ searched }) => ({
  no: 'I13',
  what: 'nothing private in logs, error answers or Temporal’s files',
  broken: searched.found,
  of: Math.round(searched.bytes / 1024),
  unit: 'KB searched',
});

export const backToNormal: Invariant = ({ rest }) => {
  const { before, after } = rest;
  const of = 6 + 2 * after.length;
  return { no: 'I14', what: 'back to normal afterwards', broken: unrestIn(rest), of, unit: 'signs of unrest', beside: compare(before, after) };
};

/** What has not come to rest yet, one sentence each. */
export function unrestIn({ openRuns, brokenRuns, sending, outbox, inbox, busyConnections, before, after }: Rest): string[] {
  const open = Object.entries({ openRuns, brokenRuns, sending, outbox, inbox, busyConnections }).filter(([, count]) => count > 0);
  const broken = open.map(([name, count]) => `${name}: ${count}`);
  for (const one of after) {
    const then = before.find((other) => other.name === one.name);
    if (!then) continue;
    if (one.handles > then.handles * normal + spareHandles) broken.push(`${one.name} has ${one.handles} handles open, ${then.handles} before`);
    if (one.megabytes > then.megabytes * normal + spareMegabytes) broken.push(`${one.name} holds ${one.megabytes} MB, ${then.megabytes} before`);
  }
  return broken;
}

function compare(before: readonly Vitals[], after: readonly Vitals[]): string {
  if (after.length === 0) return 'memory and handles not measured';
  return after
    .map((one) => {
      const then = before.find((other) => other.name === one.name);
      return `${one.name} ${then?.megabytes} → ${one.megabytes} MB, ${then?.handles} → ${one.handles} handles`;
    })
    .join('; ');
}

/** Every request is answered in its time, whatever is down; and never with a fault of ours. */
export const everyRequestAnswered: Invariant = ({ diary }) => {
  const { answers, hung, faults } = diary;
  const told = [...answers].toSorted(([a], [b]) => a - b).map(([status, count]) => `${count} × ${status === 0 ? 'no answer' : status}`);
  const of = [...answers.values()].reduce((sum, count) => sum + count, 0);
  return { no: '', what: 'no request hung, none was answered 500', broken: [...hung, ...faults], of, unit: 'requests', beside: told.join(', ') };
};
