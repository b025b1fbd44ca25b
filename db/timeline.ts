/** The timeline of dispatches as it grows. */

import { and, asc, eq, inArray, ne, sql } from 'drizzle-orm';
import type { DispatchState } from '../domain/dispatch.js';
import type { Queryable } from './connect.js';
import { dispatches, events } from './schema/index.js';

/** Entries of one dispatch that are read at most. */
export const maxTimeline = 2_000;

/** An entry; `seq` rises, but may appear out of order. */
export interface TimelineEvent {
  seq: number;
  type: string;
  data: Record<string, unknown>;
  at: Date;
}

/** The columns of an entry. */
export const timelineColumns = { seq: events.seq, type: events.type, data: events.data, at: events.at };

/**
 * Numbers are given out before they are committed, so a lower one may appear after a higher one: a reader that resumes goes back this
 * far and drops what it knows. Longer than any transaction of ours.
 */
const overlapSeconds = 15;

/** What a stream tells after `seq`; entries of the overlap come again. */
export async function eventsAfter(db: Queryable, dispatchId: string, seq: number): Promise<TimelineEvent[]> {
  const then = sql`(select at from events where dispatch_id = ${dispatchId} and seq = ${seq}) - make_interval(secs => ${overlapSeconds})`;
  return await db
    .select(timelineColumns)
    .from(events)
    .where(and(eq(events.dispatchId, dispatchId), ne(events.seq, seq), sql`(${events.seq} > ${seq} or ${events.at} > ${then})`))
    .orderBy(asc(events.seq))
    .limit(maxTimeline);
}

/** News of one dispatch; `state` is its end state once it has ended. */
export interface DispatchNews {
  dispatchId: string;
  endState: DispatchState | null;
  events: TimelineEvent[];
}

/** The database's own time, to begin reading news at. */
export async function readNow(db: Queryable): Promise<string> {
  const [row] = await db.execute<{ now: string }>(sql`select now()::text as now`);
  return row!.now;
}

/** What is new in these dispatches since `since`, with the overlap; one statement for all of them. `now` is where to go on. */
export async function readNews(db: Queryable, dispatchIds: string[], since: string): Promise<{ now: string; news: DispatchNews[] }> {
  const rows = await db
    .select({ now: sql<string>`now()::text`, dispatchId: dispatches.id, state: dispatches.state, endedAt: dispatches.endedAt, event: timelineColumns })
    .from(dispatches)
    .leftJoin(events, and(eq(events.dispatchId, dispatches.id), sql`${events.at} > ${since}::timestamptz - make_interval(secs => ${overlapSeconds})`))
    .where(inArray(dispatches.id, dispatchIds))
    .orderBy(asc(dispatches.id), asc(events.seq));
  const byId = new Map<string, DispatchNews>();
  for (const { dispatchId, state, endedAt, event } of rows) {
    const news = byId.get(dispatchId) ?? { dispatchId, endState: endedAt ? state : null, events: [] };
    if (event) news.events.push(event);
    byId.set(dispatchId, news);
  }
  return { now: rows[0]?.now ?? since, news: [...byId.values()] };
}
