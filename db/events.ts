/** The timeline of a dispatch: facts with ids and codes, never an address or a text. */

import type { Queryable } from './connect.js';
import { events } from './schema/index.js';

/** Adds one entry; `type` is `noun.past-verb`. */
export async function recordEvent(db: Queryable, dispatchId: string, type: string, data: Record<string, unknown> = {}): Promise<void> {
  await db.insert(events).values({ dispatchId, type, data });
}
