/** /v1/dispatches/{id}/events */

import { createSession } from 'better-sse';
import { z } from 'zod';
import { findDispatch } from '../../../../../db/dispatches-read.js';
import { eventsAfter } from '../../../../../db/timeline.js';
import { isEndState } from '../../../../../domain/dispatch.js';
import { idParam } from '../../../../contract/common.js';
import { Refusal, refuse } from '../../../../problem.js';
import { rawRoute } from '../../../../route.js';
import { within } from '../../../../within.js';

/** Proxies close what is silent for longer. Milliseconds. */
const keepAliveMs = 15_000;

export const streamEvents = rawRoute({
  method: 'get',
  path: '/v1/dispatches/{id}/events',
  operationId: 'streamDispatchEvents',
  tag: 'Dispatches',
  summary: 'The timeline, live',
  description:
    'Server-sent events: each carries one entry of the timeline, its id is the entry’s `seq`. With `Last-Event-ID` the stream goes on there, a few seconds early: drop the numbers that you know. An event named `end` closes the stream: it tells the end state, or the code `UNAUTHENTICATED` once the key is no longer in force.',
  access: 'read',
  params: idParam,
  headers: z.object({
    'last-event-id': z
      .string()
      .regex(/^\d{1,15}$/, 'A number is expected.')
      .optional()
      .meta({ example: '41' }),
  }),
  response: {
    200: { description: 'A stream of timeline entries.', content: { 'text/event-stream': { schema: z.string() } } },
    204: { description: 'The dispatch has ended and nothing is new: do not ask again.' },
  },
  handle: async ({ deps, principal, params, headers, request }, response) => {
    const after = Number(headers['last-event-id'] ?? 0);
    const read = await within(deps.limits.requestMs, () => Promise.all([findDispatch(deps.db, params.id), eventsAfter(deps.db, params.id, after)]));
    if (read instanceof Refusal) return read;
    const [dispatch, known] = read;
    if (!dispatch) return refuse('NOT_FOUND');
    if (after > 0 && isEndState(dispatch.state) && known.every((event) => event.seq <= after)) {
      response.status(204).end();
      return undefined;
    }
    // Whoever left while we read is not watched: nothing would ever end that.
    if (request.socket.destroyed) return undefined;
    // The session makes a URL of these and breaks on an odd one; neither matters here.
    request.headers.host = 'localhost';
    request.url = '/';
    const session = await createSession(request, response, { keepAlive: keepAliveMs, headers: { 'X-Accel-Buffering': 'no', 'Cache-Control': 'no-store' } });
    deps.streams.watch({ dispatchId: params.id, keyId: principal.keyId }, session, known, () => response.end());
    return undefined;
  },
});
