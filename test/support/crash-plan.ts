/** How a worker under test is told where to die, freeze or wait for its SIGTERM, and how it tells that it is there. */

import { writeSync } from 'node:fs';

/** What happens to the process: killed, stopped until SIGCONT, or left to the test's SIGTERM; it does the first two to itself. */
export type CrashSignal = 'SIGKILL' | 'SIGSTOP' | 'SIGTERM';

/**
 * Where one dispatch stands when it happens. `hold`: exactly there. `pass`: it goes on, so that a call is under way.
 * `throw`: no place to stand at, the step fails there.
 */
export interface CrashPoint {
  dispatchId: string;
  checkpoint: string;
  /** Which time it comes by; default the first. */
  visit?: number;
  act?: 'hold' | 'pass' | 'throw';
}

/**
 * The value of WAYBILL_TEST_CRASH, as JSON: the signal comes when all dispatches are at their points, or at the given visit of any. The
 * test may send it sooner, when some do not come to theirs.
 */
export interface CrashPlan {
  signal: CrashSignal;
  points: CrashPoint[];
  atVisit?: number;
}

/** What the worker writes when a dispatch has reached its point, and right before the signal. */
export const reachedLine = (dispatchId: string, checkpoint: string): string => `crash-worker: ${dispatchId} at ${checkpoint}`;
export const nowLine = 'crash-worker: all at their points';

/** Until a call that has left has surely arrived, and until a drain has surely begun; milliseconds. */
const passMs = 150;
const drainMs = 300;

/** The checkpoint function that carries out a plan. The last one to arrive sets it off at once, also where a checkpoint does not wait. */
export function crashAt(plan: CrashPlan): (name: string, dispatchId: string) => void | Promise<void> {
  const visits = new Map<string, number>();
  let visited = 0;
  const missing = new Set(plan.points.filter((point) => point.act !== 'throw'));
  let release = (): void => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  if (plan.signal === 'SIGTERM') process.once('SIGTERM', () => setTimeout(release, drainMs));
  if (plan.signal === 'SIGSTOP') process.once('SIGCONT', release);

  function happen(): void {
    tell(nowLine);
    if (plan.signal !== 'SIGTERM') process.kill(process.pid, plan.signal);
  }
  function arrive(point: CrashPoint): void {
    missing.delete(point);
    tell(reachedLine(point.dispatchId, point.checkpoint));
    if (missing.size === 0) happen();
  }

  return (name, dispatchId) => {
    visited += 1;
    if (visited === plan.atVisit) happen();
    const key = `${dispatchId} ${name}`;
    const visit = (visits.get(key) ?? 0) + 1;
    visits.set(key, visit);
    const point = plan.points.find((one) => one.dispatchId === dispatchId && one.checkpoint === name && (one.visit ?? 1) === visit);
    if (!point) return;
    if (point.act === 'throw') throw new Error(`The test lets ${name} fail.`);
    if (point.act === 'pass') {
      setTimeout(() => arrive(point), passMs);
      return;
    }
    arrive(point);
    return released;
  };
}

/** At once, so that the line is out before the process is gone. */
function tell(line: string): void {
  writeSync(1, `${line}\n`);
}
