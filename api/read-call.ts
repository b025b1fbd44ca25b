/** Reads a request through the schemas of its route. */

import type { Request, Response } from 'express';
import { z } from 'zod';
import type { AppDeps } from './deps.js';
import { fieldErrors, type Refusal, refuse } from './problem.js';
import type { Access, Call, Spec } from './route.js';
import { findUnfit } from './unfit.js';

/** The parts of a request through their schemas; a bad path names nothing that exists. */
export function readCall(spec: Spec, deps: AppDeps, request: Request, response: Response): Call<Access> | Refusal {
  if (spec.body && request.is('application/json') === false) {
    return refuse('INVALID_REQUEST', { status: 415, detail: 'Send the body as Content-Type: application/json.' });
  }
  const given = { query: request.query, body: (request.body ?? {}) as unknown };
  const unfit = findUnfit(spec.body ? given : { query: given.query });
  if (unfit) return refuse('INVALID_REQUEST', { errors: [unfit] });
  const params = spec.params?.safeParse(request.params);
  if (params && !params.success) return refuse('NOT_FOUND');
  const query = (spec.query ?? z.strictObject({})).safeParse(given.query);
  const headers = (spec.headers ?? z.object({})).safeParse(request.headers);
  const body = spec.body?.safeParse(given.body);
  if (headers.error?.issues.some((issue) => issue.path[0] === 'idempotency-key') && request.headers['idempotency-key'] === undefined) {
    return refuse('IDEMPOTENCY_KEY_REQUIRED');
  }
  const errors = [
    ...(query.success ? [] : fieldErrors(query.error).map((one) => ({ ...one, in: 'query' as const }))),
    ...(headers.success ? [] : fieldErrors(headers.error).map((one) => ({ ...one, in: 'header' as const }))),
    ...(body === undefined || body.success ? [] : fieldErrors(body.error)),
  ];
  if (errors.length > 0) return refuse('INVALID_REQUEST', { errors });
  return {
    deps,
    principal: response.locals['principal'] as never,
    params: params?.data ?? {},
    query: query.data,
    headers: headers.data,
    body: body?.data,
    request,
  };
}
