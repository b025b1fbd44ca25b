import { describe, expect, test } from '@jest/globals';
import { defaultPayloadConverter } from '@temporalio/common';
import proto from '@temporalio/proto';
import { surface } from '../../api/surface.js';
import { waitingFors } from '../../domain/dispatch.js';
import type { Candidate } from '../../domain/recipient.js';
import { createCodec } from '../../runtime/codec.js';
import { describeDispatch, type Described, describeWait, summarise, type Wait } from '../../workflows/user-metadata.js';

const candidate = (position: number, more: Partial<Candidate> = {}): Candidate => ({
  contactPointId: `point-${position}`,
  kind: 'phone',
  position,
  selected: true,
  usable: true,
  reasons: [],
  windowOpenUntil: null,
  templateRequired: false,
  ...more,
});
const wait: Wait = {
  dispatchId: 'd-1',
  senderId: 's-1',
  waitingFor: 'recipient',
  until: new Date('2026-05-01T10:00:00Z'),
  reason: null,
  candidates: [candidate(0), candidate(1, { templateRequired: true }), candidate(2, { usable: false, reasons: ['CHANNEL_BLOCKED'] })],
};
const start: Described = {
  dispatchId: '0199c0de-0000-7000-8000-00000000beef',
  clientId: 'c-1',
  senderId: 's-1',
  senderRole: 'agent',
  channelId: 'ch-1',
  channelType: 'email',
  contentKind: 'text',
};

describe('what Temporal Web shows in words', () => {
  test('R4 a wait tells who waits for what until when, what follows, how to answer, and the candidates by position, kind and id', () => {
    const text = describeWait(wait);
    expect(text).toMatch(
      /^Sender `s-1` waits for \*\*somebody to choose the recipient\*\* until \*\*2026-05-01T10:00:00.000Z\*\*; then the dispatch ends `expired` and nothing is sent\./,
    );
    expect(text).toContain('`POST /v1/dispatches/d-1/recipient-choice`');
    expect(text).toContain('- phone at position 0: `point-0` can be chosen\n');
    expect(text).toContain('- phone at position 1: `point-1` can be chosen, takes a template only\n');
    expect(text).toContain('- phone at position 2: `point-2` cannot be chosen: CHANNEL_BLOCKED');
    expect(describeWait({ ...wait, waitingFor: 'decision', reason: 'ACTIVE_THREAD_APPEARED' })).toContain('Reason: `ACTIVE_THREAD_APPEARED`');
  });

  test.each(waitingFors)('R4 a wait for %s names calls that the API has', (waitingFor) => {
    const paths = surface.filter((route) => route.method === 'post').map((route) => route.path);
    const named = [...describeWait({ ...wait, waitingFor }).matchAll(/`POST (\S+)`/g)].map(([, path]) => path!.replace('d-1', '{id}'));
    expect(paths).toEqual(expect.arrayContaining(named));
    expect(named).toHaveLength(new Set(named).size);
  });

  test('R4 a start tells channel, kind, sender, client, and where the API shows it', () => {
    expect(summarise(start)).toBe('email · text · by agent · 0000beef');
    expect(summarise({ ...start, channelType: null, channelId: null })).toBe('any channel · text · by agent · 0000beef');
    const details = describeDispatch(start, 'http://api.test');
    expect(details).toContain('A text message of agent `s-1` to client `c-1` by email channel `ch-1`.');
    expect(details).toContain(`(http://api.test/v1/dispatches/${start.dispatchId})`);
  });

  test.each(['x', 'я', '"', '\n', '\u0001', '📱', '\ud83d'])(
    'R4 texts of any length and of %j fit what the server takes, encrypted; none is cut sooner than it must',
    async (character) => {
      const summaries = [1, 100, 10_000].map((n) => summarise({ ...start, contentKind: character.repeat(n) }));
      for (const text of summaries) expect(await encodedBytes(text)).toBeLessThanOrEqual(400);
      expect(summaries[0]).toContain('0000beef');
      expect(await encodedBytes(summaries[2]!)).toBeGreaterThan(380);

      const reasons = { usable: false, reasons: Array.from({ length: 10 }, () => character.repeat(10)) as Candidate['reasons'] };
      const details = describeWait({ ...wait, candidates: Array.from({ length: 1_000 }, (_, i) => candidate(i, reasons)) });
      expect(await encodedBytes(details)).toBeLessThanOrEqual(20_000);
      expect(await encodedBytes(details)).toBeGreaterThan(19_900);
      expect(details).toContain('recipient-choice');
      expect(details).toMatch(/…$/);
    },
  );
});

/** As the server counts it, with the longest key id that the settings allow. */
async function encodedBytes(text: string): Promise<number> {
  const codec = createCodec([{ id: 'k'.repeat(32), key: Buffer.alloc(32, 3) }]);
  const [payload] = await codec.encode([defaultPayloadConverter.toPayload(text)!]);
  return proto.temporal.api.common.v1.Payload.encode(payload!).finish().length;
}
