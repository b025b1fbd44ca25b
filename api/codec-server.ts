/** Lets Temporal Web show payloads in clear: for this machine, for the UI's origin, under a path nobody guesses. It decrypts and never encrypts. */

import type { Payload } from '@temporalio/common';
import express, { Router } from 'express';
import { z } from 'zod';
import type { ApiDeps } from './deps.js';
import { isLocalPeer } from './local-peer.js';
import { refuse, refuseShape, sendProblem } from './problem.js';
import { readThrough } from './read-through.js';

const maxBytes = 16 * 1024 * 1024;

const base64 = z.base64().transform((text) => Buffer.from(text, 'base64'));
const payloads = z.object({
  payloads: z.array(z.object({ metadata: z.record(z.string(), base64).nullish(), data: base64.nullish() })).max(10_000),
});

/** To be used at the root. */
export function codecServer({ path, origins, decode }: NonNullable<ApiDeps['codec']>): Router {
  const router = Router();
  router.all(`/${path}/decode`, (request, response, next) => {
    const { origin } = request.headers;
    if (!isLocalPeer(request) || origin === undefined || !origins.includes(origin)) return sendProblem(response, refuse('NOT_FOUND'));
    response.set({ 'Access-Control-Allow-Origin': origin, Vary: 'Origin', 'Cache-Control': 'no-store' });
    if (request.method === 'POST') return next();
    response.set({
      'Access-Control-Allow-Methods': 'POST',
      'Access-Control-Allow-Headers': 'content-type, x-namespace, authorization',
      'Access-Control-Max-Age': '600',
    });
    response.status(204).end();
  });
  router.post(`/${path}/decode`, express.json({ limit: maxBytes }), async (request, response) => {
    const given = readThrough(payloads, request.body);
    if (given.errors) return sendProblem(response, refuseShape(given.errors));
    const clear = await decode(given.data.payloads as Payload[]);
    response.json({ payloads: clear.map(encodePayload) });
  });
  return router;
}

function encodePayload({ metadata, data }: Payload): { metadata: Record<string, string>; data: string } {
  const text = (bytes: Uint8Array | null | undefined): string => Buffer.from(bytes ?? []).toString('base64');
  return { metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([name, bytes]) => [name, text(bytes)])), data: text(data) };
}
