/** What was thrown: what the caller is told of it, and what the log may keep. */

import { sqlState } from '../db/connect.js';
import { type Refusal, refuse, unavailable } from './problem.js';

/** SQLSTATE classes that say "not now": connection and its credentials, resources, operator intervention, locks and time-outs. */
const passing = /^(08|28|3D|40|53|55|57)/;
const passingCodes = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'EHOSTUNREACH',
]);

/** What an error that was thrown means to the caller: a bad request, a part that does not answer, or a fault of ours. */
export function refusalOf(error: unknown): Refusal {
  const state = sqlState(error);
  if (state?.startsWith('22')) return refuse('INVALID_REQUEST', { detail: 'A value cannot be stored as it is.' });
  if ((state && passing.test(state)) || codesOf(error).some((code) => passingCodes.has(code))) return unavailable();
  return refusalOfParser(error) ?? refuse('INTERNAL');
}

/** What is wrong with a body, by the name that its reader gives it. */
const bodyFaults: Record<string, string> = {
  'entity.parse.failed': 'The body is not JSON.',
  'charset.broken': 'The body is not UTF-8.',
  'charset.unsupported': 'Send the body in UTF-8.',
  'encoding.unsupported': 'Send the body as it is, or packed with gzip, deflate or br.',
  'request.aborted': 'The body broke off.',
  'request.size.invalid': 'The body is not as long as its Content-Length says.',
};

/** Express and its body parsers mark what the caller did wrong with a status. */
function refusalOfParser(error: unknown): Refusal | null {
  const { status, type, code } = error as { status?: unknown; type?: unknown; code?: unknown };
  if (!(error instanceof Error) || typeof status !== 'number' || status < 400 || status >= 500) return null;
  if (status === 413) return refuse('BODY_TOO_LARGE');
  // A path whose escapes are no text names nothing that exists.
  if (error.name === 'URIError') return refuse('NOT_FOUND');
  const known = typeof type === 'string' ? bodyFaults[type] : undefined;
  // What unpacks a body tells its own codes and no type.
  const detail = known ?? (status === 400 && typeof code === 'string' ? 'The body is not packed as its Content-Encoding says.' : undefined);
  return refuse('INVALID_REQUEST', { status, ...(detail ? { errors: [{ pointer: '', detail }] } : { detail: 'The request cannot be read.' }) });
}

function codesOf(error: unknown): string[] {
  const codes: string[] = [];
  for (let one = error; typeof one === 'object' && one !== null; one = (one as { cause?: unknown }).cause) {
    const { code } = one as { code?: unknown };
    if (typeof code === 'string') codes.push(code);
  }
  return codes;
}

/** What may be logged of a fault. A database error's own text holds the statement with its parameters: its codes must do. */
export function faultFacts(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { fault: typeof error };
  const ofDatabase = 'query' in error || sqlState(error) !== null;
  return {
    fault: ofDatabase ? 'database' : error.name,
    ...(ofDatabase ? { codes: codesOf(error) } : { message: error.message }),
    at: error.stack
      ?.split('\n')
      .filter((line) => line.startsWith('    at '))
      .slice(0, 8),
  };
}
