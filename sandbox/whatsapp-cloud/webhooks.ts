/** Posts webhooks as Meta does: signed over the exact bytes, at least once, repeated with back-off until the answer is 200. */

import { createHmac, randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { z } from 'zod';
import { createLimit } from '../limit.js';
import { createTimers } from '../timers.js';

const ANSWER_MS = 10_000;
const MAX_POSTS_AT_ONCE = 32;

/** Milliseconds; the wait doubles from `firstMs` to `maxMs`. The default gives a receiver about two minutes to come back. */
export interface WebhookRetry {
  firstMs: number;
  maxMs: number;
  tries: number;
}
export const defaultRetry: WebhookRetry = { firstMs: 250, maxMs: 15_000, tries: 14 };

export const webhookTarget = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  appSecret: z.string().min(1),
  verifyToken: z.string().min(1).default('sandbox'),
});
export type WebhookTarget = z.output<typeof webhookTarget>;

export interface Webhooks {
  set(phoneNumberId: string, target: WebhookTarget): void;
  find(phoneNumberId: string): WebhookTarget | null;
  /** Without the secrets. */
  list(): { phoneNumberId: string; url: string }[];
  /** Meta's GET: true when the target answers 200 with our challenge. */
  handshake(target: WebhookTarget): Promise<boolean>;
  /** One try; the answer's status, null when there was no answer. */
  post(target: WebhookTarget, payload: object): Promise<number | null>;
  /** Tries until 200 or until the tries are used up; nothing happens where no target is set. */
  deliver(phoneNumberId: string, payload: object): void;
  /** Gives up what is waiting. */
  clear(): void;
  close(): void;
}

export function createWebhooks(deps: { retry: WebhookRetry; log: Logger }): Webhooks {
  const { retry, log } = deps;
  const targets = new Map<string, WebhookTarget>();
  const timers = createTimers();
  const limit = createLimit(MAX_POSTS_AT_ONCE);
  const closing = new AbortController();

  async function post(target: WebhookTarget, payload: object): Promise<number | null> {
    const body = JSON.stringify(payload);
    return send(target.url, body, { 'content-type': 'application/json', 'x-hub-signature-256': sign(target.appSecret, body) }, closing.signal);
  }

  function attempt(phoneNumberId: string, payload: object, tryNo: number): void {
    limit(async () => {
      const target = targets.get(phoneNumberId);
      if (!target || (await post(target, payload)) === 200) return;
      if (tryNo >= retry.tries) return log.warn({ phoneNumberId, tries: tryNo }, 'a webhook was given up');
      if (!closing.signal.aborted) timers.after(Math.min(retry.maxMs, retry.firstMs * 2 ** (tryNo - 1)), () => attempt(phoneNumberId, payload, tryNo + 1));
    });
  }

  return {
    set: (phoneNumberId, target) => void targets.set(phoneNumberId, target),
    find: (phoneNumberId) => targets.get(phoneNumberId) ?? null,
    list: () => [...targets].map(([phoneNumberId, { url }]) => ({ phoneNumberId, url })),
    handshake: async (target) => {
      const challenge = randomUUID();
      const url = new URL(target.url);
      const question = { 'hub.mode': 'subscribe', 'hub.verify_token': target.verifyToken, 'hub.challenge': challenge };
      Object.entries(question).forEach(([name, value]) => url.searchParams.set(name, value));
      const answer = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(ANSWER_MS) }).catch(() => null);
      return answer?.status === 200 && (await answer.text()) === challenge;
    },
    post,
    deliver: (phoneNumberId, payload) => attempt(phoneNumberId, payload, 1),
    clear: () => timers.clear(),
    close: () => {
      closing.abort();
      timers.clear();
    },
  };
}

/** `sha256=<hex HMAC>` over exactly these bytes. */
export function sign(secret: string, body: string | Buffer): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}

/** One POST; the answer's status, null when there was none in time. A redirect is not followed. */
export async function send(url: string, body: string | Buffer, headers: Record<string, string>, closing?: AbortSignal): Promise<number | null> {
  const timeout = AbortSignal.timeout(ANSWER_MS);
  const signal = closing ? AbortSignal.any([closing, timeout]) : timeout;
  try {
    const answer = await fetch(url, { method: 'POST', body, headers, redirect: 'manual', signal });
    await answer.arrayBuffer();
    return answer.status;
  } catch {
    return null;
  }
}
