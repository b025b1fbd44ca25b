import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type BlockFacts, decideEligibility, type OpenThreadFacts } from '../../domain/eligibility.js';
import { decideNextStep } from '../../domain/next-step.js';
import { channel, codesOf, email, factsWith, phone, point } from './facts.js';

const decide = (spec: Parameters<typeof factsWith>[0] = {}) => decideEligibility(factsWith(spec));
const thread = (spec: Partial<OpenThreadFacts> = {}): OpenThreadFacts => ({ id: 't1', channelId: 'whatsapp', own: false, clientWrote: false, ...spec });
const block = (spec: Partial<BlockFacts> = {}): BlockFacts => ({ channelId: null, contactPointId: null, ...spec });

test('an ordinary text to an ordinary client is allowed, to the one contact point that there is', () => {
  expect(decide()).toMatchObject({ allowed: true, refusals: [], warnings: [], channelId: 'whatsapp', contactPointId: 'p1', ask: false });
});

describe('who may be written to, and where', () => {
  const botPoint = point('t1', 'telegram_id');
  test('R10 R11 an existing client is written to in a channel that they wrote in, though that channel cannot write first', () => {
    const used = channel('telegram_bot', { clientWroteHere: true });
    expect(decide({ channels: [used], contactPoints: [botPoint], request: { channelId: 'telegram_bot' } }).allowed).toBe(true);
  });

  test.each([
    { wrote: false, coldStart: false, reached: true, codes: ['CHANNEL_NOT_USED_BEFORE'] },
    { wrote: true, coldStart: false, reached: true, codes: [] },
    { wrote: false, coldStart: true, reached: true, codes: [] },
    { wrote: true, coldStart: true, reached: true, codes: [] },
    { wrote: false, coldStart: true, reached: false, codes: ['NO_CONTACT_POINT'] },
    { wrote: false, coldStart: false, reached: false, codes: ['CHANNEL_NOT_USED_BEFORE', 'NO_CONTACT_POINT'] },
  ])('X6 wrote here $wrote, may write first $coldStart, has a contact point $reached → $codes', ({ wrote, coldStart, reached, codes }) => {
    const sms = channel('sms', { clientWroteHere: wrote, capabilities: { coldStart } });
    const contactPoints = reached ? [phone('p1')] : [email('e1')];
    expect(codesOf(decide({ channels: [sms], contactPoints, request: { channelId: 'sms' } }))).toEqual(codes);
  });

  test('R16 a channel that is not enabled is refused, and an enabled one of the same type is not', () => {
    const channels = [channel('whatsapp', { enabled: false }), channel('whatsapp', { id: 'other' })];
    const contactPoints = [phone('p1', { wroteHoursAgo: { whatsapp: 1, other: 1 } })];
    expect(decide({ channels, contactPoints }).refusals).toEqual([{ code: 'CHANNEL_DISABLED', channelId: 'whatsapp' }]);
    expect(decide({ channels, contactPoints, request: { channelId: 'other' } }).allowed).toBe(true);
  });

  test('R76 an email needs an email contact point', () => {
    expect(codesOf(decide({ contactPoints: [phone('p1')], request: { channelId: 'email' } }))).toEqual(['NO_CONTACT_POINT']);
  });
});

