/** What the bench uses of the public API. */

import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { channel, channelChange, newChannel } from '../../api/contract/channels.js';
import type { client, newClient } from '../../api/contract/clients.js';
import type { dispatchDetail, dispatchList } from '../../api/contract/dispatch-views.js';
import type { newDispatch } from '../../api/contract/dispatches.js';
import type { newKey, shownKey } from '../../api/contract/installation.js';
import type { newTemplate, template } from '../../api/contract/templates.js';
import { type Call, send } from '../measure/load.js';

/** As it is on the wire: instants are texts there. */
type Wire<T> = T extends Date ? string : T extends (infer One)[] ? Wire<One>[] : T extends object ? { [K in keyof T]: Wire<T[K]> } : T;

export type Channel = Wire<z.output<typeof channel>>;
export type Client = Wire<z.output<typeof client>>;
export type DispatchDetail = Wire<z.output<typeof dispatchDetail>>;
export type DispatchList = Wire<z.output<typeof dispatchList>>;
export type NewChannel = z.input<typeof newChannel>;
export type NewDispatch = z.input<typeof newDispatch>;

/** No caller may ask too often, and each is counted for itself: a busy house has several keys. */
export const serviceKeyCount = 8;

export type AdminApi = ReturnType<typeof createAdminApi>;
export type ServiceApi = ReturnType<typeof createServiceApi>;

/** Sets the installation up. */
export function createAdminApi(url: string, key: string) {
  return {
    createChannel: (body: NewChannel) => ask<Channel>(callOf('POST', `${url}/v1/channels`, key, body)),
    changeChannel: (id: string, body: z.input<typeof channelChange>) => ask<Channel>(callOf('PATCH', `${url}/v1/channels/${id}`, key, body)),
    createTemplate: (body: z.input<typeof newTemplate>) => ask<z.output<typeof template>>(callOf('POST', `${url}/v1/templates`, key, body)),
    createClient: (body: z.input<typeof newClient>) => ask<Client>(callOf('POST', `${url}/v1/clients`, key, body)),
    createKey: (body: z.input<typeof newKey>) => ask<z.output<typeof shownKey>>(callOf('POST', `${url}/v1/api-keys`, key, body)),
    /** The fields that this build knows of a channel's policy. */
    policyFields: async () => {
      const { components } = await ask<{ components: { schemas: { ChannelPolicyChange: { properties: object } } } }>(callOf('GET', `${url}/openapi.json`, key));
      return Object.keys(components.schemas.ChannelPolicyChange.properties);
    },
  };
}

/** Sends; the keys take turns. */
export function createServiceApi(url: string, keys: readonly string[]) {
  let turns = 0;
  const next = (): string => keys[turns++ % keys.length]!;
  return {
    url,
    submit: (body: NewDispatch, idempotencyKey: string) => callOf('POST', `${url}/v1/dispatches`, next(), body, idempotencyKey),
    chooseRecipient: (id: string, contactPointId: string) => callOf('POST', `${url}/v1/dispatches/${id}/recipient-choice`, next(), { contactPointId }),
    findDispatch: (id: string) => ask<DispatchDetail>(callOf('GET', `${url}/v1/dispatches/${id}`, next())),
    listDispatches: (query: string) => ask<DispatchList>(callOf('GET', `${url}/v1/dispatches?${query}`, next())),
  };
}

function callOf(method: Call['method'], url: string, key: string, body?: object, idempotencyKey: string = randomUUID()): Call {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'idempotency-key': idempotencyKey };
  return { method, url, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
}

async function ask<T>(call: Call): Promise<T> {
  const answer = await send(call);
  if (answer.status < 200 || answer.status > 299) throw new Error(`${call.method} ${call.url} answered ${answer.status}: ${answer.body.slice(0, 500)}`);
  return JSON.parse(answer.body) as T;
}
