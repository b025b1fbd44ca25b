/** Where a dispatch stands, for whoever wants to tell it something. */

import { and, eq, sql } from 'drizzle-orm';
import type { SenderRole } from '../domain/disposition.js';
import type { DispatchState, WaitingFor } from '../domain/dispatch.js';
import type { Queryable } from './connect.js';
import { dispatches, dispatchRevisions, recipientChoices } from './schema/index.js';

/** Where a dispatch stands and what it says now; the ground for answering a message to it without its run, and for a new revision. */
export interface DispatchStanding {
  id: string;
  clientId: string;
  senderId: string;
  senderRole: SenderRole;
  state: DispatchState;
  waitingFor: WaitingFor | null;
  endReason: string | null;
  /** What a person has picked for the revision in force. */
  choice: Pick<typeof recipientChoices.$inferSelect, 'contactPointId' | 'chosenBy' | 'chosenAt'> | null;
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
      choice: { contactPointId: recipientChoices.contactPointId, chosenBy: recipientChoices.chosenBy, chosenAt: recipientChoices.chosenAt },
      accepted: sql<boolean>`exists (select 1 from attempts a where a.dispatch_id = ${dispatches.id} and a.state in ('accepted', 'reconciled_sent'))`,
      revision: dispatchRevisions,
    })
    .from(dispatches)
    .innerJoin(dispatchRevisions, and(eq(dispatchRevisions.dispatchId, dispatches.id), eq(dispatchRevisions.revision, dispatches.revision)))
    .leftJoin(recipientChoices, and(eq(recipientChoices.dispatchId, dispatches.id), eq(recipientChoices.revision, dispatches.revision)))
    .where(eq(dispatches.id, id));
  return row ?? null;
}
