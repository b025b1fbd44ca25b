import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ContactPointFacts } from '../../domain/eligibility.js';
import { decideEligibility } from '../../domain/eligibility.js';
import { codesOf, email, factsWith, now, phone, point } from './facts.js';

const decide = (spec: Parameters<typeof factsWith>[0] = {}) => decideEligibility(factsWith(spec));

/** In short: `ask`, the recipient's id, or the codes. */
function answer(contactPoints: ContactPointFacts[], spec: Parameters<typeof factsWith>[0] = {}): string {
  const verdict = decide({ ...spec, contactPoints });
  if (!verdict.allowed) return codesOf(verdict).join(' ');
  return verdict.ask ? 'ask' : verdict.contactPointId!;
}

const onEmail = { request: { channelId: 'email' } };
const selected = { selected: true };
const blockedOnWhatsapp = (contactPointId: string) => ({ blocks: [{ channelId: 'whatsapp', contactPointId }] });

describe('one is used, several are asked about', () => {
  test.each([
    { rule: 'R36', name: 'one filled in, none selected', points: [phone('p1')], expected: 'p1' },
    { rule: 'R36', name: 'one selected of three', points: [phone('p1'), phone('p2', selected), phone('p3')], expected: 'p2' },
    { rule: 'R35 R40', name: 'two selected of three', points: [phone('p1', selected), phone('p2'), phone('p3', selected)], expected: 'ask' },
    { rule: 'R34 X9', name: 'several filled in, none selected: all count as selected', points: [phone('p1'), phone('p2')], expected: 'ask' },
    { rule: 'R45', name: 'none at all', points: [email('e1')], expected: 'NO_CONTACT_POINT' },
  ])('$rule phones, $name → $expected', ({ points, expected }) => {
    expect(answer(points)).toBe(expected);
    expect(answer(points, { request: { channelId: 'telegram_account' } })).toBe(expected);
  });

  test.each([
    { rule: 'R37', name: 'one filled in', points: [email('e1')], expected: 'e1' },
    { rule: 'R37', name: 'one selected of two', points: [email('e1'), email('e2', selected)], expected: 'e2' },
    { rule: 'R40', name: 'two selected', points: [email('e1', selected), email('e2', selected)], expected: 'ask' },
    { rule: 'R34 X9', name: 'two filled in, none selected', points: [email('e1'), email('e2')], expected: 'ask' },
    { rule: 'R45 R76', name: 'none at all', points: [phone('p1')], expected: 'NO_CONTACT_POINT' },
  ])('$rule emails, $name → $expected', ({ points, expected }) => {
    expect(answer(points, onEmail)).toBe(expected);
  });

  test('R36 R37 the one selected is used even if earlier messages went elsewhere', () => {
    const wrote = { wroteHoursAgo: { whatsapp: 0.1, email: 0.1 } };
    const silent = { selected: true, wroteHoursAgo: { whatsapp: 23 } };
    expect(answer([phone('old', wrote), phone('new', silent)])).toBe('new');
    expect(answer([email('old', wrote), email('new', silent)], onEmail)).toBe('new');
  });

  test('R38 after the switch to another single number every later message goes there, on every phone channel', () => {
    const points = [phone('old'), phone('new', { selected: true, wroteHoursAgo: { whatsapp: 1 } })];
    const used = ['whatsapp', 'telegram_account', 'viber', 'sms'].map((channelId) => answer(points, { firstCheck: false, request: { channelId } }));
    expect(used).toEqual(['new', 'new', 'new', 'new']);
  });

  test('R39 with one phone and one email nobody is asked, and the count is per kind', () => {
    expect(answer([phone('p1'), email('e1')])).toBe('p1');
    expect(answer([phone('p1'), email('e1'), email('e2')])).toBe('p1');
    expect(answer([phone('p1'), email('e1'), phone('p2')], onEmail)).toBe('e1');
  });

  test('R30 R33 several of one kind are listed topmost first, whatever order the facts come in', () => {
    const points = [phone('p3', { position: 9 }), phone('p1', { position: 3 }), phone('p2', { position: 4 })];
    expect(decide({ contactPoints: points }).candidates.map((one) => one.contactPointId)).toEqual(['p1', 'p2', 'p3']);
  });
});

