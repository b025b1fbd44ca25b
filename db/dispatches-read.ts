/** Dispatches as people read them: the list, one in detail, where it stands, and its timeline as it grows. */

import { and, asc, eq, gt, inArray, lt } from 'drizzle-orm';
import type { ContactPointKind } from '../domain/channel.js';
import type { DispatchState, WaitingFor } from '../domain/dispatch.js';
import type { Queryable } from './connect.js';
import { behind, cursorOf, newestFirst, type Page, pageOf, type PageRequest } from './paging.js';
import { maxTimeline, timelineColumns, type TimelineEvent } from './timeline.js';
import { attemptRecipients, attempts, clients, contactPoints, dispatches, dispatchRevisions, events } from './schema/index.js';

/** What a dispatch is shown by, in short. */
export const dispatchColumns = {
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

export type StoredDispatch = Pick<typeof dispatches.$inferSelect, keyof typeof dispatchColumns>;

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
    .select({ ...dispatchColumns, cursor: cursorOf(dispatches) })
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
  const [row] = await db.select(dispatchColumns).from(dispatches).where(eq(dispatches.id, id));
  return row ?? null;
}

type StoredAttempt = typeof attempts.$inferSelect;

export interface DispatchDetail {
  dispatch: StoredDispatch & Pick<typeof dispatches.$inferSelect, 'verdict' | 'revision' | 'deadlines'> & { clientName: string };
  revision: typeof dispatchRevisions.$inferSelect;
  attempts: (StoredAttempt & { recipients: (typeof attemptRecipients.$inferSelect)[] })[];
  timeline: TimelineEvent[];
  /** The client's contact points, to show what the candidates stand for. */
  contactPoints: { id: string; kind: ContactPointKind; address: string }[];
}

/** A dispatch retries for 24 h at most: this shows all of an ordinary one and caps a strange one. */
const maxAttempts = 500;

/** All that is known of one dispatch, in two rounds of a few statements each; null when there is none. */
export async function findDispatchDetail(db: Queryable, id: string): Promise<DispatchDetail | null> {
  const [found, tried, timeline] = await Promise.all([
    db
      .select({
        dispatch: { ...dispatchColumns, verdict: dispatches.verdict, revision: dispatches.revision, deadlines: dispatches.deadlines, clientName: clients.name },
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
          .where(
            inArray(
              attemptRecipients.attemptId,
              tried.map((one) => one.id),
            ),
          )
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
