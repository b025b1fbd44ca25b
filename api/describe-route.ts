/** What the document says of a route. */

import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { type RefusalCode, refusals } from '../domain/codes.js';
import { problemSchema } from './problem.js';
import type { Spec } from './route.js';

/** The operation of a route: its own answers, and the problems that it or every route can answer with. */
export function describeRoute(spec: Spec, success: RouteConfig['responses'], requestBody?: NonNullable<RouteConfig['request']>['body']): RouteConfig {
  const known = spec.access !== 'public';
  const codes: RefusalCode[] = [
    ...(spec.refusals ?? []),
    ...(spec.query || spec.body || spec.headers ? (['INVALID_REQUEST'] as const) : []),
    // Also where a caller's own rate is not counted, an address that tries wrong keys is held down.
    ...(known ? (['UNAUTHENTICATED', 'ROLE_NOT_ALLOWED', 'TOO_MANY_REQUESTS', 'UNAVAILABLE'] as const) : []),
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
    ...(known && spec.access !== 'known' ? { 'x-scope': spec.access } : {}),
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
    [...byStatus]
      .toSorted(([a], [b]) => a - b)
      .map(([status, some]) => [
        status,
        {
          description: [...some].map((code) => `\`${code}\`: ${refusals[code].title}.`).join(' '),
          content: { 'application/problem+json': { schema: problemSchema } },
        },
      ]),
  );
}

/** Headers of an answer, as the document has them. */
export function describeHeaders(headers: Record<string, string>): Record<string, { description: string; schema: { type: 'string' } }> {
  return Object.fromEntries(Object.entries(headers).map(([name, description]) => [name, { description, schema: { type: 'string' } }]));
}
