/** A whole Waybill for one test file: its own database, task queue, sandbox, worker and API, as separate processes on the shared servers. */

import { randomBytes } from 'node:crypto';
import type { UpdateDefinition } from '@temporalio/common';
import { eq } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import { createSandbox, type Sandbox, type SandboxOptions } from '../../sandbox/create-sandbox.js';
import type { JournalEntry, JournalFilter } from '../../sandbox/journal.js';
import { ladder, type ChannelPolicy, type ContactPointKind } from '../../domain/channel.js';
import type { Content } from '../../domain/content.js';
import type { Disposition } from '../../domain/disposition.js';
import { isEndState } from '../../domain/dispatch.js';
import type { Failure } from '../../domain/failure.js';
import type { TemplateVariable } from '../../domain/template.js';
import { createPlugins } from '../../channels/plugins.js';
import { splitConfig } from '../../channels/secrets.js';
import { normaliseContactPoint } from '../../domain/contact-point.js';
import { insertKey, makeKey } from '../../db/api-keys.js';
import { storeEvents } from '../../db/inbox.js';
import * as schema from '../../db/schema/index.js';
import { type NewDispatch, submitDispatch } from '../../db/submit.js';
import { createSecretBox } from '../../runtime/secret-box.js';
import { connectClient } from '../../runtime/temporal.js';
import { dispatchWorkflowId } from '../../workflows/dispatch-message.contract.js';
import { createTestDatabase, freePort, startProcess, type TestDatabase, type TestProcess, testConfig, testEnvironment, until } from './stack.js';

/** Short rungs, so that a crash is noticed in seconds; milliseconds. */
export const quickLadder = { ...ladder({ connectMs: 300, replyMs: 800, exchangeMs: 1_500, heartbeatMs: 1_000 }), sendDeadlineMs: 2_000, startToCloseMs: 3_000 };

/** In the queued lane, where an attempt can be looked at while it is under way; tests of the express lane ask for it. */
export const quickPolicy: Partial<ChannelPolicy> = {
  ladder: quickLadder,
  retry: { deadlineMs: 20_000, initialMs: 200, maximumMs: 1_000 },
  lane: 'queued',
};

export const phoneNumberId = '100200300';
const appSecret = 'test-app-secret';
const verifyToken = 'test-verify-token';
export const inboundSecret = 'test-inbound-secret';

export interface HouseOptions {
  /** More settings of worker and API. */
  env?: Record<string, string>;
  /** Below dist/. */
  workerEntry?: string;
  withApi?: boolean;
  /** Where the API listens; default: a free port. */
  apiPort?: number;
  /** False: the test starts the worker itself. */
  withWorker?: boolean;
  /** Default: a fresh one on the shared server. */
  database?: TestDatabase;
  sandbox?: SandboxOptions;
}

export type House = Awaited<ReturnType<typeof buildHouse>>;

