import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { channelTypes, defaultPolicy, ladder, type Ladder } from '../../domain/channel.js';
import { planDelivery, policyInForce } from '../../domain/plan.js';
import { mayCloseThread, threadScopeKey } from '../../domain/thread.js';
import { channel } from './facts.js';

function expectLadder({ connectMs, replyMs, exchangeMs, sendDeadlineMs, startToCloseMs, heartbeatMs }: Ladder): void {
  const rungs = [connectMs, replyMs, exchangeMs, sendDeadlineMs, startToCloseMs];
  for (const [index, rung] of rungs.slice(1).entries()) expect(rung).toBeGreaterThan(rungs[index]!);
  expect(heartbeatMs).toBeLessThan(startToCloseMs);
}

describe('the ladder of time-outs', () => {
  test.each(channelTypes)('H3 every inner time-out of %s is shorter than the one around it', (type) => {
    expectLadder(defaultPolicy(type).ladder);
  });

  test('H3 a ladder completed from its inner rungs keeps the order, however short they are', () => {
    const inner = fc.tuple(fc.integer({ min: 1, max: 60_000 }), fc.integer({ min: 1, max: 60_000 }), fc.integer({ min: 1, max: 600_000 }));
    fc.assert(
      fc.property(inner, ([connectMs, more, rest]) => {
        const replyMs = connectMs + more;
        expectLadder(ladder({ connectMs, replyMs, exchangeMs: replyMs + rest, heartbeatMs: connectMs }));
      }),
    );
  });
});

describe('the policy in force', () => {
  test('R99 the defaults: a chat channel waits 15 min and parks, email repeats at once', () => {
    expect(defaultPolicy('whatsapp')).toMatchObject({ onUnknown: 'park', unknownWaitMs: 15 * 60_000 });
    expect(defaultPolicy('email')).toMatchObject({ onUnknown: 'resend', unknownWaitMs: 0 });
  });

  test('R101 the defaults: 15 min and a cap of 5 min on chat channels, 24 h and 30 min on email', () => {
    expect(defaultPolicy('whatsapp').retry).toEqual({ deadlineMs: 900_000, initialMs: 5_000, maximumMs: 300_000 });
    expect(defaultPolicy('email').retry).toEqual({ deadlineMs: 86_400_000, initialMs: 5_000, maximumMs: 1_800_000 });
  });

  test('R101 what the operator sets goes over the defaults, and a dispatch may bring its own retry deadline', () => {
    const set = { onUnknown: 'resend' as const, retry: { deadlineMs: 1, initialMs: 2, maximumMs: 3 } };
    expect(policyInForce('whatsapp', set)).toMatchObject({ ...set, unknownWaitMs: 15 * 60_000 });
    expect(policyInForce('whatsapp', set, 9).retry).toEqual({ deadlineMs: 9, initialMs: 2, maximumMs: 3 });
  });
});

describe('the plan of a delivery', () => {
  test('R77 X17 email has nothing to dispose of', () => {
    expect(planDelivery(channel('email'), 'e1', null, 'queued').disposition).toBeNull();
    expect(planDelivery(channel('whatsapp'), 'p1', { kind: 'assign_self' }, 'queued').disposition).toBe('assign_self');
  });

  test('R99 where nothing can report, nobody waits for a report', () => {
    const policy = { unknownWaitMs: 60_000 };
    expect(planDelivery(channel('sms', { policy }), 'p1', null, 'queued').policy.unknownWaitMs).toBe(0);
    expect(planDelivery(channel('whatsapp', { policy }), 'p1', null, 'queued').policy.unknownWaitMs).toBe(60_000);
  });

  test('R103 only a channel that reports failures late is waited for after acceptance', () => {
    expect(planDelivery(channel('whatsapp'), 'p1', { kind: 'close' }, 'queued').lateRefusals).toBe(true);
    expect(planDelivery(channel('email'), 'e1', null, 'queued').lateRefusals).toBe(false);
  });
});

test('X2 the scope of the client has one key for all channels, the scope of the channel one for each', () => {
  expect(threadScopeKey('client', 'c1', 'a')).toBe(threadScopeKey('client', 'c1', 'b'));
  expect(threadScopeKey('client', 'c1', 'a')).not.toBe(threadScopeKey('client', 'c2', 'a'));
  expect(threadScopeKey('channel', 'c1', 'a')).not.toBe(threadScopeKey('channel', 'c1', 'b'));
  expect(threadScopeKey('channel', 'c1', 'a')).not.toBe(threadScopeKey('client', 'c1', 'a'));
});

test.each([
  { role: 'agent', assigneeId: null, may: true },
  { role: 'agent', assigneeId: 'me', may: true },
  { role: 'agent', assigneeId: 'colleague', may: false },
  { role: 'supervisor', assigneeId: 'colleague', may: true },
  { role: 'admin', assigneeId: 'colleague', may: true },
  { role: 'service', assigneeId: 'colleague', may: true },
] as const)('$role may close a thread of $assigneeId: $may', ({ role, assigneeId, may }) => {
  expect(mayCloseThread({ id: 'me', role }, { assigneeId })).toBe(may);
});