describe('blocks', () => {
  test.each([
    { name: 'a block on all', blocks: [block()], codes: ['CLIENT_BLOCKED'] },
    { name: 'a block on this channel', blocks: [block({ channelId: 'whatsapp' })], codes: ['CHANNEL_BLOCKED'] },
    { name: 'a block on another channel', blocks: [block({ channelId: 'sms' })], codes: [] },
    { name: 'a block on every enabled channel', blocks: [block({ channelId: 'whatsapp' }), block({ channelId: 'sms' })], codes: ['CLIENT_BLOCKED'] },
    { name: 'a block on all and one on this channel', blocks: [block({ channelId: 'whatsapp' }), block()], codes: ['CLIENT_BLOCKED'] },
  ])('R12 R15 X1 $name → $codes', ({ blocks, codes }) => {
    const channels = [channel('whatsapp'), channel('sms'), channel('viber', { enabled: false })];
    expect(codesOf(decide({ channels, blocks }))).toEqual(codes);
  });

  test('R15 blocked on one channel of their phone, the client is still written to on the others', () => {
    const blocks = [block({ channelId: 'viber' })];
    const allowed = ['whatsapp', 'sms', 'telegram_account', 'email'].map((channelId) => decide({ blocks, request: { channelId } }).allowed);
    expect(allowed).toEqual([true, true, true, true]);
    expect(decide({ blocks, request: { channelId: 'viber' } }).refusals).toEqual([{ code: 'CHANNEL_BLOCKED', channelId: 'viber' }]);
  });

  test('X1 a block of one channel on one contact point leaves the other contact points and the other channels open', () => {
    const contactPoints = [phone('p1'), phone('p2', { selected: true })];
    const blocks = [block({ channelId: 'whatsapp', contactPointId: 'p2' })];
    expect(codesOf(decide({ contactPoints, blocks }))).toEqual(['CHANNEL_BLOCKED', 'NO_CONTACT_POINT']);
    expect(decide({ contactPoints, blocks, request: { channelId: 'sms' } })).toMatchObject({ allowed: true, contactPointId: 'p2' });
  });

  test('X1 where no channel is enabled at all, a block on one channel is still that: blocked there', () => {
    const channels = [channel('whatsapp', { enabled: false })];
    expect(codesOf(decide({ channels, blocks: [block({ channelId: 'whatsapp' })] }))).toEqual(['CHANNEL_BLOCKED', 'CHANNEL_DISABLED']);
  });

  test('R12 R95 a block that came after the first check is seen by the next one', () => {
    expect(decide({ firstCheck: true }).allowed).toBe(true);
    expect(codesOf(decide({ firstCheck: false, blocks: [block()] }))).toEqual(['CLIENT_BLOCKED']);
  });
});

describe('active threads', () => {
  test.each([
    { scope: 'client', threads: [], first: 'allowed', later: 'allowed' },
    { scope: 'client', threads: [thread()], first: 'ACTIVE_THREAD', later: 'ACTIVE_THREAD_APPEARED' },
    { scope: 'client', threads: [thread({ channelId: 'sms' })], first: 'ACTIVE_THREAD', later: 'ACTIVE_THREAD_APPEARED' },
    { scope: 'channel', threads: [thread()], first: 'ACTIVE_THREAD', later: 'ACTIVE_THREAD_APPEARED' },
    { scope: 'channel', threads: [thread({ channelId: 'sms' })], first: 'allowed', later: 'allowed' },
    { scope: 'client', threads: [thread({ own: true })], first: 'allowed', later: 'allowed' },
    { scope: 'client', threads: [thread({ own: true, clientWrote: true })], first: 'ACTIVE_THREAD', later: 'ACTIVE_THREAD_APPEARED' },
  ] as const)('R13 R84 X2 scope $scope, threads $threads → first check $first, later $later', ({ scope, threads, first, later }) => {
    const answer = (firstCheck: boolean): string => {
      const verdict = decide({ firstCheck, openThreads: [...threads], settings: { activeThreadScope: scope } });
      return verdict.allowed ? 'allowed' : codesOf(verdict).join(' ');
    };
    expect([answer(true), answer(false)]).toEqual([first, later]);
  });

  test('R13 R84 the refusal names the thread that is in the way, and no other', () => {
    const openThreads = [thread({ id: 'mine', own: true }), thread({ id: 'elsewhere', channelId: 'sms' }), thread({ id: 'here' })];
    const named = (activeThreadScope: 'client' | 'channel') => decide({ openThreads, settings: { activeThreadScope } }).refusals;
    expect(named('client')).toEqual([{ code: 'ACTIVE_THREAD', channelId: 'whatsapp', threadId: 'elsewhere' }]);
    expect(named('channel')).toEqual([{ code: 'ACTIVE_THREAD', channelId: 'whatsapp', threadId: 'here' }]);
    const joined = decide({ firstCheck: false, openThreads: [thread({ id: 'mine', own: true, clientWrote: true })] });
    expect(joined.refusals).toEqual([{ code: 'ACTIVE_THREAD_APPEARED', channelId: 'whatsapp', threadId: 'mine' }]);
  });

  test('R14 X13 email is allowed despite an active thread, if the client has an email contact point and the email channel is enabled', () => {
    const openThreads = [thread(), thread({ channelId: 'email' })];
    const request = { channelId: 'email' };
    expect(decide({ openThreads, request }).allowed).toBe(true);
    expect(codesOf(decide({ openThreads, request, contactPoints: [phone('p1')] }))).toEqual(['NO_CONTACT_POINT']);
    expect(codesOf(decide({ openThreads, request, channels: [channel('email', { enabled: false })] }))).toEqual(['CHANNEL_DISABLED']);
  });

  test('X2 with the scope of the client, a race leaves email alone; with the scope of the channel, the other channels too', () => {
    const allowedOn = (activeThreadScope: 'client' | 'channel'): string[] =>
      ['whatsapp', 'viber', 'sms', 'telegram_account', 'email'].filter(
        (channelId) => decide({ firstCheck: false, openThreads: [thread()], settings: { activeThreadScope }, request: { channelId } }).allowed,
      );
    expect(allowedOn('client')).toEqual(['email']);
    expect(allowedOn('channel')).toEqual(['viber', 'sms', 'telegram_account', 'email']);
  });

  test('a re-send after a late refusal stays in its own thread, so that no active thread is in its way', () => {
    expect(decide({ firstCheck: false, threadHeld: true, openThreads: [thread()] }).allowed).toBe(true);
  });

  test('R84 R85 a race after the first check parks the dispatch of a person for a decision; a race before it rejects', () => {
    const step = (firstCheck: boolean) => decideNextStep(decide({ firstCheck, openThreads: [thread()] }), { firstCheck, parks: true, attemptRefused: false });
    expect(step(true)).toEqual({ kind: 'end', state: 'rejected', reason: 'ACTIVE_THREAD' });
    expect(step(false)).toEqual({ kind: 'wait', waitingFor: 'decision', reason: 'ACTIVE_THREAD_APPEARED' });
  });
});