export async function buildHouse(options: HouseOptions = {}) {
  const database = options.database ?? (await createTestDatabase());
  const sandbox = await createSandbox(options.sandbox);
  const apiPort = options.apiPort ?? (await freePort());
  const settings = {
    databaseUrl: database.url,
    WAYBILL_TASK_QUEUE: `test-${randomBytes(5).toString('hex')}`,
    WAYBILL_PORT: String(apiPort),
    ...options.env,
  };
  const env = testEnvironment(settings);
  const temporal = connectClient(testConfig(settings));
  const processes = new Set<TestProcess>();

  const start = async (entry: string, ready: RegExp, more: Record<string, string> = {}): Promise<TestProcess> => {
    const started = await startProcess({ entry, env: { ...env, ...more }, ready });
    processes.add(started);
    return started;
  };
  const startWorker = (more: Record<string, string> = {}): Promise<TestProcess> => start(options.workerEntry ?? 'bin/worker.js', /worker ready/, more);
  const startApi = (more: Record<string, string> = {}): Promise<TestProcess> => start('bin/api.js', /API ready/, more);

  const house = {
    db: database.handle.db,
    database,
    sandbox,
    temporal,
    env,
    apiUrl: `http://127.0.0.1:${apiPort}`,
    worker: null as TestProcess | null,
    api: null as TestProcess | null,
    startWorker,
    startApi,
    /** A JSON call to the sandbox's control API. */
    control: async (method: string, path: string, body?: unknown): Promise<Record<string, unknown>> => {
      const response = await fetch(`http://127.0.0.1:${sandbox.httpPort}/control${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      });
      return response.status === 204 ? {} : ((await response.json()) as Record<string, unknown>);
    },
    handedOver: (filter: JournalFilter = {}): JournalEntry[] => sandbox.journal.list({ handedOver: true, ...filter }),
    tear: async (): Promise<void> => {
      if (process.env['WAYBILL_TEST_SHOW'] === '1') for (const one of processes) console.log(one.output());
      await Promise.all([...processes].map((one) => one.kill()));
      await temporal.connection.close();
      await sandbox.close();
      await database.drop();
    },
  };
  if (options.withWorker !== false) house.worker = await startWorker();
  if (options.withApi) house.api = await startApi();
  return house;
}

/** An email channel that submits to the sandbox's relay; its id. */
export async function addEmailChannel(house: House, policy: Partial<ChannelPolicy> = quickPolicy): Promise<string> {
  return await addChannel(house, 'email', 'smtp', policy, {
    host: '127.0.0.1',
    port: house.sandbox.smtpPort,
    mailboxes: [{ address: 'service@waybill.test', name: 'Service' }, { address: 'sales@waybill.test' }],
    domain: 'waybill.test',
    inboundSecrets: [inboundSecret],
  });
}

/** A WhatsApp channel on the sandbox's stand-in, whose webhooks go to this house's API; its id. */
export async function addWhatsappChannel(house: House, policy: Partial<ChannelPolicy> = quickPolicy, number: string = phoneNumberId): Promise<string> {
  const id = await addChannel(house, 'whatsapp', 'meta_cloud', policy, {
    phoneNumberId: number,
    accessToken: 'test-token',
    appSecrets: [appSecret],
    verifyToken,
    baseUrl: `http://127.0.0.1:${house.sandbox.httpPort}`,
    apiVersion: 'v23.0',
  });
  await house.control('PUT', `/webhooks/${number}`, { url: `${house.apiUrl}/webhooks/${id}`, appSecret, verifyToken });
  return id;
}

async function addChannel(
  house: House,
  type: 'email' | 'whatsapp',
  provider: string,
  policy: Partial<ChannelPolicy>,
  config: Record<string, unknown>,
): Promise<string> {
  const id = uuidv7();
  const plugin = createPlugins().find(type, provider)!;
  const { open, secrets } = splitConfig(plugin.configSchema, config);
  const sealed = createSecretBox(Buffer.alloc(32, 1)).seal(id, secrets);
  await house.db.insert(schema.channels).values({ id, type, provider, name: `${type} ${id.slice(-4)}`, config: open, policy, ...sealed });
  return id;
}

export interface NewPoint {
  kind: ContactPointKind;
  value: string;
  selected?: boolean;
}

/** A client with these contact points in order; their ids in the same order. */
export async function addClient(house: House, points: NewPoint[], name = 'A client'): Promise<{ clientId: string; points: string[] }> {
  const clientId = uuidv7();
  await house.db.insert(schema.clients).values({ id: clientId, name });
  const rows = points.map((point, position) => {
    const normal = normaliseContactPoint(point.kind, point.value);
    if (!normal.ok) throw new Error(`${point.value} is no ${point.kind}: ${normal.code}`);
    return { id: uuidv7(), clientId, kind: point.kind, value: normal.value, address: normal.address, position, selected: point.selected ?? false };
  });
  if (rows.length > 0) await house.db.insert(schema.contactPoints).values(rows);
  return { clientId, points: rows.map((row) => row.id) };
}

/** The client has written from this contact point: its session window is open. */
export async function openWindow(house: House, channelId: string, contactPointId: string, at: Date = new Date()): Promise<void> {
  await house.db
    .insert(schema.contactPointChannels)
    .values({ contactPointId, channelId, lastInboundAt: at })
    .onConflictDoUpdate({ target: [schema.contactPointChannels.contactPointId, schema.contactPointChannels.channelId], set: { lastInboundAt: at } });
}

export async function addTemplate(
  house: House,
  template: {
    channelId: string | null;
    origin: 'registered' | 'own';
    name: string;
    language?: string;
    status?: 'approved' | 'paused';
    body: string;
    subject?: string;
    header?: string;
    variables?: TemplateVariable[];
    textOnly?: boolean;
  },
): Promise<string> {
  const id = uuidv7();
  const { channelId, origin, name, language = 'en', status = 'approved', body, subject = null, header = null, variables = [], textOnly = true } = template;
  await house.db.insert(schema.templates).values({ id, channelId, origin, name, language, status });
  await house.db.insert(schema.templateVersions).values({ templateId: id, version: 1, subject, header, body, variables, textOnly });
  return id;
}

/** A number that nobody else in this file has; with an ending, one of the sandbox's magic numbers (once, where it counts). */
let phones = 0;
export function freshPhone(ending?: string): string {
  phones += 1;
  return ending === undefined ? `+120255${65_000 + phones}` : `+1202${String(phones).padStart(2, '0')}1${ending}`;
}

export interface Ask {
  clientId: string;
  channelId: string;
  content?: Content;
  disposition?: Disposition | null;
  contactPointId?: string;
  recipientPolicy?: 'ask' | 'priority' | 'explicit';
  role?: 'agent' | 'service';
  senderId?: string;
  key?: string;
  templateVersion?: number;
  deadlines?: Partial<schema.Deadlines>;
}

export const mail = (text = 'Hello', more: Partial<Content> = {}): Content => ({ kind: 'text', text, subject: 'News', ...more });
export const chat = (text = 'Hello'): Content => ({ kind: 'text', text });

/** Accepts a dispatch as the API would; the relay starts it. */
export async function submit(house: House, ask: Ask): Promise<string> {
  const role = ask.role ?? 'agent';
  const senderId = ask.senderId ?? `${role}-1`;
  const request: NewDispatch = {
    principal: senderId,
    idempotencyKey: ask.key ?? uuidv7(),
    bodyHash: 'test',
    to: { clientId: ask.clientId },
    sender: { id: senderId, role },
    submittedBy: senderId,
    parks: role !== 'service',
    revision: {
      channelId: ask.channelId,
      contactPointId: ask.contactPointId ?? null,
      recipientPolicy: ask.recipientPolicy ?? 'ask',
      content: ask.content ?? mail(),
      templateVersion: ask.templateVersion ?? null,
      disposition: ask.disposition === undefined ? null : ask.disposition,
      tagIds: [],
      createdBy: senderId,
    },
    deadlines: { choiceMs: 600_000, decisionMs: 600_000, outcomeMs: 600_000, retryMs: null, ...ask.deadlines },
  };
  const submission = await submitDispatch(house.db, request);
  if (submission.kind !== 'created') throw new Error(`The dispatch was not created: ${submission.kind}.`);
  // The inline start is the API's; here the relay may take the row at once.
  await house.db
    .update(schema.outbox)
    .set({ leasedUntil: new Date(0) })
    .where(eq(schema.outbox.dispatchId, submission.dispatchId));
  return submission.dispatchId;
}

export async function find(house: House, dispatchId: string): Promise<typeof schema.dispatches.$inferSelect> {
  const [row] = await house.db.select().from(schema.dispatches).where(eq(schema.dispatches.id, dispatchId));
  return row!;
}

export async function attemptsOf(house: House, dispatchId: string): Promise<(typeof schema.attempts.$inferSelect)[]> {
  return await house.db.select().from(schema.attempts).where(eq(schema.attempts.dispatchId, dispatchId)).orderBy(schema.attempts.attemptNo);
}

export async function untilEnded(house: House, dispatchId: string, deadlineMs = 60_000): Promise<typeof schema.dispatches.$inferSelect> {
  return await until(
    async () => {
      const row = await find(house, dispatchId);
      return isEndState(row.state) ? row : null;
    },
    { deadlineMs, what: `dispatch ${dispatchId} to end` },
  );
}

export async function untilWaiting(house: House, dispatchId: string, waitingFor: string, deadlineMs = 60_000): Promise<typeof schema.dispatches.$inferSelect> {
  return await until(
    async () => {
      const row = await find(house, dispatchId);
      return row.waitingFor === waitingFor ? row : null;
    },
    { deadlineMs, what: `dispatch ${dispatchId} to wait for ${waitingFor}` },
  );
}

/** The run of a dispatch in Temporal. */
export function runOf(house: House, dispatchId: string) {
  return house.temporal.workflow.getHandle(dispatchWorkflowId(dispatchId));
}

export type { TestDatabase, Sandbox };

/** A later status of a dispatch's latest attempt, as the webhook would store it. */
export async function report(house: House, dispatchId: string, status: 'sent' | 'delivered' | 'read' | 'failed', failure?: Failure): Promise<void> {
  const last = (await attemptsOf(house, dispatchId)).at(-1)!;
  const at = new Date().toISOString();
  const event = { kind: 'receipt', externalId: `wamid-${last.id}`, attemptId: last.id, status, at, ...(failure ? { failure } : {}) };
  await storeEvents(house.db, last.channelId!, [{ eventId: `${last.id}/${status}`, kind: 'receipt', event }]);
}

/** The client writes to us, as the webhook would store it. */
export async function clientWrites(
  house: House,
  channelId: string,
  from: { kind: ContactPointKind; value: string },
  text = 'Hi',
  more: Record<string, unknown> = {},
): Promise<void> {
  const eventId = uuidv7();
  await storeEvents(house.db, channelId, [
    { eventId, kind: 'inbound', event: { kind: 'inbound', externalId: eventId, from, text, at: new Date().toISOString(), ...more } },
  ]);
  await until(async () => (await house.db.select().from(schema.inbox).where(eq(schema.inbox.eventId, eventId)))[0]?.appliedAt, {
    what: 'the inbound message to be applied',
  });
}

export async function threadOf(house: House, dispatchId: string): Promise<typeof schema.threads.$inferSelect | null> {
  const { threadId } = await find(house, dispatchId);
  const [row] = threadId ? await house.db.select().from(schema.threads).where(eq(schema.threads.id, threadId)) : [];
  return row ?? null;
}

/** The code that an update was refused with; `taken` when it was not. */
export async function say<A extends unknown[]>(house: House, dispatchId: string, update: UpdateDefinition<unknown, A>, ...args: A): Promise<string> {
  try {
    await runOf(house, dispatchId).executeUpdate<unknown, [unknown]>(update as never, { args: args as never });
    return 'taken';
  } catch (error) {
    const cause = (error as Error).cause as { type?: string } | undefined;
    if (cause?.type) return cause.type;
    throw error;
  }
}

/** A bearer key: of a service with these scopes, or of a new member of staff. */
export async function addKey(house: House, who: { role: 'agent' | 'supervisor' | 'admin' } | { scopes: string[] }): Promise<{ key: string; senderId: string }> {
  const { key, ...stored } = makeKey();
  if ('scopes' in who) {
    const row = await insertKey(house.db, { ...stored, name: 'A service', staffId: null, scopes: who.scopes, endsAt: null });
    return { key, senderId: row.id };
  }
  const staffId = uuidv7();
  await house.db.insert(schema.staff).values({ id: staffId, name: `A ${who.role}`, role: who.role });
  await insertKey(house.db, { ...stored, name: who.role, staffId, scopes: [], endsAt: null });
  return { key, senderId: staffId };
}

/** A call to the API as its callers make it; rejects when there is no answer. */
export async function call(house: House, key: string, method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${house.apiUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: (text === '' ? {} : JSON.parse(text)) as Record<string, never> & Record<string, unknown> };
}