describe('unusable ones', () => {
  test('R40 X9 several selected are counted before unusable ones are taken out: one left usable is still asked about', () => {
    const points = [phone('p1', selected), phone('p2', selected)];
    expect(answer(points, blockedOnWhatsapp('p2'))).toBe('ask');
    expect(answer(points, { optOuts: [{ channelType: 'whatsapp', contactPointId: 'p2' }] })).toBe('ask');
    expect(answer([phone('p1', selected), phone('p2', { selected: true, undeliverableOn: ['whatsapp'] })])).toBe('ask');
    expect(answer([phone('p1', selected), phone('p2', { selected: true, wellFormed: false })])).toBe('ask');
  });

  test('X9 none of the selected is usable: refused, with each reason and its contact point', () => {
    const verdict = decide({
      contactPoints: [phone('p1', selected), phone('p2', { selected: true, undeliverableOn: ['whatsapp'] }), phone('p3')],
      ...blockedOnWhatsapp('p1'),
    });
    expect(verdict.refusals).toEqual([
      { code: 'CHANNEL_BLOCKED', channelId: 'whatsapp', contactPointId: 'p1' },
      { code: 'RECIPIENT_UNDELIVERABLE', channelId: 'whatsapp', contactPointId: 'p2' },
      { code: 'NO_CONTACT_POINT', channelId: 'whatsapp' },
    ]);
  });

  test('X9 the one selected is unusable: another one that is filled in is not taken in its place', () => {
    expect(answer([phone('p1'), phone('p2', selected)], blockedOnWhatsapp('p2'))).toBe('CHANNEL_BLOCKED NO_CONTACT_POINT');
  });

  test('R41 the chooser lists all of the kind; the unusable ones are shown with their reasons', () => {
    const { candidates, ask } = decide({
      contactPoints: [
        phone('blocked', selected),
        email('e1'),
        phone('fine', selected),
        phone('off'),
        phone('bad', { selected: true, wellFormed: false, undeliverableOn: ['whatsapp'] }),
      ],
      ...blockedOnWhatsapp('blocked'),
    });
    expect(ask).toBe(true);
    expect(candidates.map(({ contactPointId, usable, reasons }) => ({ contactPointId, usable, reasons }))).toEqual([
      { contactPointId: 'blocked', usable: false, reasons: ['CHANNEL_BLOCKED'] },
      { contactPointId: 'fine', usable: true, reasons: [] },
      { contactPointId: 'off', usable: false, reasons: ['NOT_SELECTED'] },
      { contactPointId: 'bad', usable: false, reasons: ['CONTACT_POINT_INVALID', 'RECIPIENT_UNDELIVERABLE'] },
    ]);
  });

  test('R41 an opt-out counts for its contact point and channel type, or for all of them where it names none', () => {
    const reasonsWith = (optOut: { channelType: 'email' | 'whatsapp' | null; contactPointId: string | null }) =>
      decide({ contactPoints: [phone('p1')], optOuts: [optOut] }).candidates[0]!.reasons;
    expect(reasonsWith({ channelType: null, contactPointId: null })).toEqual(['OPTED_OUT']);
    expect(reasonsWith({ channelType: 'whatsapp', contactPointId: 'p1' })).toEqual(['OPTED_OUT']);
    expect(reasonsWith({ channelType: 'email', contactPointId: null })).toEqual([]);
    expect(reasonsWith({ channelType: 'whatsapp', contactPointId: 'p2' })).toEqual([]);
  });

  test('R41 R68 the chooser shows for each candidate until when free text may go there', () => {
    const { candidates } = decide({
      contactPoints: [
        phone('open', { wroteHoursAgo: { whatsapp: 23 } }),
        phone('shut', { wroteHoursAgo: { whatsapp: 24 } }),
        phone('never', { wroteHoursAgo: {} }),
      ],
    });
    const in1h = new Date(now.getTime() + 3_600_000).toISOString();
    expect(candidates.map(({ windowOpenUntil, templateRequired }) => ({ windowOpenUntil, templateRequired }))).toEqual([
      { windowOpenUntil: in1h, templateRequired: false },
      { windowOpenUntil: null, templateRequired: true },
      { windowOpenUntil: null, templateRequired: true },
    ]);
  });
});