describe('the channel, when none is asked for', () => {
  const open = { channelId: null };
  test('R47 the topmost contact point decides, whatever order the facts come in', () => {
    const contactPoints = [phone('p1', { position: 2 }), email('e1', { position: 1 })];
    expect(decide({ contactPoints, request: open })).toMatchObject({ channelId: 'email', contactPointId: 'e1' });
    expect(decide({ contactPoints: contactPoints.toReversed(), request: open })).toMatchObject({ channelId: 'email', contactPointId: 'e1' });
  });

  test('R33 R47 three clients whose topmost contact points differ are served by three channels', () => {
    const topmost = [email('x'), phone('x'), point('x', 'telegram_id')];
    const channels = [channel('email'), channel('whatsapp'), channel('telegram_bot', { clientWroteHere: true })];
    const served = topmost.map((first) => decide({ channels, contactPoints: [first, email('e9'), phone('p9')], request: open }).channelId);
    expect(served).toEqual(['email', 'whatsapp', 'telegram_bot']);
  });

  test('R47 a contact point that no enabled channel serves is skipped, and the verdict says so (X20)', () => {
    const channels = [channel('whatsapp', { enabled: false }), channel('email')];
    const verdict = decide({ channels, contactPoints: [point('tw', 'twitter_id'), phone('p1'), email('e1')], request: { ...open, disposition: null } });
    expect(verdict).toMatchObject({ allowed: true, channelId: 'email', contactPointId: 'e1' });
    expect(verdict.warnings).toEqual([
      { code: 'CONTACT_POINT_SKIPPED', contactPointId: 'tw' },
      { code: 'CONTACT_POINT_SKIPPED', contactPointId: 'p1' },
    ]);
  });

  test('R47 no contact point that any enabled channel serves: NO_CONTACT_POINT', () => {
    expect(codesOf(decide({ contactPoints: [point('tw', 'twitter_id')], request: open }))).toEqual(['NO_CONTACT_POINT']);
    expect(codesOf(decide({ contactPoints: [], request: open }))).toEqual(['NO_CONTACT_POINT']);
  });

  test('R34 R47 within a kind the selected one counts; a selected phone does not take the topmost email out', () => {
    const contactPoints = [email('e1'), phone('p1'), phone('p2', { selected: true })];
    expect(decide({ contactPoints, request: open })).toMatchObject({ channelId: 'email', contactPointId: 'e1' });
    expect(decide({ contactPoints: contactPoints.slice(1), request: open })).toMatchObject({ channelId: 'whatsapp', contactPointId: 'p2' });
  });
});

