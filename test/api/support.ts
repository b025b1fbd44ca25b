/** The API on a database of its own, with keys of every role and a Temporal that records what it is asked. */

import { ApplicationFailure, WorkflowNotFoundError } from '@temporalio/common';
import { WorkflowUpdateFailedError } from '@temporalio/client';
import type { Application } from 'express';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import supertest from 'supertest';
import { createApp } from '../../api/app.js';
import { type ApiDeps, defaultLimits } from '../../api/deps.js';
import { createPlugins } from '../../channels/plugins.js';
import { insertKey, makeKey } from '../../db/api-keys.js';
import { insertChannel, newChannelId, type StoredChannel } from '../../db/channels.js';
import { createClient } from '../../db/clients.js';
import type { Database } from '../../db/connect.js';
import { createStaff } from '../../db/staff.js';
import { normaliseContactPoint } from '../../domain/contact-point.js';
import type { ContactPointKind } from '../../domain/channel.js';
import type { RefusalCode } from '../../domain/codes.js';
import { splitConfig } from '../../channels/secrets.js';
import { createSecretBox } from '../../runtime/secret-box.js';
import { createTestDatabase, type TestDatabase } from '../support/stack.js';

export type Role = 'agent' | 'supervisor' | 'admin' | 'service' | 'reader';

interface Start {
  type: string;
  options: { workflowId: string; args: unknown[]; taskQueue: string };
}

interface Update {
  workflowId: string;
  name: string;
  args: unknown[];
  updateId: string;
}

/** Plays Temporal: what it answers can be set, what it was asked is kept. */
export class FakeTemporal {
  starts: Start[] = [];
  updates: Update[] = [];
  onStart: (start: Start) => Promise<void> = async () => {};
  onUpdate: (update: Update) => Promise<unknown> = async () => ({ state: 'checking', waitingFor: null });
  healthy = true;

  withDeadline = <R>(_deadline: number | Date, call: () => Promise<R>): Promise<R> => call();
  connection = {
    workflowService: {
      getSystemInfo: async () => {
        if (!this.healthy) throw new Error('no server');
      },
    },
  };
  workflow = {
    start: async (type: string, options: Start['options']) => {
      const start = { type, options };
      this.starts.push(start);
      await this.onStart(start);
      return { firstExecutionRunId: `run-of-${options.workflowId}` };
    },
    getHandle: (workflowId: string) => ({
      executeUpdate: async (definition: { name: string }, { args, updateId }: { args: unknown[]; updateId: string }) => {
        const update = { workflowId, name: definition.name, args, updateId };
        this.updates.push(update);
        return await this.onUpdate(update);
      },
    }),
  };
}

/** What a workflow's own refusal looks like to the client. */
export function refusedUpdate(code: RefusalCode | 'AcceptedUpdateCompletedWorkflow', details: object = {}): WorkflowUpdateFailedError {
  return new WorkflowUpdateFailedError('refused', ApplicationFailure.create({ type: code, message: 'no', details: [details] }));
}

export function noSuchRun(workflowId: string): WorkflowNotFoundError {
  return new WorkflowNotFoundError('not found', workflowId, undefined);
}

export interface TestApi {
  app: Application;
  deps: ApiDeps;
  db: Database;
  database: TestDatabase;
  temporal: FakeTemporal;
  /** Everything that was logged, as text. */
  logged(): string;
  staff: Record<'agent' | 'supervisor' | 'admin', { id: string; key: string }>;
  /** `service`: all scopes but admin. `reader`: only `read`. */
  service: Record<'service' | 'reader', { id: string; key: string }>;
  /** A request in the name of a role. */
  as(role: Role): ReturnType<typeof supertest.agent>;
  /** A request without a key. */
  anonymous: ReturnType<typeof supertest.agent>;
  close(): Promise<void>;
}

