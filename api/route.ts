/** One route, said once: it is documented and mounted from the same words, so that the two cannot drift apart. */

import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import express, { type Request, type RequestHandler, type Response } from 'express';
import { z } from 'zod';
import { type RefusalCode, refusals } from '../domain/codes.js';
import { authenticate, type Principal } from './auth.js';
import type { Scope } from './contract/installation.js';
import type { AppDeps } from './deps.js';
import { fieldErrors, problemSchema, Refusal, refuse, sendProblem, unavailable } from './problem.js';
import { findUnfit } from './unfit.js';

export type Method = 'get' | 'post' | 'patch' | 'put' | 'delete' | 'head';
/** A scope, or `public`: no key is asked for. */
export type Access = 'public' | Scope;

/** What every route of an app shares. */
export interface Stage {
  deps: AppDeps;
  /** Counts a known caller's requests, and the wrong keys of an address. */
  countCaller: RequestHandler;
  countWrongKey: RequestHandler;
  readJson: RequestHandler;
}

/** A route that can be documented and mounted. `path` has its parameters in braces. */
export interface Route {
  method: Method;
  path: string;
  operation: RouteConfig;
  handlers(stage: Stage): RequestHandler[];
}

/** What a handler is called with; everything has passed its schema. */
export interface Call<A extends Access = Scope, P = unknown, Q = unknown, H = unknown, B = unknown> {
  deps: AppDeps;
  principal: A extends 'public' ? null : Principal;
  params: P;
  query: Q;
  headers: H;
  body: B;
  request: Request;
}

export interface Reply<R> {
  body: R;
  headers?: Record<string, string>;
}

interface Parts<A extends Access, P extends z.ZodObject, Q extends z.ZodObject, H extends z.ZodObject, B extends z.ZodType> {
  method: Method;
  path: string;
  operationId: string;
  tag: string;
  summary: string;
  description?: string;
  access: A;
  params?: P;
  query?: Q;
  headers?: H;
  body?: B;
  /** The codes of its own; those that every route can answer with are added. */
  refusals?: readonly RefusalCode[];
  /** False: this route is not held to the caller's rate. */
  counted?: boolean;
}

type Nothing = z.ZodObject<Record<never, never>>;

/** A route that answers JSON; what is not in its response schema never leaves. */
export function route<A extends Access, R extends z.ZodType, P extends z.ZodObject = Nothing, Q extends z.ZodObject = Nothing, H extends z.ZodObject = Nothing, B extends z.ZodType = Nothing>(
  spec: Parts<A, P, Q, H, B> & {
    response: { status: number; description: string; schema: R; headers?: Record<string, string> };
    /** How long it may take, where that is more than the usual. */
    deadlineMs?(deps: AppDeps): number;
    handle(call: Call<A, z.output<P>, z.output<Q>, z.output<H>, z.output<B>>): Promise<Reply<z.input<R>> | Refusal>;
  },
): Route {
  const { status, schema } = spec.response;
  const empty = schema instanceof z.ZodUndefined;
  return {
    method: spec.method,
    path: spec.path,
    operation: describe(spec, {
      [status]: {
        description: spec.response.description,
        ...(spec.response.headers ? { headers: describeHeaders(spec.response.headers) } : {}),
        ...(empty ? {} : { content: { 'application/json': { schema } } }),
      },
    }),
    handlers: (stage) => [
      ...lead(spec, stage),
      async (request, response) => {
        const answer = await within(spec.deadlineMs?.(stage.deps) ?? stage.deps.limits.requestMs, async () => {
          const call = readCall(spec, stage.deps, request, response);
          return call instanceof Refusal ? call : await spec.handle(call as never);
        });
        if (answer instanceof Refusal) return sendProblem(response, answer);
        response.status(status).set({ 'Cache-Control': 'no-store', ...answer.headers });
        if (empty) response.end();
        else response.json(schema.parse(answer.body));
      },
    ],
  };
}

/** A route that writes its own answer: streams, pages, providers' webhooks. It sets its own deadlines. */
export function rawRoute<A extends Access, P extends z.ZodObject = Nothing, Q extends z.ZodObject = Nothing, H extends z.ZodObject = Nothing>(
  spec: Omit<Parts<A, P, Q, H, Nothing>, 'body'> & {
    response: RouteConfig['responses'];
    /** Reads the body in its own way. */
    reader?: RequestHandler;
    requestBody?: NonNullable<RouteConfig['request']>['body'];
    handle(call: Call<A, z.output<P>, z.output<Q>, z.output<H>>, response: Response): Promise<Refusal | void>;
  },
): Route {
  return {
    method: spec.method,
    path: spec.path,
    operation: describe(spec, spec.response, spec.requestBody),
    handlers: (stage) => [
      ...lead(spec, stage),
      ...(spec.reader ? [spec.reader] : []),
      async (request, response) => {
        const call = readCall(spec, stage.deps, request, response);
        const refusal = call instanceof Refusal ? call : await spec.handle(call as never, response);
        if (refusal) sendProblem(response, refusal);
      },
    ],
  };
}

