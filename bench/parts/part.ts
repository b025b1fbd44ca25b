/** What a part of the bench is given. */

import { contestants } from '../contestants/all.js';
import type { Contestant } from '../contestants/contestant.js';
import type { Report } from '../report.js';
import type { ContestantName, Settings } from '../settings.js';

export interface Bench {
  settings: Settings;
  report: Report;
  /** Says how far it is; not part of the report. */
  note(text: string): void;
}

export type Part = (bench: Bench) => Promise<void>;

/** Those who were named, else those that the part is about. */
export function participants({ settings }: Bench, usual: readonly ContestantName[]): Contestant[] {
  return (settings.contestants ?? usual).map((name) => contestants[name]);
}
