/** A caller as callers should be: it repeats what was not answered, with the same Idempotency-Key, at another API. */

import type { Diary } from './diary.js';
import { pause } from './pause.js';

/** What a request may take by the API's own limits, with the wait for a connection to find out who calls; then it hangs. Milliseconds. */
const answerMs = { plain: 12_000, message: 22_000 };
const firstRestMs = 100;
const longestRestMs = 2_000;

export interface Asked {
  /** A bearer key. */
  as: string;
  method: 'GET' | 'POST' | 'PATCH';
  path: string;
  body?: unknown;
  /** The Idempotency-Key. */
  key?: string;
  /** Which API is asked first. */
  door?: number;
}

export interface Answer {
  status: number;
  body: Record<string, unknown>;
}

/** Null: not answered, given up. */
export type Ask = (asked: Asked) => Promise<Answer | null>;

/** An API to call; `undisturbedSince`: nobody has killed, frozen or stopped it, or cut it off, since that time (milliseconds since 1970). */
export interface Door {
  url: string;
  undisturbedSince(at: number): boolean;
}

export function createCaller(doors: readonly Door[], diary: Diary, patienceMs: number): Ask {
  return async (asked) => {
    const end = Date.now() + patienceMs;
    for (let tries = 0; ; tries++) {
      const door = doors[((asked.door ?? 0) + tries) % doors.length]!;
      const answer = await callOnce(door, asked, diary);
      if (answer !== null && !isPassing(answer)) return answer;
      if (Date.now() > end) {
        diary.givenUp.push(`${asked.method} ${asked.path} ${asked.key ?? ''}`);
        return null;
      }
      await pause(Math.min(longestRestMs, firstRestMs * 2 ** tries));
    }
  };
}

/** What says "not now", and a fault of ours, which says "repeat the request". */
function isPassing({ status, body }: Answer): boolean {
  return status === 503 || status === 429 || status === 500 || (status === 409 && body['code'] === 'SUBMIT_IN_PROGRESS');
}

async function callOnce(door: Door, { as, method, path, body, key }: Asked, diary: Diary): Promise<Answer | null> {
  const began = Date.now();
  const isMessage = method === 'POST' && /^\/v1\/dispatches\/./.test(path);
  try {
    const response = await fetch(`${door.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${as}`,
        // A connection of its own each: none is held open that nobody uses.
        connection: 'close',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(isMessage ? answerMs.message : answerMs.plain),
    });
    const text = await response.text();
    count(diary, response.status);
    if (response.status >= 400) diary.errors.push(text);
    if (response.status === 500) diary.faults.push(`${method} ${path}: ${text}`);
    return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> };
  } catch (error) {
    count(diary, 0);
    if ((error as Error).name === 'TimeoutError' && door.undisturbedSince(began)) diary.hung.push(`${method} ${path} after ${Date.now() - began} ms`);
    return null;
  }
}

function count({ answers }: Diary, status: number): void {
  answers.set(status, (answers.get(status) ?? 0) + 1);
}
