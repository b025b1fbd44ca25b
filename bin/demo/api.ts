/** What the demo uses of the public API, in the name of one member of staff. */

import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { channel } from '../../api/contract/channels.js';
import type { client } from '../../api/contract/clients.js';
import type { dispatchDetail } from '../../api/contract/dispatch-views.js';
import type { newDispatch } from '../../api/contract/dispatches.js';
import type { thread } from '../../api/contract/threads.js';
import { ask, call, type Method } from './http.js';

export type Channel = z.output<typeof channel>;
export type Client = z.output<typeof client>;
export type Dispatch = z.output<typeof dispatchDetail>;
export type NewDispatch = z.input<typeof newDispatch>;
export type Thread = z.output<typeof thread>;

/** A "no" of the API: its code and its one sentence. */
export interface Refusal {
  status: number;
  code: string;
  title: string;
}

export type Caller = ReturnType<typeof createCaller>;

export function createCaller(apiUrl: string, key: string) {
  const headers = () => ({ authorization: `Bearer ${key}`, 'idempotency-key': randomUUID() });
  return {
    get: <T>(path: string) => ask<T>('GET', apiUrl + path, undefined, headers()),
    post: <T>(path: string, body: object = {}) => ask<T>('POST', apiUrl + path, body, headers()),
    delete: (path: string) => ask<null>('DELETE', apiUrl + path, undefined, headers()),
    submit: (body: NewDispatch, idempotencyKey: string = randomUUID()) =>
      ask<Dispatch>('POST', `${apiUrl}/v1/dispatches`, body, { ...headers(), 'idempotency-key': idempotencyKey }),
    /** The refusal that is expected; null when the API said yes. */
    refusalOf: async (method: Method, path: string, body: object, more: Record<string, string> = {}): Promise<Refusal | null> => {
      const answer = await call(method, apiUrl + path, body, { ...headers(), ...more });
      return answer.status < 300 ? null : { ...(answer.body as Refusal), status: answer.status };
    },
  };
}

/** Where the database was not seeded from this data folder, the development login lends keys. */
export async function logIn(apiUrl: string, role: 'agent' | 'supervisor' | 'admin'): Promise<string> {
  return (await ask<{ key: string }>('POST', `${apiUrl}/v1/dev-login`, { role })).key;
}
