/** Waybill in its two lanes, run and spoken to as anybody would. */

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sendAll } from '../measure/load.js';
import { inProject } from '../stack/paths.js';
import type { Stack } from '../stack/stack.js';
import { addressOf, clientCount, type Contestant, mail, nameOf, type Orders } from './contestant.js';
import type { Entrant } from './entrant.js';
import { type AdminApi, createAdminApi, createServiceApi, type NewChannel, type ServiceApi, serviceKeyCount } from './waybill-api.js';

export type Lane = 'express' | 'queued';

/** What an installation is known by; kept beside its database. */
export interface House {
  adminKey: string;
  serviceKeys: string[];
  channelId: string;
  templateId: string;
  clientIds: string[];
  /** False: this build has one lane only, the queued one. */
  hasLanes: boolean;
}

/** Express: API and worker in one process, whatever the channel lets by. Queued: two processes, and each send by way of a task queue. */
export function waybill(lane: Lane): Contestant {
  const name = lane;
  return {
    name,
    title: lane === 'express' ? 'Waybill, express' : 'Waybill, queued',
    database: `waybill_${lane}`,
    taskQueue: `waybill-${lane}`,
    install: async (stack, database) => {
      const { stdout } = await promisify(execFile)(process.execPath, [inProject('docker', 'install.mjs')], { env: { DATABASE_URL: database } });
      const adminKey = /\bwb_\S+/.exec(stdout)?.[0];
      if (adminKey === undefined) throw new Error(`The installation told no key:\n${stdout}`);
      const key = (): string => randomBytes(32).toString('base64');
      keep(stack, lane, { adminKey, masterKey: key(), codecKeys: `bench:${key()}` });
    },
    processes:
      lane === 'express'
        ? [{ name, entry: 'dist/bin/waybill.js', readyPath: '/readyz' }]
        : [
            { name: 'api', entry: 'dist/bin/api.js', readyPath: '/readyz' },
            { name: 'worker', entry: 'dist/bin/worker.js', readyPath: '/readyz' },
          ],
    wiring: (stack, database, ports) => {
      const { masterKey, codecKeys } = recall(stack, lane);
      const env = {
        DATABASE_URL: database,
        TEMPORAL_ADDRESS: stack.temporal.address,
        WAYBILL_TASK_QUEUE: `waybill-${lane}`,
        WAYBILL_MASTER_KEY: masterKey!,
        WAYBILL_CODEC_KEYS: codecKeys!,
        WAYBILL_PORT: String(ports[0]),
        WAYBILL_METRICS_PORT: String(ports[1] ?? 0),
      };
      return { env };
    },
    prepare: async (stack, _database, urls) => {
      const house = await furnish(stack, lane, urls[0]!);
      return ordersOf(house, createServiceApi(urls[0]!, house.serviceKeys));
    },
  };
}

/** Null for anybody else. */
export function laneOf({ name }: Pick<Contestant, 'name'>): Lane | null {
  return name === 'express' || name === 'queued' ? name : null;
}

/** How one is given a message through this channel. */
export function ordersOf(house: House, api: ServiceApi): Orders {
  const { channelId, templateId, clientIds } = house;
  return {
    submit: ({ token, index }) => {
      const clientId = clientIds[index % clientIds.length]!;
      return api.submit({ clientId, channelId, content: { kind: 'template', templateId, variables: { order: token, name: nameOf(index) } } }, token);
    },
    workflowIdOf: ({ id }) => `dispatch/${id}`,
  };
}

/** The house of a Waybill that was prepared on this stack, and its API; throws for anybody else. */
export function houseOf(stack: Stack, entrant: Pick<Entrant, 'contestant' | 'urls'>): { lane: Lane; house: House; admin: AdminApi; service: ServiceApi } {
  const lane = laneOf(entrant.contestant);
  if (lane === null) throw new Error(`This part is about Waybill alone; ${entrant.contestant.name} cannot take part.`);
  const house = recall(stack, lane) as unknown as House;
  const [url] = entrant.urls as [string];
  return { lane, house, admin: createAdminApi(url, house.adminKey), service: createServiceApi(url, house.serviceKeys) };
}

/** A channel that submits to the sink, in this lane. */
export function mailChannel(stack: Stack, lane: Lane, hasLanes: boolean, name: string, policy: object = {}): NewChannel {
  return {
    type: 'email',
    provider: 'smtp',
    name,
    config: {
      host: '127.0.0.1',
      port: stack.sink.port,
      domain: 'example.test',
      mailboxes: [{ address: 'shop@example.test', name: 'Shop' }],
      inboundSecrets: ['a-secret-that-nobody-uses'],
    },
    policy: { ...policy, ...(hasLanes ? { lane: lane === 'queued' ? 'queued' : 'auto' } : {}) } as NonNullable<NewChannel['policy']>,
  };
}

/** Everything through the public API; done once for a database. */
async function furnish(stack: Stack, lane: Lane, url: string): Promise<House> {
  const known = recall(stack, lane) as unknown as House;
  const admin = createAdminApi(url, known.adminKey);
  if (known.channelId !== undefined) {
    // The sink listens elsewhere each time.
    await admin.changeChannel(known.channelId, { config: { port: stack.sink.port } });
    return known;
  }
  const hasLanes = (await admin.policyFields()).includes('lane');
  const channel = await admin.createChannel(mailChannel(stack, lane, hasLanes, 'Shop mail'));
  const variables = [
    { name: 'order', type: 'text' as const },
    { name: 'name', type: 'text' as const },
  ];
  const template = await admin.createTemplate({ origin: 'own', name: 'order_ready', language: 'en', ...mail, variables });
  const clients = await sendAll(clientCount, 16, (index) =>
    admin.createClient({ name: nameOf(index), contactPoints: [{ kind: 'email', value: addressOf(index) }] }),
  );
  const keys = await sendAll(serviceKeyCount, 1, (index) => admin.createKey({ name: `Bench ${index}`, scopes: ['send', 'read', 'clients'] }));
  const house: House = {
    adminKey: known.adminKey,
    serviceKeys: keys.map((one) => one.key),
    channelId: channel.id,
    templateId: template.id,
    clientIds: clients.map((one) => one.id),
    hasLanes,
  };
  keep(stack, lane, { ...recall(stack, lane), ...house });
  return house;
}

const fileOf = (stack: Stack, lane: Lane): string => join(stack.folder, `waybill-${lane}.json`);

function keep(stack: Stack, lane: Lane, notes: object): void {
  writeFileSync(fileOf(stack, lane), JSON.stringify(notes), { mode: 0o600 });
}

function recall(stack: Stack, lane: Lane): Record<string, string> {
  const file = fileOf(stack, lane);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>) : {};
}
