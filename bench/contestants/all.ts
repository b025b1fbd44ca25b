/** All who can take part, by name. */

import type { ContestantName } from '../settings.js';
import type { Contestant } from './contestant.js';
import { plain } from './plain.js';
import { waybill } from './waybill.js';

export const contestants: Record<ContestantName, Contestant> = {
  express: waybill('express'),
  queued: waybill('queued'),
  bare: plain('bare', 'bare workflow, one activity', 'bare'),
  eager: plain('eager', 'bare workflow, eager start', 'bare', true),
  five: plain('five', 'five activities in sequence', 'five'),
};