describe('the pick', () => {
  const points = [phone('p1', selected), phone('p2', selected), phone('off'), email('e1')];
  const picked = (pick: string, spec: Parameters<typeof factsWith>[0] = {}) => decide({ contactPoints: points, firstCheck: false, ...spec, request: { pick } });

  test('R42 R43 a pick settles the question, and the message goes exactly there', () => {
    expect(picked('p2')).toMatchObject({ allowed: true, ask: false, contactPointId: 'p2' });
    expect(picked('p1')).toMatchObject({ allowed: true, ask: false, contactPointId: 'p1' });
  });

  test.each([
    { name: 'unknown or of another client', pick: 'nobody', spec: {}, codes: ['NO_CONTACT_POINT'] },
    { name: 'of another kind', pick: 'e1', spec: {}, codes: ['NO_CONTACT_POINT'] },
    { name: 'not selected', pick: 'off', spec: {}, codes: ['NO_CONTACT_POINT'] },
    { name: 'blocked meanwhile', pick: 'p2', spec: blockedOnWhatsapp('p2'), codes: ['CHANNEL_BLOCKED', 'NO_CONTACT_POINT'] },
  ])('R46 a pick that is $name is refused, and the fresh candidates come with the refusal', ({ pick, spec, codes }) => {
    const verdict = picked(pick, spec);
    expect(codesOf(verdict)).toEqual(codes);
    expect(verdict.candidates.map((one) => one.contactPointId)).toEqual(['p1', 'p2', 'off']);
  });

  test('R46 a refused pick leaves the others to be picked', () => {
    expect(picked('p1', blockedOnWhatsapp('p2'))).toMatchObject({ allowed: true, contactPointId: 'p1' });
  });
});

describe('the recipient policy', () => {
  const points = [phone('p1', selected), phone('p2', selected), phone('p3')];

  test('X7 ask waits, priority takes the topmost and never waits', () => {
    expect(answer(points)).toBe('ask');
    expect(answer(points, { request: { recipientPolicy: 'priority' } })).toBe('p1');
    expect(answer(points, { request: { recipientPolicy: 'priority' }, ...blockedOnWhatsapp('p1') })).toBe('p2');
  });

  test('X7 explicit goes to the contact point in the request and never asks', () => {
    expect(answer(points, { request: { recipientPolicy: 'explicit', contactPointId: 'p2' } })).toBe('p2');
  });

  test.each([
    { name: 'one that is not selected', contactPointId: 'p3', spec: {}, codes: 'NO_CONTACT_POINT' },
    { name: 'one of nobody', contactPointId: 'x', spec: {}, codes: 'NO_CONTACT_POINT' },
    { name: 'a blocked one', contactPointId: 'p2', spec: blockedOnWhatsapp('p2'), codes: 'CHANNEL_BLOCKED NO_CONTACT_POINT' },
    { name: 'none at all', contactPointId: null, spec: {}, codes: 'NO_CONTACT_POINT' },
  ])('X7 explicit with $name → $codes', ({ contactPointId, spec, codes }) => {
    expect(answer(points, { ...spec, request: { recipientPolicy: 'explicit', contactPointId } })).toBe(codes);
  });

  test('X7 an explicit recipient that is none names itself in the refusal', () => {
    const { refusals } = decide({ contactPoints: points, request: { recipientPolicy: 'explicit', contactPointId: 'p3' } });
    expect(refusals).toEqual([{ code: 'NO_CONTACT_POINT', channelId: 'whatsapp', contactPointId: 'p3' }]);
  });
});

