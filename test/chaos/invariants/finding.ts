/** What the judge says of one invariant. */

import type { Account } from '../accounts.js';
import { keyOf } from '../diary.js';
import type { Evidence } from '../evidence.js';

export interface Finding {
  /** I1 to I14, or nothing for what a campaign asks besides. */
  no: string;
  what: string;
  /** One sentence for each time it did not hold. */
  broken: string[];
  /** Out of how many, and of what. */
  of: number;
  unit: string;
  /** What stands beside a zero. */
  beside?: string;
}

export type Invariant = (evidence: Evidence) => Finding;

/** A dispatch as its lines are to be read: id, key, state, attempts. */
export function tell({ diary }: Evidence, { row, attempts, copies }: Account): string {
  const states = attempts.map((one) => one.state).join(', ');
  return `${row.id} (${keyOf(diary, row.id)}) ${row.state}/${row.waitingFor ?? '-'} ${row.endReason ?? '-'} [${states}] ${copies.length} handed over`;
}