export async function startTestApi(change: Partial<Omit<ApiDeps, 'limits'>> & { limits?: Partial<ApiDeps['limits']> } = {}): Promise<TestApi> {
  const database = await createTestDatabase({ max: 20 });
  const { db } = database.handle;
  const temporal = new FakeTemporal();
  const lines: string[] = [];
  const stopping = new AbortController();
  const deps: ApiDeps = {
    db,
    temporal: temporal as never,
    ownWorker: () => null,
    taskQueue: 'test',
    publicUrl: 'http://api.test',
    channels: createPlugins(),
    secretBox: createSecretBox(Buffer.alloc(32, 1)),
    logger: pino({ level: 'info' }, { write: (line: string) => void lines.push(line) }),
    metrics: new Registry(),
    temporalUi: { url: 'http://ui.test', namespace: 'default' },
    codec: null,
    devLogin: false,
    checkpoint: async () => {},
    stopping: stopping.signal,
    ...change,
    // A busy machine is no reason to give up; what tests the deadline sets its own.
    limits: { ...defaultLimits, requestMs: 30_000, ...change.limits },
  };
  const app = createApp(deps);
  const person = async (role: 'agent' | 'supervisor' | 'admin') => {
    const { id } = await createStaff(db, { name: `A ${role}`, role });
    return { id, key: await keyOf(db, id, []) };
  };
  const staff = { agent: await person('agent'), supervisor: await person('supervisor'), admin: await person('admin') };
  const service = {
    service: await serviceKey(db, ['read', 'send', 'clients', 'act_on_behalf']),
    reader: await serviceKey(db, ['read']),
  };
  const keys: Record<Role, string> = {
    agent: staff.agent.key,
    supervisor: staff.supervisor.key,
    admin: staff.admin.key,
    service: service.service.key,
    reader: service.reader.key,
  };
  return {
    app,
    deps,
    db,
    database,
    temporal,
    logged: () => lines.join(''),
    staff,
    service,
    as: (role) => supertest.agent(app).set('Authorization', `Bearer ${keys[role]}`) as never,
    anonymous: supertest.agent(app),
    close: async () => {
      stopping.abort();
      await deps.channels.close();
      await database.drop();
    },
  };
}

async function keyOf(db: Database, staffId: string | null, scopes: string[]): Promise<string> {
  const { key, ...stored } = makeKey();
  await insertKey(db, { ...stored, name: 'test', staffId, scopes, endsAt: null });
  return key;
}

async function serviceKey(db: Database, scopes: string[]): Promise<{ id: string; key: string }> {
  const { key, ...stored } = makeKey();
  const row = await insertKey(db, { ...stored, name: 'test', staffId: null, scopes, endsAt: null });
  return { id: row.id, key };
}

export const emailConfig = {
  host: '127.0.0.1',
  port: 2525,
  mailboxes: [{ address: 'support@example.test' }, { address: 'sales@example.test' }],
  domain: 'example.test',
  inboundSecrets: ['inbound-secret-of-the-tests'],
};

export const whatsappConfig = {
  phoneNumberId: '15550100000',
  accessToken: 'token-of-the-tests',
  appSecrets: ['app-secret-of-the-tests'],
  verifyToken: 'verify-token-of-the-tests',
  baseUrl: 'http://127.0.0.1:1',
};

/** Puts a channel into the database as the API would. */
export async function addChannel(api: TestApi, type: 'email' | 'whatsapp'): Promise<StoredChannel> {
  const [provider, config] = type === 'email' ? ['smtp', emailConfig] : ['meta_cloud', whatsappConfig];
  const plugin = api.deps.channels.find(type, provider as string)!;
  const id = newChannelId();
  const { open, secrets } = splitConfig(plugin.configSchema, plugin.configSchema.parse(config) as Record<string, unknown>);
  return await insertChannel(api.db, { id, type, provider: provider as string, name: type, config: open, ...api.deps.secretBox.seal(id, secrets) });
}

/** A client with these contact points; its id. */
export async function addClient(api: TestApi, ...points: [ContactPointKind, string][]): Promise<string> {
  const contactPoints = points.map(([kind, text]) => {
    const read = normaliseContactPoint(kind, text);
    if (!read.ok) throw new Error(`${text} is no ${kind}.`);
    return { kind, value: read.value, address: read.address, selected: false };
  });
  const made = await createClient(api.db, { name: 'Client of a test', contactPoints });
  if (made.kind !== 'created') throw new Error('The contact point is taken.');
  return made.clientId;
}

let keyNumber = 0;
/** A new idempotency key. */
export function newKey(): string {
  keyNumber += 1;
  return `key-${process.pid}-${keyNumber}`;
}

/** A valid email submit for this client. */
export function emailBody(clientId: string, channelId: string): Record<string, unknown> {
  return { clientId, channelId, content: { kind: 'text', subject: 'Order 1', text: 'It is ready.' } };
}
