/** Acceptance: key, client, dispatch, content and the order to start its workflow, in one transaction (R113, H4, H5). */

import { and, eq, sql } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import type { ContactPointKind } from '../domain/channel.js';
import type { Content } from '../domain/content.js';
import type { Disposition, Sender } from '../domain/disposition.js';
import { type Database, type Queryable, sqlState } from './connect.js';
import { recordEvent } from './events.js';
import { clients, contactPoints, type Deadlines, dispatches, dispatchRevisions, idempotencyKeys, installation, outbox } from './schema/index.js';

/** What is to be said, how and to whom; a new one for each restart, change of channel or template. */
export interface NewRevisionRow {
  channelId: string | null;
  contactPointId: string | null;
  recipientPolicy: 'ask' | 'priority' | 'explicit';
  content: Content;
  templateVersion: number | null;
  disposition: Disposition | null;
  tagIds: string[];
  createdBy: string;
}

export interface NewDispatch {
  principal: string;
  idempotencyKey: string;
  bodyHash: string;
  /** An existing client, or a normalised contact point whose client is found or made. */
  to: { clientId: string } | { kind: ContactPointKind; value: string; address: string; name: string };
  sender: Sender;
  submittedBy: string;
  parks: boolean;
  revision: NewRevisionRow;
  deadlines: Deadlines;
}

export type Submission =
  | { kind: 'created' | 'repeated'; dispatchId: string }
  | { kind: 'key_reused' }
  /** A twin of this request holds the key and has not committed yet. */
  | { kind: 'in_progress' };

/** How long a concurrent twin waits for the first one's commit, in milliseconds (R98). */
const twinWaitMs = 2_000;

/** Safe to repeat: the same key and body give the same dispatch. */
export async function submitDispatch(db: Database, request: NewDispatch): Promise<Submission> {
  const dispatchId = uuidv7();
  try {
    return await db.transaction(async (tx) => {
      await tx.execute(sql.raw(`set local lock_timeout = ${twinWaitMs}`));
      const { principal, idempotencyKey: key, bodyHash } = request;
      const [mine] = await tx
        .insert(idempotencyKeys)
        .values({ principal, key, bodyHash, dispatchId })
        .onConflictDoNothing()
        .returning({ dispatchId: idempotencyKeys.dispatchId });
      if (!mine) return await readFirst(tx, request);
      const clientId = 'clientId' in request.to ? request.to.clientId : await findOrCreateClient(tx, request.to);
      const [epoch] = await tx.select({ sendEpoch: installation.sendEpoch }).from(installation);
      await tx.insert(dispatches).values({
        id: dispatchId,
        clientId,
        senderId: request.sender.id,
        senderRole: request.sender.role,
        submittedBy: request.submittedBy,
        parks: request.parks,
        deadlines: request.deadlines,
        channelId: request.revision.channelId,
        sendEpoch: epoch?.sendEpoch ?? 1,
      });
      await tx.insert(dispatchRevisions).values({ dispatchId, revision: 1, ...request.revision });
      await tx.insert(outbox).values({ dispatchId, kind: 'start', leasedUntil: sql`now() + interval '2 seconds'` });
      await recordEvent(tx, dispatchId, 'dispatch.accepted', { senderId: request.sender.id, submittedBy: request.submittedBy });
      return { kind: 'created', dispatchId };
    });
  } catch (error) {
    if (sqlState(error) === '55P03') return { kind: 'in_progress' };
    throw error;
  }
}

async function readFirst(tx: Queryable, request: NewDispatch): Promise<Submission> {
  const [first] = await tx
    .select()
    .from(idempotencyKeys)
    .where(and(eq(idempotencyKeys.principal, request.principal), eq(idempotencyKeys.key, request.idempotencyKey)));
  if (!first) return { kind: 'in_progress' };
  return first.bodyHash === request.bodyHash ? { kind: 'repeated', dispatchId: first.dispatchId } : { kind: 'key_reused' };
}

type NewContact = Exclude<NewDispatch['to'], { clientId: string }>;

/** The owner of the contact point, or a new client that owns it; harmless when two callers race (R117). */
export async function findOrCreateClient(tx: Queryable, to: NewContact): Promise<string> {
  const owner = async (): Promise<string | undefined> => {
    const [row] = await tx
      .select({ clientId: contactPoints.clientId })
      .from(contactPoints)
      .where(and(eq(contactPoints.kind, to.kind), eq(contactPoints.value, to.value)));
    return row?.clientId;
  };
  const known = await owner();
  if (known) return known;
  const clientId = uuidv7();
  await tx.insert(clients).values({ id: clientId, name: to.name });
  const [made] = await tx
    .insert(contactPoints)
    .values({ id: uuidv7(), clientId, kind: to.kind, value: to.value, address: to.address, position: 0 })
    .onConflictDoNothing()
    .returning({ id: contactPoints.id });
  if (made) return clientId;
  await tx.delete(clients).where(eq(clients.id, clientId));
  const first = await owner();
  if (!first) throw new Error('A contact point was taken and released while a client was being made.');
  return first;
}

/** Adds the next revision of a dispatch's content and tells its number; it takes force when the workflow says so. */
export async function addRevision(db: Database, dispatchId: string, row: NewRevisionRow): Promise<number> {
  return await db.transaction(async (tx) => {
    // The lock keeps two people from writing the same number.
    await tx.execute(sql`select 1 from dispatches where id = ${dispatchId} for update`);
    const [last] = await tx
      .select({ revision: sql<number>`max(${dispatchRevisions.revision})::int` })
      .from(dispatchRevisions)
      .where(eq(dispatchRevisions.dispatchId, dispatchId));
    const revision = (last?.revision ?? 0) + 1;
    await tx.insert(dispatchRevisions).values({ dispatchId, revision, ...row });
    return revision;
  });
}
