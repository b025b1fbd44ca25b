/** What the models are held against: a real database that keeps every move, the real activities, and a provider that counts its copies. */

import { sql } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import { z } from 'zod';
import type { ActivityDeps } from '../../activities/deps.js';
import { createActivities } from '../../activities/index.js';
import { createSends } from '../../activities/sends.js';
import type { ChannelPlugin, OutboundMessage, SendCtx, SendOutcome } from '../../channels/channel.js';
import { createRegistry } from '../../channels/registry.js';
import type { Database } from '../../db/connect.js';
import { applyInbound } from '../../db/inbound.js';
import { applyReceipt } from '../../db/receipts.js';
import * as schema from '../../db/schema/index.js';
import { submitDispatch } from '../../db/submit.js';
import type { Capabilities, ChannelPolicy } from '../../domain/channel.js';
import type { Failure, FailureClass } from '../../domain/failure.js';
import { createTestDatabase } from '../support/stack.js';

export type ChannelKind = 'email' | 'whatsapp';
export type ReceiptStatus = 'sent' | 'delivered' | 'read' | 'failed';

/** So long that nothing runs out by itself: a test says when time has passed. Milliseconds; the longest that a timer takes is 24 days. */
const hourMs = 3_600_000;
const policy: Partial<ChannelPolicy> = {
  ladder: { connectMs: hourMs, replyMs: hourMs, exchangeMs: hourMs, sendDeadlineMs: 2 * hourMs, startToCloseMs: 500 * hourMs, heartbeatMs: 100 * hourMs },
};

const kinds = { email: 'email', whatsapp: 'phone' } as const;
const plain: Capabilities = {
  text: { maxChars: 1_000 },
  subject: false,
  bcc: false,
  recipientChoice: null,
  template: 'none',
  templateHeader: [],
  templateFooter: false,
  attachments: null,
  addressKinds: ['email'],
  coldStart: true,
  sessionWindowMs: null,
  opensThread: false,
  allowedWithActiveThread: true,
  receipts: {},
  idempotency: { mode: 'none' },
  limits: {},
};
const capabilities: Record<ChannelKind, Capabilities> = {
  email: plain,
  whatsapp: {
    ...plain,
    addressKinds: ['phone'],
    opensThread: true,
    allowedWithActiveThread: false,
    receipts: { sent: 'push', delivered: 'push', read: 'push', failed: 'push' },
  },
};

export const failure = (of: FailureClass): Failure => ({ class: of, scope: 'message', provider: { code: of } });

export type Send = (message: OutboundMessage, ctx: SendCtx<object>) => Promise<SendOutcome>;

/** Both channels, whose provider is this function. */
export function registryOf(send: Send) {
  return createRegistry(
    (['email', 'whatsapp'] as const).map((type): ChannelPlugin<object> => ({
      type,
      provider: 'model',
      configSchema: z.object({}),
      capabilities: () => capabilities[type],
      mailboxes: () => [],
      send,
      classifyError: () => failure('unknown'),
    })),
  );
}

/** One client with a dispatch that has been accepted and not begun. */
export interface Case {
  dispatchId: string;
  clientId: string;
  kind: ChannelKind;
  channelId: string;
  contactPointId: string;
  /** Of the client's contact point. */
  address: string;
}

/** Anything the ledger says of one dispatch. */
export interface Snapshot {
  dispatch: Pick<
    typeof schema.dispatches.$inferSelect,
    'state' | 'endReason' | 'messageStatus' | 'inDoubt' | 'possibleDuplicate' | 'dispositionStatus' | 'waitingFor' | 'threadId'
  >;
  attempts: Pick<typeof schema.attempts.$inferSelect, 'id' | 'attemptNo' | 'state' | 'generation' | 'revision' | 'repeatsAttemptId'>[];
  /** Threads of the client. */
  threads: Pick<typeof schema.threads.$inferSelect, 'id' | 'status' | 'claimedByDispatchId' | 'clientWroteAt' | 'closedBy'>[];
  /** Every change of a state that was committed, in order: of the dispatch where `attemptNo` is null. */
  moves: { attemptNo: number | null; from: string | null; to: string }[];
}

export type Rig = Awaited<ReturnType<typeof buildRig>>;