describe('what the door could not judge while the channel was not known', () => {
  const close = { kind: 'close' } as const;
  const text = { kind: 'text', text: 'Hello' } as const;
  const toPhone = [phone('p1'), email('e1')];
  const toEmail = [email('e1'), phone('p1')];

  test.each([
    { rule: 'R75 X12', name: 'an email without a subject', contactPoints: toEmail, request: { content: text, disposition: null }, code: 'SUBJECT_REQUIRED' },
    {
      rule: 'R74',
      name: 'a mailbox that is not connected',
      contactPoints: toEmail,
      request: { content: { ...text, subject: 'S', from: 'ceo@shop.example' }, disposition: null },
      code: 'FROM_NOT_CONNECTED',
    },
    { rule: 'R71', name: 'BCC on WhatsApp', contactPoints: toPhone, request: { content: { ...text, bcc: ['a@b.co'] } }, code: 'BCC_NOT_SUPPORTED' },
    { rule: 'R77', name: 'a disposition of an email', contactPoints: toEmail, request: { disposition: close }, code: 'DISPOSITION_NOT_ALLOWED' },
    { rule: 'R79', name: 'a chat message without a disposition', contactPoints: toPhone, request: { disposition: null }, code: 'DISPOSITION_REQUIRED' },
    {
      rule: 'R81 X11',
      name: 'a supervisor who assigns to themselves',
      contactPoints: toPhone,
      request: { sender: { id: 'sue', role: 'supervisor' }, disposition: { kind: 'assign_self' } },
      code: 'DISPOSITION_NOT_ALLOWED',
    },
    { rule: '4.2', name: 'a text too long', contactPoints: toPhone, request: { content: { kind: 'text', text: 'x'.repeat(4_097) } }, code: 'TEXT_TOO_LONG' },
  ] as const)('$rule $name is refused by the check → $code', ({ contactPoints, request, code }) => {
    const verdict = decide({ contactPoints: [...contactPoints], request: { channelId: null, ...(request as object) } });
    expect(codesOf(verdict)).toEqual([code]);
    expect(verdict.refusals[0]!.field).toMatch(/^\/(content|disposition)/);
  });

  test('R73 the verdict names the place of a wrong BCC address, never the address', () => {
    const content = { ...text, subject: 'S', bcc: ['ok@b.co', 'secret+tag@b.co'] };
    const verdict = decide({ request: { channelId: 'email', content } });
    expect(verdict.refusals).toEqual([{ code: 'BCC_INVALID', channelId: 'email', field: '/content/bcc/1' }]);
    expect(JSON.stringify(verdict)).not.toContain('secret');
  });

  test('R74 a mailbox that was taken away meanwhile parks the dispatch of a person', () => {
    const verdict = decide({ firstCheck: false, request: { channelId: 'email', content: { ...text, subject: 'S', from: 'old@shop.example' } } });
    expect(decideNextStep(verdict, { firstCheck: false, parks: true, attemptRefused: false })).toEqual({
      kind: 'wait',
      waitingFor: 'decision',
      reason: 'FROM_NOT_CONNECTED',
    });
  });

  test('a registered template fits the channel that the contact point decided, and no other', () => {
    const template = { registered: true, status: 'approved', textOnly: true, channelId: 'whatsapp' } as const;
    const request = { channelId: null, content: { kind: 'template' }, template } as const;
    expect(decide({ contactPoints: toPhone, request }).allowed).toBe(true);
    expect(codesOf(decide({ contactPoints: toEmail, request: { ...request, disposition: null } }))).toEqual(['TEMPLATE_NOT_SUPPORTED']);
  });
});

test('a verdict lists all codes that apply, those about the client first', () => {
  const verdict = decide({
    channels: [channel('whatsapp', { enabled: false, capabilities: { coldStart: false } }), channel('email')],
    contactPoints: [email('e1')],
    blocks: [block()],
    openThreads: [thread()],
  });
  expect(codesOf(verdict)).toEqual(['CLIENT_BLOCKED', 'ACTIVE_THREAD', 'CHANNEL_DISABLED', 'CHANNEL_NOT_USED_BEFORE', 'NO_CONTACT_POINT']);
  expect(verdict.allowed).toBe(false);
});

