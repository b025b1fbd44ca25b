/** Messages and contexts for sends in tests: fixed ids, a ladder of seconds, a check that always agrees. */

import { Readable } from 'node:stream';
import type { OutboundMessage, SendCtx } from '../../../channels/channel.js';
import { ladder } from '../../../domain/channel.js';

export const dispatchId = '0197a000-0000-7000-8000-000000000001';
export const attemptId = '0197a000-0000-7000-8000-0000000000a1';

/** Long enough that a healthy send on a busy machine never meets it. */
export const calm = ladder({ connectMs: 5_000, replyMs: 5_000, exchangeMs: 15_000, heartbeatMs: 1_000 });
/** Short enough to wait for. */
export const hasty = ladder({ connectMs: 150, replyMs: 250, exchangeMs: 700, heartbeatMs: 100 });

export function ctxOf<C>(cfg: C, more: Partial<SendCtx<C>> = {}): SendCtx<C> {
  return {
    cfg,
    dispatchId,
    attemptId,
    attemptNo: 1,
    providerKey: 'key-1',
    ladder: calm,
    signal: new AbortController().signal,
    assertMayHandOver: () => {},
    openAttachment: () => Readable.from([]),
    ...more,
  };
}

export function emailTo(to: string, more: Partial<OutboundMessage['content']> = {}, only?: string[]): OutboundMessage {
  return {
    to: { kind: 'email', value: to },
    content: { subject: 'Your order 81', text: 'Hello Anna,\nit is ready.\n', from: null, bcc: [], template: null, ...more },
    acceptedAt: new Date('2026-01-21T08:00:00Z'),
    ...(only ? { only } : {}),
  };
}

export function whatsappTo(value: string, more: Partial<OutboundMessage['content']> = {}): OutboundMessage {
  return {
    to: { kind: /^\+?\d+$/.test(value) ? 'phone' : 'whatsapp_id', value },
    content: { subject: null, text: 'Hello Anna', from: null, bcc: [], template: null, ...more },
    acceptedAt: new Date('2026-01-21T08:00:00Z'),
  };
}

/** Waits until the condition holds, at most `ms`. */
export async function until(condition: () => boolean, ms = 5_000): Promise<void> {
  const end = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > end) throw new Error('The condition did not come true in time.');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
