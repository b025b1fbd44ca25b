/** One route, said once: it is documented and mounted from the same words, so that the two cannot drift apart. */

import { isUtf8 } from 'node:buffer';
import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import express, { type Request, type RequestHandler, type Response } from 'express';
import { z } from 'zod';
import type { RefusalCode } from '../domain/codes.js';
import { authenticate, type Principal } from './auth.js';
import type { Scope } from './contract/installation.js';
import type { AppDeps } from './deps.js';
import { describeHeaders, describeRoute } from './describe-route.js';
import { Refusal, refuse, sendProblem } from './problem.js';
import { readCall } from './read-call.js';
import { within } from './within.js';

export type Method = 'get' | 'post' | 'patch' | 'put' | 'delete' | 'head';
/** A scope; or `known`: any caller with a credential; or `public`: no key is asked for. */
export type Access = 'public' | 'known' | Scope;

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
export function route<
  A extends Access,
  R extends z.ZodType,
  P extends z.ZodObject = Nothing,
  Q extends z.ZodObject = Nothing,
  H extends z.ZodObject = Nothing,
  B extends z.ZodType = Nothing,
>(
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
    operation: describeRoute(spec, {
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
    operation: describeRoute(spec, spec.response, spec.requestBody),
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

/** A route's words, whatever its schemas are. */
export type Spec = Parts<Access, z.ZodObject, z.ZodObject, z.ZodObject, z.ZodType>;

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
    if (spec.access !== 'known' && !principal.scopes.has(spec.access))
      return sendProblem(response, refuse('ROLE_NOT_ALLOWED', { detail: `The scope ${spec.access} is needed.` }));
    response.locals['principal'] = principal;
    next();
  };
  return [label, identify, ...(spec.counted === false ? [] : [stage.countCaller]), ...reader];
}

/** The router path of Express for a documented one. */
export function expressPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}

/** Reads JSON bodies of at most this size, in UTF-8. */
export function jsonReader(maxBytes: number): RequestHandler {
  return express.json({
    limit: maxBytes,
    verify: (_request, _response, body, charset) => {
      if (charset !== 'utf-8') throw Object.assign(new Error('another character set'), { status: 415, type: 'charset.unsupported' });
      // The parser would put replacement characters in the place of broken ones, and what was sent would not be what was asked.
      if (!isUtf8(body)) throw Object.assign(new Error('broken UTF-8'), { status: 400, type: 'charset.broken' });
    },
  });
}
