/** Reads a request through the schemas of its route. */

import type { Request, Response } from 'express';
import { z } from 'zod';
import type { AppDeps } from './deps.js';
import { type Refusal, refuse, refuseShape } from './problem.js';
import { readThrough } from './read-through.js';
import type { Access, Call, Spec } from './route.js';
import { findUnfit } from './unfit.js';

/** The parts of a request through their schemas; a bad path names nothing that exists. */
export function readCall(spec: Spec, deps: AppDeps, request: Request, response: Response): Call<Access> | Refusal {
  if (spec.body && request.is('application/json') === false) {
    return refuse('INVALID_REQUEST', { status: 415, detail: 'Send the body as Content-Type: application/json.' });
  }
  const given = { query: request.query, body: (request.body ?? {}) as unknown };
  const unfit = findUnfit(spec.body ? given : { query: given.query });
  if (unfit) return refuseShape([unfit]);
  const params = spec.params?.safeParse(request.params);
  if (params && !params.success) return refuse('NOT_FOUND');
  const query = readThrough(spec.query ?? z.strictObject({}), given.query, { in: 'query' });
  const headers = readThrough(spec.headers ?? z.object({}), request.headers, { in: 'header' });
  const body = spec.body ? readThrough(spec.body, given.body) : { data: undefined };
  if (headers.errors?.some((one) => one.pointer === '/idempotency-key') && request.headers['idempotency-key'] === undefined) {
    return refuse('IDEMPOTENCY_KEY_REQUIRED');
  }
  if (query.errors || headers.errors || body.errors) {
    return refuseShape([query, headers, body].flatMap((one) => one.errors ?? []));
  }
  return {
    deps,
    principal: response.locals['principal'] as never,
    params: params?.data ?? {},
    query: query.data,
    headers: headers.data,
    body: body.data,
    request,
  };
}
