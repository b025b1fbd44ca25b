/** A lock file that names the process which holds it, so that a lock of a process that was killed is held by nobody. */

import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { identify, isRunning, type ProcessIdentity } from './processes.js';

/** Takes the lock for this process; false when another one holds it. */
export function takeLock(file: string): boolean {
  if (holderOf(file) === null) rmSync(file, { force: true });
  const mine = `${file}.${process.pid}`;
  writeFileSync(mine, JSON.stringify(identify(process.pid)));
  try {
    // A link appears together with its content, so nobody reads a lock that is half written.
    linkSync(mine, file);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(mine);
  }
}

/** The running process that holds the lock; null: nobody. */
export function holderOf(file: string): ProcessIdentity | null {
  try {
    const holder = JSON.parse(readFileSync(file, 'utf8')) as ProcessIdentity;
    return isRunning(holder) ? holder : null;
  } catch {
    return null;
  }
}
