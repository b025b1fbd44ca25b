/** What every HTTP surface of the sandbox shares: reading input, saying no, and keeping strangers' bytes harmless. */

import type { ErrorRequestHandler, RequestHandler } from 'express';
import type { Logger } from 'pino';
import { z, type ZodType } from 'zod';

/** A "no" to a caller of the control API, told as problem+json. */
export class Problem extends Error {
  readonly status: number;
  readonly errors: { pointer: string; detail: string }[];

  constructor(status: number, detail: string, errors: { pointer: string; detail: string }[] = []) {
    super(detail);
    this.status = status;
    this.errors = errors;
  }
}

/** The value in the schema's shape, else a `Problem` 400 that points at every fault. */
export function parse<T>(schema: ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = result.error.issues.map(({ path, message }) => ({ pointer: `/${path.map(String).join('/')}`, detail: message }));
  throw new Problem(400, 'The request is not of the shape that is documented on the mailbox page.', errors);
}

/** "true" and "false" of a query string. */
export const flag = z.enum(['true', 'false']).transform((word) => word === 'true');

/** The last error handler of the control API and the pages: nothing of an inner error gets out. */
export function problemHandler(log: Logger): ErrorRequestHandler {
  return (error: unknown, _req, res, _next) => {
    const status = statusOf(error);
    if (status >= 500) log.error({ err: error }, 'a request failed');
    const detail = status < 500 && error instanceof Error ? error.message : 'The sandbox failed; its log says why.';
    const errors = error instanceof Problem ? error.errors : [];
    res.status(status).type('application/problem+json').json({ title: 'The sandbox refused this request', status, detail, errors });
  };
}

/** The status that body parsers put on their errors (400 not JSON, 413 too big), 500 for our own faults. */
export function statusOf(error: unknown): number {
  const status = (error as { status?: unknown } | null)?.status;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : 500;
}

/**
 * Lets in programs of this machine and our own pages. A foreign host name is a page that rebinds its name to this machine; what a browser
 * sends for another site is let in where it visits a page, which changes nothing.
 */
export const refuseOtherSites: RequestHandler = (req, _res, next) => {
  const { host = '', origin, 'sec-fetch-site': site = 'none', 'sec-fetch-mode': mode } = req.headers;
  if (!/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/i.test(host)) {
    throw new Problem(403, 'The sandbox answers under the names of this machine alone: 127.0.0.1, localhost or [::1].');
  }
  const isOurs = (origin === undefined || origin === `http://${host}`) && (site === 'none' || site === 'same-origin');
  const isVisit = req.method === 'GET' && mode === 'navigate';
  if (!isOurs && !isVisit) throw new Problem(403, 'The sandbox takes no request that a browser sends for another site.');
  next();
};

/** No script, no frame, nothing from outside; styles only of our own. */
export const securityHeaders: RequestHandler = (_req, res, next) => {
  res.set({
    'Content-Security-Policy': "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
  });
  next();
};