describe('whatever the facts', () => {
  const id = fc.constantFrom('p1', 'p2', 'p3', 'e1', 'e2');
  const channelId = fc.constantFrom('whatsapp', 'email', 'viber', 'sms');
  const someFacts = fc
    .record({
      points: fc.uniqueArray(id),
      selected: fc.subarray(['p1', 'p2', 'p3', 'e1', 'e2']),
      illFormed: fc.subarray(['p1', 'p2', 'e1']),
      wroteHoursAgo: fc.integer({ min: 0, max: 48 }),
      blocks: fc.array(fc.record({ channelId: fc.option(channelId), contactPointId: fc.option(id) }), { maxLength: 3 }),
      optOuts: fc.array(fc.record({ channelType: fc.option(fc.constantFrom('email', 'whatsapp')), contactPointId: fc.option(id) }), { maxLength: 1 }),
      threads: fc.array(fc.record({ id: fc.constantFrom('t1', 't2'), channelId, own: fc.boolean(), clientWrote: fc.boolean() }), { maxLength: 2 }),
      channelId: fc.option(channelId),
      recipientPolicy: fc.constantFrom('ask', 'priority', 'explicit'),
      contactPointId: fc.option(id),
      pick: fc.option(id),
      askWhenSeveralFilledIn: fc.boolean(),
      firstCheck: fc.boolean(),
      disabled: fc.subarray(['whatsapp', 'email', 'viber']),
    })
    .map((given) =>
      factsWith({
        firstCheck: given.firstCheck,
        channels: (['whatsapp', 'email', 'viber', 'sms'] as const).map((type) => channel(type, { enabled: !given.disabled.includes(type) })),
        contactPoints: given.points.map((one) =>
          (one.startsWith('p') ? phone : email)(one, {
            selected: given.selected.includes(one),
            wellFormed: !given.illFormed.includes(one),
            wroteHoursAgo: { whatsapp: given.wroteHoursAgo },
          }),
        ),
        blocks: given.blocks,
        optOuts: given.optOuts as never,
        openThreads: given.threads,
        settings: { askWhenSeveralFilledIn: given.askWhenSeveralFilledIn },
        request: {
          channelId: given.channelId,
          recipientPolicy: given.recipientPolicy as 'ask',
          contactPointId: given.contactPointId,
          pick: given.recipientPolicy === 'ask' ? given.pick : null,
        },
      }),
    );

  test('an allowed verdict asks or names a usable recipient, never both; a refused one names its codes', () => {
    fc.assert(
      fc.property(someFacts, (facts) => {
        const verdict = decideEligibility(facts);
        expect(verdict.allowed).toBe(verdict.refusals.length === 0);
        if (!verdict.allowed) return;
        expect(verdict.ask).toBe(verdict.contactPointId === null);
        if (verdict.ask) expect(verdict.candidates.some((one) => one.usable)).toBe(true);
        else expect(verdict.candidates.find((one) => one.contactPointId === verdict.contactPointId)?.usable).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test('R12 R15 nothing is ever allowed to a blocked client, on a blocked or disabled channel, or to a blocked contact point', () => {
    fc.assert(
      fc.property(someFacts, (facts) => {
        const verdict = decideEligibility(facts);
        if (!verdict.allowed) return;
        const hit = facts.blocks.filter(
          (one) =>
            (one.channelId === null || one.channelId === verdict.channelId) && (one.contactPointId === null || one.contactPointId === verdict.contactPointId),
        );
        expect(hit).toEqual([]);
        expect(facts.channels.find((one) => one.id === verdict.channelId)?.enabled).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test('R13 R14 nothing but email is ever allowed beside an active thread that is not the own and silent one', () => {
    fc.assert(
      fc.property(someFacts, (facts) => {
        const verdict = decideEligibility(facts);
        if (!verdict.allowed || verdict.channelId === 'email') return;
        expect(facts.openThreads.filter((one) => !one.own || one.clientWrote)).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  test('R95 the verdict is a function of the facts alone: asked twice, it is the same', () => {
    fc.assert(
      fc.property(someFacts, (facts) => {
        const frozen = structuredClone(facts);
        expect(decideEligibility(facts)).toEqual(decideEligibility(frozen));
        expect(facts).toEqual(frozen);
      }),
      { numRuns: 500 },
    );
  });
});
