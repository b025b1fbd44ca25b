/** Dispatches as people read them: the list, one in detail, where it stands, and its timeline as it grows. */

import { and, asc, eq, gt, inArray, lt, ne, sql } from 'drizzle-orm';
import type { ContactPointKind } from '../domain/channel.js';
import type { DispatchState, WaitingFor } from '../domain/dispatch.js';
import type { Queryable } from './connect.js';
import { behind, cursorOf, newestFirst, type Page, pageOf, type PageRequest } from './paging.js';
import { attemptRecipients, attempts, clients, contactPoints, dispatches, dispatchRevisions, events } from './schema/index.js';

const columns = {
  id: dispatches.id,
  clientId: dispatches.clientId,
  senderId: dispatches.senderId,
  senderRole: dispatches.senderRole,
  submittedBy: dispatches.submittedBy,
  state: dispatches.state,
  waitingFor: dispatches.waitingFor,
  waitingSince: dispatches.waitingSince,
  dueAt: dispatches.dueAt,
  endReason: dispatches.endReason,
  endedAt: dispatches.endedAt,
  channelId: dispatches.channelId,
  contactPointId: dispatches.contactPointId,
  threadId: dispatches.threadId,
  messageStatus: dispatches.messageStatus,
  inDoubt: dispatches.inDoubt,
  possibleDuplicate: dispatches.possibleDuplicate,
  dispositionStatus: dispatches.dispositionStatus,
  dispositionReason: dispatches.dispositionReason,
  runId: dispatches.runId,
  createdAt: dispatches.createdAt,
  updatedAt: dispatches.updatedAt,
};

export type StoredDispatch = Pick<typeof dispatches.$inferSelect, keyof typeof columns>;

export interface DispatchFilter {
  state?: DispatchState | undefined;
  waitingFor?: WaitingFor | undefined;
  clientId?: string | undefined;
  channelId?: string | undefined;
  senderId?: string | undefined;
  createdAfter?: Date | undefined;
  createdBefore?: Date | undefined;
}

/** Newest first. */
export async function listDispatches(db: Queryable, filter: DispatchFilter, page: PageRequest): Promise<Page<StoredDispatch>> {
  const rows = await db
    .select({ ...columns, cursor: cursorOf(dispatches) })
    .from(dispatches)
    .where(
      and(
        behind(dispatches, page.after),
        filter.state === undefined ? undefined : eq(dispatches.state, filter.state),
        filter.waitingFor === undefined ? undefined : eq(dispatches.waitingFor, filter.waitingFor),
        filter.clientId === undefined ? undefined : eq(dispatches.clientId, filter.clientId),
        filter.channelId === undefined ? undefined : eq(dispatches.channelId, filter.channelId),
        filter.senderId === undefined ? undefined : eq(dispatches.senderId, filter.senderId),
        filter.createdAfter === undefined ? undefined : gt(dispatches.createdAt, filter.createdAfter),
        filter.createdBefore === undefined ? undefined : lt(dispatches.createdAt, filter.createdBefore),
      ),
    )
    .orderBy(newestFirst(dispatches))
    .limit(page.limit + 1);
  return pageOf(rows, page.limit);
}

/** The dispatch alone, or null. */
export async function findDispatch(db: Queryable, id: string): Promise<StoredDispatch | null> {
  const [row] = await db.select(columns).from(dispatches).where(eq(dispatches.id, id));
  return row ?? null;
}

export type StoredRevision = typeof dispatchRevisions.$inferSelect;
type StoredAttempt = typeof attempts.$inferSelect;

export interface DispatchDetail {
  dispatch: StoredDispatch & Pick<typeof dispatches.$inferSelect, 'verdict' | 'revision' | 'deadlines'> & { clientName: string };
  revision: StoredRevision;
  attempts: (StoredAttempt & { recipients: (typeof attemptRecipients.$inferSelect)[] })[];
  timeline: TimelineEvent[];
  /** The client's contact points, to show what the candidates stand for. */
  contactPoints: { id: string; kind: ContactPointKind; address: string }[];
}

