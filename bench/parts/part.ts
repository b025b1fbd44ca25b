/** What a part of the bench is given. */

import { contestants } from '../contestants/all.js';
import type { Contestant } from '../contestants/contestant.js';
import type { Entrant } from '../contestants/entrant.js';
import { houseOf, laneOf } from '../contestants/waybill.js';
import type { Report } from '../report.js';
import type { ContestantName, Settings } from '../settings.js';
import type { Stack } from '../stack/stack.js';

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

/** Says so when what is called express here is not. */
export function tellMissingLanes({ report }: Bench, stack: Stack, entrants: readonly Entrant[]): void {
  const express = entrants.find(({ contestant }) => laneOf(contestant) === 'express');
  if (express && !houseOf(stack, express).house.hasLanes)
    report.say('This build has no lanes: “express” is the queued lane with API and worker in one process.');
}