/** A database of its own with both channels, in which every change of a state leaves a trace, also inside a transaction. */
export async function buildRig(options: { max?: number } = {}) {
  const database = await createTestDatabase(options);
  const { db } = database.handle;
  await db.execute(sql`
    create table moves (seq bigserial primary key, dispatch_id uuid not null, attempt_no int, from_state text, to_state text not null)`);
  await db.execute(sql`create index on moves (dispatch_id)`);
  await db.execute(sql`
    create function keep_move() returns trigger language plpgsql as $$ begin
      if tg_op = 'UPDATE' and old.state = new.state then return new; end if;
      if tg_table_name = 'attempts' then
        insert into moves (dispatch_id, attempt_no, from_state, to_state)
        values (new.dispatch_id, new.attempt_no, case when tg_op = 'UPDATE' then old.state end, new.state);
      else
        insert into moves (dispatch_id, from_state, to_state) values (new.id, case when tg_op = 'UPDATE' then old.state end, new.state);
      end if;
      return new;
    end $$`);
  for (const table of ['attempts', 'dispatches'])
    await db.execute(sql.raw(`create trigger keep_move after insert or update on ${table} for each row execute function keep_move()`));
  const channels = { email: uuidv7(), whatsapp: uuidv7() };
  for (const type of ['email', 'whatsapp'] as const) {
    await db.insert(schema.channels).values({ id: channels[type], type, provider: 'model', name: type, config: {}, policy });
  }
  let made = 0;

  return {
    database,
    db,
    /** The one of each kind that dispatches are accepted for. */
    channels,
    /** Another channel of this kind; its id. */
    addChannel: async (type: ChannelKind): Promise<string> => {
      const id = uuidv7();
      await db.insert(schema.channels).values({ id, type, provider: 'model', name: type, config: {}, policy });
      return id;
    },
    /** Accepts a dispatch of a new client, or of one that has another already. */
    newCase: async (kind: ChannelKind, other?: Case): Promise<Case> => {
      made += 1;
      const address = other?.address ?? (kind === 'email' ? `client${made}@example.test` : `+1202${String(5_550_000 + made)}`);
      const submission = await submitDispatch(db, {
        principal: 'agent-1',
        idempotencyKey: uuidv7(),
        bodyHash: 'a',
        to: { kind: kinds[kind], value: address, address, name: 'A client' },
        sender: { id: 'agent-1', role: 'agent' },
        submittedBy: 'agent-1',
        parks: true,
        revision: revisionOn(channels[kind], kind),
        deadlines: { choiceMs: hourMs, decisionMs: hourMs, outcomeMs: hourMs, retryMs: null },
      });
      if (submission.kind !== 'created') throw new Error(`The dispatch was not created: ${submission.kind}.`);
      const { dispatchId } = submission;
      const [row] = await db.execute<{ client_id: string; point_id: string }>(sql`
        select d.client_id, p.id as point_id from dispatches d join contact_points p on p.client_id = d.client_id where d.id = ${dispatchId}`);
      return { dispatchId, clientId: row!.client_id, kind, channelId: channels[kind], contactPointId: row!.point_id, address };
    },
    /** What the ledger says now, in one statement. */
    snapshot: async ({ dispatchId, clientId }: Pick<Case, 'dispatchId' | 'clientId'>): Promise<Snapshot> => {
      const [row] = await db.execute<{ snapshot: Snapshot }>(sql`
        select json_build_object(
          'dispatch', (select json_build_object('state', state, 'endReason', end_reason, 'messageStatus', message_status, 'inDoubt', in_doubt,
              'possibleDuplicate', possible_duplicate, 'dispositionStatus', disposition_status, 'waitingFor', waiting_for, 'threadId', thread_id)
            from dispatches where id = ${dispatchId}),
          'attempts', (select coalesce(json_agg(json_build_object('id', id, 'attemptNo', attempt_no, 'state', state, 'generation', generation,
              'revision', revision, 'repeatsAttemptId', repeats_attempt_id) order by attempt_no), '[]') from attempts where dispatch_id = ${dispatchId}),
          'threads', (select coalesce(json_agg(json_build_object('id', id, 'status', status, 'claimedByDispatchId', claimed_by_dispatch_id,
              'clientWroteAt', client_wrote_at, 'closedBy', closed_by) order by id), '[]') from threads where client_id = ${clientId}),
          'moves', (select coalesce(json_agg(json_build_object('attemptNo', attempt_no, 'from', from_state, 'to', to_state) order by seq), '[]')
            from moves where dispatch_id = ${dispatchId})) as snapshot`);
      return row!.snapshot;
    },
    drop: database.drop,
  };
}

export const revisionOn = (channelId: string, kind: ChannelKind) => ({
  channelId,
  contactPointId: null,
  recipientPolicy: 'ask' as const,
  content: { kind: 'text' as const, text: 'Hello' },
  templateVersion: null,
  disposition: kind === 'email' ? null : ({ kind: 'close' } as const),
  tagIds: [],
  createdBy: 'agent-1',
});

/** The activities of a worker of their own. `faults` takes what they warn about with an error. */
export function workerOf(worker: Pick<ActivityDeps, 'db' | 'checkpoint'> & { send: Send; faults: (error: unknown) => void }) {
  const { db, checkpoint, send, faults } = worker;
  return createActivities({
    db,
    sends: createSends(),
    checkpoint,
    registry: registryOf(send),
    openCredentials: () => ({}),
    log: { info: () => {}, warn: (facts) => 'err' in facts && faults(facts.err) },
  });
}

/** The provider reports on a copy, by our own id or by its own alone. */
export async function report(
  db: Database,
  channelId: string,
  attemptId: string,
  status: ReceiptStatus,
  byOurId: boolean,
  of: FailureClass = 'suppressed',
): Promise<void> {
  const about = status === 'failed' ? failure(of) : null;
  await db.transaction((tx) =>
    applyReceipt(tx, { channelId, externalId: externalIdOf(attemptId), attemptId: byOurId ? attemptId : null, status, failure: about, at: new Date() }),
  );
}

/** The provider's own id of the copy that it took from an attempt. */
export const externalIdOf = (attemptId: string): string => `its-${attemptId}`;

/** The client writes to us on this channel, from the address that the dispatch goes to. */
export async function clientWrites(db: Database, { kind, channelId, address }: Case): Promise<void> {
  await db.transaction((tx) =>
    applyInbound(tx, {
      channelId,
      from: { kind: kinds[kind], value: address, address },
      canonicalValue: null,
      to: null,
      displayName: null,
      externalId: uuidv7(),
      subject: null,
      text: 'Hi',
      at: new Date(),
    }),
  );
}