/** A dispatch retries for 24 h at most, so that these bounds show all of an ordinary one and cap a strange one. */
const maxAttempts = 500;
const maxTimeline = 2_000;

/** All that is known of one dispatch, in five statements of one round each; null when there is none. */
export async function findDispatchDetail(db: Queryable, id: string): Promise<DispatchDetail | null> {
  const [found, tried, timeline] = await Promise.all([
    db
      .select({
        dispatch: { ...columns, verdict: dispatches.verdict, revision: dispatches.revision, deadlines: dispatches.deadlines, clientName: clients.name },
        revision: dispatchRevisions,
      })
      .from(dispatches)
      .innerJoin(clients, eq(clients.id, dispatches.clientId))
      .innerJoin(dispatchRevisions, and(eq(dispatchRevisions.dispatchId, dispatches.id), eq(dispatchRevisions.revision, dispatches.revision)))
      .where(eq(dispatches.id, id)),
    db.select().from(attempts).where(eq(attempts.dispatchId, id)).orderBy(asc(attempts.attemptNo)).limit(maxAttempts),
    db.select(timelineColumns).from(events).where(eq(events.dispatchId, id)).orderBy(asc(events.seq)).limit(maxTimeline),
  ]);
  const [row] = found;
  if (!row) return null;
  const [recipients, points] = await Promise.all([
    tried.length === 0
      ? []
      : db
          .select()
          .from(attemptRecipients)
          .where(inArray(attemptRecipients.attemptId, tried.map((one) => one.id)))
          .orderBy(asc(attemptRecipients.position)),
    db
      .select({ id: contactPoints.id, kind: contactPoints.kind, address: contactPoints.address })
      .from(contactPoints)
      .where(eq(contactPoints.clientId, row.dispatch.clientId)),
  ]);
  return {
    ...row,
    attempts: tried.map((attempt) => ({ ...attempt, recipients: recipients.filter((one) => one.attemptId === attempt.id) })),
    timeline,
    contactPoints: points,
  };
}

/** Where a dispatch stands and what it says now; the ground for answering a message to it without its run, and for a new revision. */
export interface DispatchStanding {
  id: string;
  clientId: string;
  senderId: string;
  senderRole: StoredDispatch['senderRole'];
  state: DispatchState;
  waitingFor: WaitingFor | null;
  endReason: string | null;
  /** A person has picked a recipient for the revision in force. */
  chosen: boolean;
  /** A provider has accepted an attempt. */
  accepted: boolean;
  revision: StoredRevision;
}

/** Null when there is no such dispatch. */
export async function findStanding(db: Queryable, id: string): Promise<DispatchStanding | null> {
  const [row] = await db
    .select({
      id: dispatches.id,
      clientId: dispatches.clientId,
      senderId: dispatches.senderId,
      senderRole: dispatches.senderRole,
      state: dispatches.state,
      waitingFor: dispatches.waitingFor,
      endReason: dispatches.endReason,
      chosen: sql<boolean>`exists (select 1 from recipient_choices c where c.dispatch_id = ${dispatches.id} and c.revision = ${dispatches.revision})`,
      accepted: sql<boolean>`exists (select 1 from attempts a where a.dispatch_id = ${dispatches.id} and a.state in ('accepted', 'reconciled_sent'))`,
      revision: dispatchRevisions,
    })
    .from(dispatches)
    .innerJoin(dispatchRevisions, and(eq(dispatchRevisions.dispatchId, dispatches.id), eq(dispatchRevisions.revision, dispatches.revision)))
    .where(eq(dispatches.id, id));
  return row ?? null;
}

export interface TimelineEvent {
  seq: number;
  type: string;
  data: Record<string, unknown>;
  at: Date;
}

const timelineColumns = { seq: events.seq, type: events.type, data: events.data, at: events.at };

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
