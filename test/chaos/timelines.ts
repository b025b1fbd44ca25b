/** The timelines of the dispatches that something is said against: to be read before the database is gone. */

import { inArray } from 'drizzle-orm';
import * as schema from '../../db/schema/index.js';
import type { House } from '../support/house.js';
import type { Finding } from './invariants/finding.js';

/** Enough to begin with. */
const most = 10;

export async function timelinesOf({ db }: House, findings: readonly Finding[]): Promise<string> {
  const named = findings.flatMap((one) => one.broken.flatMap((text) => text.match(/[0-9a-f]{8}-[0-9a-f-]{27}/g) ?? []));
  const ids = (await db.select({ id: schema.dispatches.id }).from(schema.dispatches)).map((one) => one.id).filter((id) => named.includes(id));
  if (ids.length === 0) return '';
  const events = await db
    .select()
    .from(schema.events)
    .where(inArray(schema.events.dispatchId, ids.slice(0, most)))
    .orderBy(schema.events.dispatchId, schema.events.seq);
  return events.map((one) => `${one.dispatchId} ${one.at.toISOString()} ${one.type} ${JSON.stringify(one.data)}`).join('\n');
}