describe('the scope of the chooser', () => {
  test.each([
    { channelId: 'whatsapp', expected: 'ask' },
    { channelId: 'telegram_account', expected: 'ask' },
    { channelId: 'viber', expected: 'p1' },
    { channelId: 'sms', expected: 'p1' },
  ])('R44 X18 several phones on $channelId → $expected', ({ channelId, expected }) => {
    expect(answer([phone('p1'), phone('p2')], { request: { channelId } })).toBe(expected);
  });

  test('R44 the chooser on WhatsApp is for phones: several ids of the messenger itself are not asked about', () => {
    const ids = [point('w1', 'whatsapp_id'), point('w2', 'whatsapp_id')];
    expect(answer(ids)).toBe('w1');
    expect(answer([...ids, phone('p1')])).toBe('p1');
  });

  test('X18 where nobody asks, the topmost of several is used, and the verdict says that there are others', () => {
    const verdict = decide({ contactPoints: [phone('p1'), phone('p2')], request: { channelId: 'sms' } });
    expect(verdict.warnings).toEqual([{ code: 'OTHER_NUMBER_SELECTED', channelId: 'sms', contactPointId: 'p1' }]);
  });

  test('X9 several filled in and one selected: it is used, and the verdict says that there are others', () => {
    const verdict = decide({ contactPoints: [phone('p1'), phone('p2', selected)] });
    expect(verdict).toMatchObject({ allowed: true, contactPointId: 'p2' });
    expect(verdict.warnings.map((one) => one.code)).toEqual(['OTHER_NUMBER_SELECTED']);
    expect(decide({ contactPoints: [phone('p1')] }).warnings).toEqual([]);
  });
});

describe('askWhenSeveralFilledIn', () => {
  const settings = { askWhenSeveralFilledIn: true };

  test('X9 asks when several are filled in and one is selected; that one comes preselected, the others may be picked', () => {
    const points = [phone('p1'), phone('p2', selected)];
    const verdict = decide({ contactPoints: points, settings });
    expect(verdict).toMatchObject({ allowed: true, ask: true, contactPointId: null });
    expect(verdict.candidates.map(({ selected: preselected, usable }) => ({ preselected, usable }))).toEqual([
      { preselected: false, usable: true },
      { preselected: true, usable: true },
    ]);
    expect(decide({ contactPoints: points, settings, firstCheck: false, request: { pick: 'p1' } })).toMatchObject({ allowed: true, contactPointId: 'p1' });
  });

  test('X9 with the one selected blocked, it still asks, for the others can be picked', () => {
    expect(answer([phone('p1'), phone('p2', selected)], { settings, ...blockedOnWhatsapp('p2') })).toBe('ask');
  });

  test('X9 with one filled in there is nothing to ask', () => {
    expect(answer([phone('p1')], { settings })).toBe('p1');
  });

  test('X7 X9 it changes nothing where nobody is asked: other policies and channels without a chooser', () => {
    const points = [phone('p1'), phone('p2', selected)];
    expect(answer(points, { settings, request: { recipientPolicy: 'priority' } })).toBe('p2');
    expect(answer(points, { settings, request: { recipientPolicy: 'explicit', contactPointId: 'p1' } })).toBe('NO_CONTACT_POINT');
    expect(answer(points, { settings, request: { channelId: 'sms' } })).toBe('p2');
  });
});

test('R40 whatever is selected: a recipient that nobody picked is the only one selected of its kind', () => {
  const some = fc.array(fc.record({ selected: fc.boolean(), blocked: fc.boolean(), wellFormed: fc.boolean() }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(some, fc.constantFrom('whatsapp', 'telegram_account'), (given, channelId) => {
      const points = given.map((one, index) => phone(`p${index}`, { selected: one.selected, wellFormed: one.wellFormed }));
      const blocks = given.flatMap((one, index) => (one.blocked ? [{ channelId, contactPointId: `p${index}` }] : []));
      const verdict = decide({ contactPoints: points, blocks, request: { channelId } });
      if (!verdict.allowed || verdict.ask) return;
      const marked = points.filter((one) => one.selected);
      expect((marked.length > 0 ? marked : points).map((one) => one.id)).toEqual([verdict.contactPointId]);
    }),
    { numRuns: 1_000 },
  );
});
