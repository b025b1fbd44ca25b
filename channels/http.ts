/** One HTTP call as every plug-in makes it: bounded in time and size, never repeated, and honest about whether it left (H2, H3; channels section 1). */

import type { Ladder } from '../domain/channel.js';
import { HandOverForbidden } from './channel.js';
import type { FailureRow } from './failure.js';

/** What became of a call. `body` is null when it was larger than allowed. */
export type HttpAnswer = { kind: 'answered'; status: number; body: string | null; retryAfterMs?: number } | { kind: 'no_answer'; error: unknown };

export interface HttpCall {
  url: string;
  headers: Record<string, string>;
  body: string;
  ladder: Ladder;
  signal: AbortSignal;
  maxBodyBytes: number;
  /** Called right before the bytes leave. */
  assertMayHandOver(): void;
}

/**
 * Sends one POST. The connection is not kept (a peer that closes idle ones makes doubt) and a redirect is not followed (fetch would
 * post again). The first reply is due within connect + reply, everything within the exchange. Throws `HandOverForbidden` when the call
 * may not be made any more: nothing has left then.
 */
export async function postOnce(call: HttpCall): Promise<HttpAnswer> {
  if (call.signal.aborted) throw new HandOverForbidden('The attempt was called off before the message left.');
  const whole = boundedBy(call.signal, call.ladder.exchangeMs);
  const reply = boundedBy(whole.signal, call.ladder.connectMs + call.ladder.replyMs);
  try {
    call.assertMayHandOver();
    return await exchange(call, reply);
  } finally {
    reply.release();
    whole.release();
  }
}

async function exchange(call: HttpCall, reply: Bounded): Promise<HttpAnswer> {
  try {
    const response = await fetch(call.url, {
      method: 'POST',
      headers: { ...call.headers, 'content-type': 'application/json', connection: 'close' },
      body: call.body,
      redirect: 'manual',
      signal: reply.signal,
    });
    reply.extend();
    const body = await readCapped(response, call.maxBodyBytes);
    const retryAfterMs = readRetryAfter(response.headers.get('retry-after'), Date.now());
    return { kind: 'answered', status: response.status, body, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  } catch (error) {
    return { kind: 'no_answer', error };
  }
}

export interface Bounded {
  signal: AbortSignal;
  /** Ends the time limit; the caller's own signal still counts. */
  extend(): void;
  release(): void;
}

/** A signal that fires with the given one or after `ms`, whichever is first; `release` leaves neither a timer nor a listener. */
export function boundedBy(signal: AbortSignal, ms: number): Bounded {
  const controller = new AbortController();
  const follow = (): void => controller.abort(signal.reason);
  const timer = setTimeout(() => controller.abort(new DOMException('The time for this attempt is over.', 'TimeoutError')), ms);
  if (signal.aborted) follow();
  else signal.addEventListener('abort', follow, { once: true });
  return {
    signal: controller.signal,
    extend: () => clearTimeout(timer),
    release: () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', follow);
    },
  };
}

async function readCapped(response: Response, maxBytes: number): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** `Retry-After` in milliseconds, from seconds or an HTTP date; undefined when absent or unreadable. */
export function readRetryAfter(value: string | null, now: number): number | undefined {
  if (value === null) return undefined;
  if (/^\d{1,7}$/.test(value)) return Number(value) * 1000;
  const at = /^[A-Z][a-z]{2},/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

/**
 * True when a failed `fetch` surely sent nothing: every cause is a connection that was never made. All other errors, also a lost
 * connection, come after the server has the whole request (measured).
 */
export function leftNothing(error: unknown): boolean {
  const { cause } = fieldsOf(error);
  // A host with several addresses gives one error for each that was tried.
  const { errors } = fieldsOf(cause);
  const causes: unknown[] = Array.isArray(errors) ? errors : [cause];
  return causes.length > 0 && causes.every(isConnectError);
}

function isConnectError(cause: unknown): boolean {
  const { syscall, code } = fieldsOf(cause);
  return syscall === 'connect' || syscall === 'getaddrinfo' || code === 'UND_ERR_CONNECT_TIMEOUT';
}

/** The short name of what broke a call: a system's or library's code, else the error's own name. */
export function errorCodeOf(error: unknown): string {
  const { cause, name } = fieldsOf(error);
  const { code } = fieldsOf(cause ?? error);
  return typeof code === 'string' ? code : typeof name === 'string' ? name : 'UNREADABLE';
}

/** Whatever was thrown, as fields; errors of another realm are no `instanceof Error`. */
function fieldsOf(thrown: unknown): Record<string, unknown> {
  return typeof thrown === 'object' && thrown !== null ? (thrown as Record<string, unknown>) : {};
}

/** What an HTTP status says when the provider's own code is missing; the first row that holds the status counts. Source: channels section 1. */
export const httpStatusTable: readonly { from: number; to: number; means: FailureRow }[] = [
  { from: 300, to: 399, means: { class: 'config', scope: 'channel' } },
  { from: 401, to: 401, means: { class: 'auth', scope: 'channel' } },
  { from: 403, to: 403, means: { class: 'auth', scope: 'channel' } },
  { from: 404, to: 405, means: { class: 'config', scope: 'channel' } },
  { from: 408, to: 408, means: { class: 'unknown', scope: 'message' } },
  { from: 413, to: 413, means: { class: 'invalid_content', scope: 'message' } },
  { from: 415, to: 415, means: { class: 'invalid_content', scope: 'message' } },
  { from: 429, to: 429, means: { class: 'rate_limited', scope: 'channel' } },
  { from: 400, to: 499, means: { class: 'unlisted', scope: 'message' } },
];

/** The row of a status; what no row holds (5xx, an unreadable success) may have been accepted. */
export function meaningOfStatus(status: number): FailureRow {
  return httpStatusTable.find((row) => status >= row.from && status <= row.to)?.means ?? { class: 'unknown', scope: 'message' };
}