/** Runs under a deadline; what comes later is dropped. */
export async function within<T>(ms: number, work: () => Promise<T>): Promise<T | Refusal> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Refusal>((resolve) => {
    timer = setTimeout(() => resolve(unavailable('The request took too long.')), ms);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}

type Spec = Parts<Access, z.ZodObject, z.ZodObject, z.ZodObject, z.ZodType>;

/** What comes before the handler: a label for the metrics, who it is, how often they call, the body. */
function lead(spec: Spec, stage: Stage): RequestHandler[] {
  const label: RequestHandler = (_request, response, next) => {
    response.locals['route'] = spec.path;
    next();
  };
  const reader = spec.body ? [stage.readJson] : [];
  if (spec.access === 'public') return [label, ...reader];
  const identify: RequestHandler = async (request, response, next) => {
    const principal = await within(stage.deps.limits.requestMs, () => authenticate(stage.deps.db, request.headers.authorization));
    if (principal instanceof Refusal) return sendProblem(response, principal);
    if (!principal) return stage.countWrongKey(request, response, () => sendProblem(response, refuse('UNAUTHENTICATED')));
    if (!principal.scopes.has(spec.access)) return sendProblem(response, refuse('ROLE_NOT_ALLOWED', { detail: `The scope ${spec.access} is needed.` }));
    response.locals['principal'] = principal;
    next();
  };
  return [label, identify, ...(spec.counted === false ? [] : [stage.countCaller]), ...reader];
}

/** The parts of a request through their schemas; a bad path names nothing that exists. */
function readCall(spec: Spec, deps: AppDeps, request: Request, response: Response): Call<Access> | Refusal {
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

function describe(spec: Spec, success: RouteConfig['responses'], requestBody?: NonNullable<RouteConfig['request']>['body']): RouteConfig {
  const known = spec.access !== 'public';
  const codes: RefusalCode[] = [
    ...(spec.refusals ?? []),
    ...(spec.query || spec.body || spec.headers ? (['INVALID_REQUEST'] as const) : []),
    ...(known ? (['UNAUTHENTICATED', 'ROLE_NOT_ALLOWED', 'UNAVAILABLE'] as const) : []),
    ...(known && spec.counted !== false ? (['TOO_MANY_REQUESTS'] as const) : []),
    ...(spec.params ? (['NOT_FOUND'] as const) : []),
    ...(spec.body ? (['BODY_TOO_LARGE'] as const) : []),
    'INTERNAL',
  ];
  return {
    method: spec.method,
    path: spec.path,
    operationId: spec.operationId,
    tags: [spec.tag],
    summary: spec.summary,
    ...(spec.description ? { description: spec.description } : {}),
    security: known ? [{ key: [] }] : [],
    ...(known ? { 'x-scope': spec.access } : {}),
    request: {
      ...(spec.params ? { params: spec.params } : {}),
      ...(spec.query ? { query: spec.query } : {}),
      ...(spec.headers ? { headers: spec.headers } : {}),
      ...(spec.body ? { body: { required: true, content: { 'application/json': { schema: spec.body } } } } : {}),
      ...(requestBody ? { body: requestBody } : {}),
    },
    responses: { ...success, ...describeRefusals(codes) },
  };
}

function describeRefusals(codes: readonly RefusalCode[]): RouteConfig['responses'] {
  const byStatus = new Map<number, Set<RefusalCode>>();
  for (const code of codes) {
    const { status } = refusals[code];
    byStatus.set(status, (byStatus.get(status) ?? new Set()).add(code));
  }
  return Object.fromEntries(
    [...byStatus].toSorted(([a], [b]) => a - b).map(([status, some]) => [
      status,
      { description: [...some].map((code) => `\`${code}\`: ${refusals[code].title}.`).join(' '), content: { 'application/problem+json': { schema: problemSchema } } },
    ]),
  );
}

function describeHeaders(headers: Record<string, string>): Record<string, { description: string; schema: { type: 'string' } }> {
  return Object.fromEntries(Object.entries(headers).map(([name, description]) => [name, { description, schema: { type: 'string' } }]));
}

/** The router path of Express for a documented one. */
export function expressPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}

/** Reads JSON bodies of at most this size. */
export function jsonReader(maxBytes: number): RequestHandler {
  return express.json({ limit: maxBytes });
}
