/** /webhooks/{channelId}: providers post here; signed over the raw bytes, stored, then answered. */

import express, { type Response } from 'express';
import { z } from 'zod';
import type { HttpReply, RawRequest } from '../../../channels/channel.js';
import { findChannel } from '../../../db/channels.js';
import { storeEvents } from '../../../db/inbox.js';
import { openChannel, type OpenChannel } from '../../channel-config.js';
import { id } from '../../contract/common.js';
import { Refusal, refuse } from '../../problem.js';
import { type Call, type Method, rawRoute } from '../../route.js';
import { within } from '../../within.js';
import { makeFit } from '../../unfit.js';

/** Raw mail with attachments is the largest thing that a provider posts. */
const maxBytes = 12 * 1024 * 1024;

type WebhookCall = Call<'public', { channelId: string }>;

const webhook = (
  method: Method,
  operationId: string,
  summary: string,
  handle: (call: WebhookCall, channel: OpenChannel, request: RawRequest) => Promise<HttpReply | Refusal>,
) =>
  rawRoute({
    method,
    path: '/webhooks/{channelId}',
    operationId,
    tag: 'Webhooks',
    summary,
    access: 'public',
    params: z.object({ channelId: id }),
    query: z.looseObject({}),
    refusals: method === 'post' ? ['UNAUTHENTICATED', 'BODY_TOO_LARGE', 'UNAVAILABLE'] : ['UNAVAILABLE'],
    reader: express.raw({ type: () => true, limit: maxBytes }),
    ...(method === 'post' ? { requestBody: { description: 'As the provider sends it.', content: { '*/*': { schema: z.string() } } } } : {}),
    response: { 200: { description: 'Taken.', content: { 'text/plain': { schema: z.string() } } } },
    handle: async (call, response) => {
      const answer = await within(call.deps.limits.requestMs, async () => {
        const row = await findChannel(call.deps.db, call.params.channelId);
        const channel = row && openChannel(call.deps, row);
        return channel?.plugin.webhook ? await handle(call, channel, rawOf(call)) : refuse('NOT_FOUND');
      });
      if (answer instanceof Refusal) return answer;
      send(response, answer);
      return undefined;
    },
  });

const shakeHands = async (_call: WebhookCall, { plugin, config }: OpenChannel, request: RawRequest): Promise<HttpReply | Refusal> =>
  plugin.webhook?.handshake?.(request, config) ?? refuse('NOT_FOUND');

export const greetWebhook = webhook('get', 'greetWebhook', 'A provider’s set-up request', shakeHands);
export const probeWebhook = webhook('head', 'probeWebhook', 'A provider’s probe', shakeHands);

export const receiveWebhook = webhook('post', 'receiveWebhook', 'Receipts and messages from a provider', async ({ deps }, { row, plugin, config }, request) => {
  const hook = plugin.webhook!;
  if (hook.verify(request, config) !== 'ok') return refuse('UNAUTHENTICATED', { detail: 'The signature is missing or wrong.' });
  const { events, reply } = await hook.parse(request, config);
  await storeEvents(
    deps.db,
    row.id,
    events.map((event) => ({ eventId: event.eventId, kind: event.kind, event: makeFit({ ...event }) })),
  );
  return reply;
});

function rawOf({ request }: WebhookCall): RawRequest {
  const single = (values: object): Record<string, string | undefined> =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, typeof value === 'string' ? value : undefined]));
  const body: unknown = request.body;
  return { method: request.method, headers: single(request.headers), query: single(request.query), body: Buffer.isBuffer(body) ? body : Buffer.alloc(0) };
}

function send(response: Response, reply: HttpReply): void {
  response.status(reply.status).set('Cache-Control', 'no-store');
  if (reply.body === undefined) response.end();
  else response.type(reply.contentType ?? 'text/plain').send(reply.body);
}
