/** Where a dispatch stands, for whoever wants to tell it something. */

import { and, eq, sql } from 'drizzle-orm';
import type { SenderRole } from '../domain/disposition.js';
import type { DispatchState, WaitingFor } from '../domain/dispatch.js';
import type { Queryable } from './connect.js';
import { dispatches, dispatchRevisions } from './schema/index.js';

/** Where a dispatch stands and what it says now; the ground for answering a message to it without its run, and for a new revision. */
export interface DispatchStanding {
  id: string;
  clientId: string;
  senderId: string;
  senderRole: SenderRole;
  state: DispatchState;
  waitingFor: WaitingFor | null;
  endReason: string | null;
  /** A person has picked a recipient for the revision in force. */
  chosen: boolean;
  /** A provider has accepted an attempt. */
  accepted: boolean;
  revision: typeof dispatchRevisions.$inferSelect;
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
