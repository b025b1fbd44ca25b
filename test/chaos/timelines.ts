/** What the ledger and Temporal tell of the dispatches that something is said against: to be read before both are gone. */

import proto from '@temporalio/proto';
import { inArray } from 'drizzle-orm';
import * as schema from '../../db/schema/index.js';
import { type House, runOf } from '../support/house.js';

/** Enough to begin with. */
const most = 10;

/** Of the dispatches whose ids stand in these texts; empty when none is named. */
export async function timelinesOf(house: House, texts: readonly string[]): Promise<string> {
  const { db } = house;
  const named = texts.flatMap((text) => text.match(/[0-9a-f]{8}-[0-9a-f-]{27}/g) ?? []);
  const rows = named.length === 0 ? [] : await db.select({ id: schema.dispatches.id }).from(schema.dispatches).where(inArray(schema.dispatches.id, named));
  const ids = rows.map((one) => one.id).slice(0, most);
  if (ids.length === 0) return '';
  const { dispatchId, seq } = schema.events;
  const events = await db.select().from(schema.events).where(inArray(dispatchId, ids)).orderBy(dispatchId, seq);
  const told = events.map((one) => `${one.dispatchId} ${one.at.toISOString()} ${one.type} ${JSON.stringify(one.data)}`);
  return [...told, ...(await Promise.all(ids.map((id) => historyOf(house, id))))].join('\n');
}

async function historyOf(house: House, id: string): Promise<string> {
  const history = await runOf(house, id)
    .fetchHistory()
    .catch((error: Error) => error);
  if (history instanceof Error) return `${id} in Temporal: ${history.message}`;
  const line = (one: NonNullable<typeof history.events>[number]): string =>
    `${new Date(Number(one.eventTime?.seconds ?? 0) * 1_000 + (one.eventTime?.nanos ?? 0) / 1e6).toISOString()} ${proto.temporal.api.enums.v1.EventType[one.eventType!]!.replace('EVENT_TYPE_', '')}`;
  return [`${id} in Temporal:`, ...(history.events ?? []).map(line)].join('\n  ');
}
