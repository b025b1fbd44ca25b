/** The HTTP API as one Express application. It never listens; `bin` does. */

import express, { type Application, type ErrorRequestHandler, type RequestHandler } from 'express';
import { ipKeyGenerator, rateLimit } from 'express-rate-limit';
import helmet from 'helmet';
import { pinoHttp } from 'pino-http';
import { Histogram } from 'prom-client';
import { v7 as uuidv7 } from 'uuid';
import type { Principal } from './auth.js';
import { codecServer } from './codec-server.js';
import type { ApiDeps } from './deps.js';
import { createEventStreams } from './event-streams.js';
import { createInlineStart } from './inline-start.js';
import { openApiDocument } from './openapi.js';
import { faultFacts, refusalOf } from './faults.js';
import { refuse, sendProblem } from './problem.js';
import { expressPath, jsonReader, type Route, type Stage } from './route.js';
import { docsAssets } from './routes/docs.js';
import { surface } from './surface.js';

/** The largest text that a channel carries is 100,000 characters; its JSON may take six bytes for each. */
const maxBodyBytes = 1024 * 1024;
const minuteMs = 60_000;

export function createApp(deps: ApiDeps): Application {
  const app = express();
  app.disable('x-powered-by').disable('etag');
  app.use(
    logRequests(deps),
    measureRequests(deps),
    helmet({ contentSecurityPolicy: { directives: { 'script-src': ["'self'"], 'upgrade-insecure-requests': null } } }),
  );
  app.use('/docs/assets', docsAssets());
  if (deps.codec) app.use(codecServer(deps.codec));
  const streams = createEventStreams(deps.db, (error) => deps.logger.warn(faultFacts(error), 'news of dispatches could not be read'));
  deps.stopping.addEventListener('abort', () => streams.close(), { once: true });
  const stage: Stage = {
    deps: { ...deps, streams, startInline: createInlineStart(deps), openApi: openApiDocument() },
    countCaller: limitRate(deps.limits.requestsPerMinute, (response) => (response.locals['principal'] as Principal).sender.id),
    countWrongKey: limitRate(deps.limits.wrongKeysPerMinute, (response) => ipKeyGenerator(response.req.ip ?? '')),
    readJson: jsonReader(maxBodyBytes),
  };
  for (const path of new Set(surface.map((route) => route.path)))
    mount(
      app,
      path,
      surface.filter((route) => route.path === path),
      stage,
    );
  app.use((_request, response) => sendProblem(response, refuse('NOT_FOUND', { detail: 'There is no such path. All of them are described under /docs.' })));
  app.use(answerFaults(deps));
  return app;
}

/** Every other method of a path that exists is told which ones there are. */
function mount(app: Application, path: string, routes: readonly Route[], stage: Stage): void {
  const at = app.route(expressPath(path));
  for (const route of routes) at[route.method](...route.handlers(stage));
  const allow = routes.map((route) => route.method.toUpperCase()).join(', ');
  at.all((_request, response) => sendProblem(response, refuse('INVALID_REQUEST', { status: 405, detail: `Use one of: ${allow}.`, headers: { Allow: allow } })));
}

/** Ids, statuses and times; never a URL, which may hold an address, nor a header. */
function logRequests({ logger }: ApiDeps): RequestHandler {
  return pinoHttp({
    logger,
    genReqId: (_request, response) => {
      const id = uuidv7();
      response.setHeader('X-Request-Id', id);
      return id;
    },
    quietReqLogger: true,
    serializers: { req: ({ method }: { method: string }) => ({ method }), res: ({ statusCode }: { statusCode: number }) => ({ statusCode }) },
    customProps: (_request, response) => {
      const { route, principal } = (response as express.Response).locals as { route?: string; principal?: Principal };
      return { route, keyId: principal?.keyId };
    },
    customSuccessMessage: () => 'request answered',
    customErrorMessage: () => 'request failed',
    autoLogging: { ignore: ({ url }) => url === '/healthz' || url === '/readyz' || url === '/metrics' },
  });
}

function measureRequests({ metrics }: ApiDeps): RequestHandler {
  const seconds = new Histogram({
    name: 'waybill_http_request_seconds',
    help: 'How long requests took, by route pattern.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [metrics],
  });
  return (request, response, next) => {
    const end = seconds.startTimer();
    response.once('close', () =>
      end({ method: request.method, route: (response.locals['route'] as string | undefined) ?? 'none', status: String(response.statusCode) }),
    );
    next();
  };
}

function limitRate(limit: number, whose: (response: express.Response) => string): RequestHandler {
  return rateLimit({
    windowMs: minuteMs,
    limit,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    keyGenerator: (_request, response) => whose(response),
    // The limiter has set Retry-After.
    handler: (_request, response) => sendProblem(response, refuse('TOO_MANY_REQUESTS')),
  });
}

/** What a handler threw, told without its inner message; faults of ours are logged. */
function answerFaults({ logger }: ApiDeps): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    const refusal = refusalOf(error);
    if (refusal.code === 'INTERNAL' || refusal.code === 'UNAVAILABLE') {
      logger.error({ requestId: request.id, route: response.locals['route'] as unknown, ...faultFacts(error) }, 'a request met a fault');
    }
    if (response.headersSent) return next(error);
    sendProblem(response, refusal);
  };
}
