/** Acceptance: key, client, dispatch, content and the order to start its workflow, in one transaction (R113, H4, H5). */

import { and, eq, sql, TransactionRollbackError } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import type { ContactPointKind } from '../domain/channel.js';
import type { Content } from '../domain/content.js';
import type { Disposition, Sender } from '../domain/disposition.js';
import { type Database, type Queryable, sqlState } from './connect.js';
import { clients, contactPoints, type Deadlines, dispatchRevisions, idempotencyKeys } from './schema/index.js';

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
  | { kind: 'created'; dispatchId: string; clientId: string; sendEpoch: number }
  | { kind: 'repeated'; dispatchId: string }
  | { kind: 'key_reused' }
  /** A twin of this request holds the key and has not committed yet. */
  | { kind: 'in_progress' };

/** Safe to repeat: the same key and body give the same dispatch. A twin waits for the first one's commit, for as long as the pool waits for a lock. */
export async function submitDispatch(db: Database, request: NewDispatch): Promise<Submission> {
  const { to } = request;
  let submission: Submission | null = null;
  try {
    if ('clientId' in to) return await accept(db, request, to.clientId);
    return await db.transaction(async (tx) => {
      submission = (await findFirst(tx, request)) ?? (await accept(tx, request, await findOrCreateClient(tx, to)));
      // A repeat makes no client.
      return submission.kind === 'created' ? submission : tx.rollback();
    });
  } catch (error) {
    if (error instanceof TransactionRollbackError) return submission!;
    if (sqlState(error) === '55P03') return { kind: 'in_progress' };
    throw error;
  }
}

/** Key, dispatch, content, order to start and first event, all or nothing: one statement. */
async function accept(db: Queryable, request: NewDispatch, clientId: string): Promise<Submission> {
  const dispatchId = uuidv7();
  const { principal, idempotencyKey, bodyHash, sender, submittedBy, parks, deadlines, revision } = request;
  const accepted = { senderId: sender.id, submittedBy };
  const [mine] = await db.execute<{ send_epoch: number }>(sql`
    with mine as (
      insert into idempotency_keys (principal, key, body_hash, dispatch_id) values (${principal}, ${idempotencyKey}, ${bodyHash}, ${dispatchId})
      on conflict do nothing returning dispatch_id as id),
    dispatch as (
      insert into dispatches (id, client_id, sender_id, sender_role, submitted_by, parks, deadlines, channel_id, send_epoch)
      select id, ${clientId}::uuid, ${sender.id}, ${sender.role}, ${submittedBy}, ${parks}::boolean, ${JSON.stringify(deadlines)}::jsonb, ${revision.channelId}::uuid,
        coalesce((select send_epoch from installation), 1) from mine
      returning id, send_epoch),
    said as (
      insert into dispatch_revisions
        (dispatch_id, revision, channel_id, contact_point_id, recipient_policy, content, template_version, disposition, tag_ids, created_by)
      select id, 1, ${revision.channelId}::uuid, ${revision.contactPointId}::uuid, ${revision.recipientPolicy}, ${JSON.stringify(revision.content)}::jsonb,
        ${revision.templateVersion}::int, ${revision.disposition === null ? null : JSON.stringify(revision.disposition)}::jsonb,
        array(select jsonb_array_elements_text(${JSON.stringify(revision.tagIds)}::jsonb)), ${revision.createdBy} from mine),
    ordered as (insert into outbox (dispatch_id, kind, leased_until) select id, 'start', now() + interval '2 seconds' from mine),
    told as (insert into events (dispatch_id, type, data) select id, 'dispatch.accepted', ${JSON.stringify(accepted)}::jsonb from mine)
    select send_epoch from dispatch`);
  if (mine) return { kind: 'created', dispatchId, clientId, sendEpoch: mine.send_epoch };
  return (await findFirst(db, request)) ?? { kind: 'in_progress' };
}

/** What the key was used for before; null: for nothing yet. */
async function findFirst(db: Queryable, request: NewDispatch): Promise<Submission | null> {
  const [first] = await db
    .select()
    .from(idempotencyKeys)
    .where(and(eq(idempotencyKeys.principal, request.principal), eq(idempotencyKeys.key, request.idempotencyKey)));
  if (!first) return null;
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

/**
 * Adds the next revision of a dispatch's content and tells its number; it takes force when the workflow says so. A person's pick for
 * the revision `keepsPickOf` holds for it too.
 */
export async function addRevision(db: Database, dispatchId: string, row: NewRevisionRow, keepsPickOf: number | null = null): Promise<number> {
  return await db.transaction(async (tx) => {
    // The lock keeps two people from writing the same number.
    await tx.execute(sql`select 1 from dispatches where id = ${dispatchId} for update`);
    const [last] = await tx
      .select({ revision: sql<number>`max(${dispatchRevisions.revision})::int` })
      .from(dispatchRevisions)
      .where(eq(dispatchRevisions.dispatchId, dispatchId));
    const revision = (last?.revision ?? 0) + 1;
    await tx.insert(dispatchRevisions).values({ dispatchId, revision, ...row });
    if (keepsPickOf !== null) {
      await tx.execute(sql`
        insert into recipient_choices (dispatch_id, revision, contact_point_id, chosen_by, chosen_at)
        select dispatch_id, ${revision}::int, contact_point_id, chosen_by, chosen_at from recipient_choices
        where dispatch_id = ${dispatchId} and revision = ${keepsPickOf}`);
    }
    return revision;
  });
}
