/** What the relay is given. */

import type { Client } from '@temporalio/client';
import type { DatabaseHandle } from '../db/connect.js';

export interface RelayDeps {
  handle: DatabaseHandle;
  temporal: Client;
  taskQueue: string;
  /** Base URL of the API, for the links in Temporal Web. */
  apiUrl: string;
  log: { info(facts: object, sentence: string): void; warn(facts: object, sentence: string): void };
}

/** How long one call to Temporal may take, in milliseconds; a row that was not carried stays for the next round. */
export const callDeadlineMs = 5_000;
