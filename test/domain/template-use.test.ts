import { describe, expect, test } from '@jest/globals';
import type { ChannelPolicy } from '../../domain/channel.js';
import { decideEligibility } from '../../domain/eligibility.js';
import { decideNextStep } from '../../domain/next-step.js';
import type { TemplateFacts } from '../../domain/template-use.js';
import { capabilitiesOf, channel, codesOf, email, factsWith, now, phone } from './facts.js';

const registered: TemplateFacts = { registered: true, status: 'approved', textOnly: true, channelId: 'whatsapp' };
const own: TemplateFacts = { registered: false, status: 'approved', textOnly: true, channelId: null };

interface Spec {
  hoursAgo?: number;
  policy?: Partial<ChannelPolicy>;
  approved?: number;
  template?: TemplateFacts | null;
  differs?: boolean;
}

/** The verdict on WhatsApp for a client who wrote this many hours ago. */
function onWhatsapp({ hoursAgo = 1, policy = {}, approved = 1, template = null, differs = false }: Spec) {
  return decideEligibility(
    factsWith({
      channels: [channel('whatsapp', { policy, approvedTextOnlyTemplates: approved })],
      contactPoints: [phone('p1', { wroteHoursAgo: { whatsapp: hoursAgo } })],
      request: { content: template ? { kind: 'template' } : { kind: 'text', text: 'Hello' }, textDiffersFromTemplates: differs, template },
    }),
  );
}

const required: Partial<ChannelPolicy> = { templatePolicy: 'required' };
const unavailable: Partial<ChannelPolicy> = { templatePolicy: 'unavailable' };
const passthrough: Partial<ChannelPolicy> = { templateEnforcement: 'passthrough' };

describe('required or optional', () => {
  test.each<{ rule: string; name: string; spec: Spec; codes: string[] }>([
    { rule: 'R61 R67', name: 'optional, typed text', spec: {}, codes: [] },
    { rule: 'R61 R67', name: 'optional, a template', spec: { template: registered }, codes: [] },
    { rule: 'R67', name: 'optional, a template with buttons', spec: { template: { ...registered, textOnly: false } }, codes: [] },
    { rule: 'R61 R62', name: 'required, typed text', spec: { policy: required }, codes: ['TEMPLATE_REQUIRED'] },
    { rule: 'R62', name: 'required, one picked', spec: { policy: required, template: registered }, codes: [] },
    { rule: 'R62', name: 'required, a template of ours is no registered one', spec: { policy: required, template: own }, codes: ['TEMPLATE_REQUIRED'] },
    {
      rule: 'R63',
      name: 'required, a template with buttons',
      spec: { policy: required, template: { ...registered, textOnly: false } },
      codes: ['TEMPLATE_NOT_TEXT_ONLY'],
    },
    {
      rule: 'R63',
      name: 'required, a pending template with buttons',
      spec: { policy: required, template: { ...registered, status: 'pending', textOnly: false } },
      codes: ['TEMPLATE_NOT_APPROVED', 'TEMPLATE_NOT_TEXT_ONLY'],
    },
    { rule: 'R69', name: 'required, none approved', spec: { policy: required, approved: 0 }, codes: ['TEMPLATE_REQUIRED', 'NO_APPROVED_TEMPLATE'] },
    {
      rule: 'R69',
      name: 'the window is closed and none is approved',
      spec: { hoursAgo: 30, approved: 0 },
      codes: ['TEMPLATE_REQUIRED', 'NO_APPROVED_TEMPLATE'],
    },
  ])('$rule $name → $codes', ({ spec, codes }) => {
    expect(codesOf(onWhatsapp(spec))).toEqual(codes);
  });

  test.each(['pending', 'rejected', 'paused'] as const)('R69 R106 a template that is %s is not used, be it registered or ours', (status) => {
    expect(codesOf(onWhatsapp({ template: { ...registered, status } }))).toEqual(['TEMPLATE_NOT_APPROVED']);
    expect(codesOf(onWhatsapp({ template: { ...own, status } }))).toEqual(['TEMPLATE_NOT_APPROVED']);
    const step = decideNextStep(onWhatsapp({ template: { ...registered, status } }), { firstCheck: false, parks: true, attemptRefused: false });
    expect(step).toEqual({ kind: 'wait', waitingFor: 'template', reason: 'TEMPLATE_NOT_APPROVED' });
  });

  test('a registered template of another channel, or on a channel that has none, is refused', () => {
    expect(codesOf(onWhatsapp({ template: { ...registered, channelId: 'other' } }))).toEqual(['TEMPLATE_NOT_SUPPORTED']);
    expect(codesOf(onWhatsapp({ template: registered, policy: unavailable }))).toEqual(['TEMPLATE_NOT_SUPPORTED']);
    const byEmail = factsWith({ contactPoints: [email('e1')], request: { channelId: 'email', content: { kind: 'template' }, template: registered } });
    expect(codesOf(decideEligibility(byEmail))).toEqual(['TEMPLATE_NOT_SUPPORTED']);
  });

  test('a template of ours goes out as text on a channel without registered templates', () => {
    const byEmail = factsWith({ contactPoints: [email('e1')], request: { channelId: 'email', content: { kind: 'template' }, template: own } });
    expect(decideEligibility(byEmail).allowed).toBe(true);
  });
});

describe('the session window', () => {
  const hour = 3_600_000;
  const atMs = (ms: number) => onWhatsapp({ hoursAgo: ms / hour });

  test.each([
    { name: 'just now', ms: 0, open: true },
    { name: '24 h ago less a millisecond', ms: 24 * hour - 1, open: true },
    { name: 'exactly 24 h ago', ms: 24 * hour, open: false },
    { name: '24 h ago and a millisecond', ms: 24 * hour + 1, open: false },
  ])('R68 the client wrote $name: open $open', ({ ms, open }) => {
    expect(codesOf(atMs(ms))).toEqual(open ? [] : ['TEMPLATE_REQUIRED']);
    expect(atMs(ms).candidates[0]!.windowOpenUntil === null).toBe(!open);
    expect(atMs(ms).candidates[0]!.templateRequired).toBe(!open);
  });

  test('R68 outside the window an approved template passes', () => {
    expect(onWhatsapp({ hoursAgo: 30, template: registered }).allowed).toBe(true);
  });

  test('R68 a client who never wrote has no open window', () => {
    const facts = factsWith({ contactPoints: [phone('p1', { wroteHoursAgo: {} })] });
    expect(codesOf(decideEligibility(facts))).toEqual(['TEMPLATE_REQUIRED']);
  });

  test('R68 the window belongs to the contact point and the channel: it is judged for the one finally chosen', () => {
    const points = [phone('open', { selected: true }), phone('shut', { selected: true, wroteHoursAgo: { whatsapp: 30, other: 1 } })];
    const picked = (pick: string | null) => decideEligibility(factsWith({ contactPoints: points, request: { pick } }));
    expect(picked(null)).toMatchObject({ allowed: true, ask: true });
    expect(picked('open').allowed).toBe(true);
    expect(codesOf(picked('shut'))).toEqual(['TEMPLATE_REQUIRED']);
    expect(picked('shut').refusals).toEqual([{ code: 'TEMPLATE_REQUIRED', channelId: 'whatsapp', contactPointId: 'shut' }]);
  });

  test('R68 a choice that turns free text into a required template makes the dispatch wait for the template', () => {
    const facts = factsWith({ firstCheck: false, contactPoints: [phone('p1', { wroteHoursAgo: { whatsapp: 30 } }), phone('p2')], request: { pick: 'p1' } });
    const step = decideNextStep(decideEligibility(facts), { firstCheck: false, parks: true, attemptRefused: false });
    expect(step).toEqual({ kind: 'wait', waitingFor: 'template', reason: 'TEMPLATE_REQUIRED' });
  });

  test('R68 a channel without a session window never asks for a template by itself', () => {
    const silent = [phone('p1', { wroteHoursAgo: {} })];
    const allowed = ['sms', 'viber', 'telegram_account'].map(
      (channelId) => decideEligibility(factsWith({ contactPoints: silent, request: { channelId } })).allowed,
    );
    expect(allowed).toEqual([true, true, true]);
  });

  test('R68 now is the one of the facts, not the clock of the machine', () => {
    const facts = factsWith({ contactPoints: [phone('p1', { wroteHoursAgo: { whatsapp: 0 } })] });
    expect(decideEligibility({ ...facts, now: new Date(now.getTime() + 24 * hour) }).allowed).toBe(false);
  });
});

describe('where templates cannot be selected', () => {
  test.each<{ name: string; spec: Spec; warned: boolean }>([
    { name: 'unavailable, the text equals a template', spec: { hoursAgo: 30, policy: unavailable }, warned: false },
    { name: 'unavailable, the text differs', spec: { hoursAgo: 30, policy: unavailable, differs: true }, warned: true },
    { name: 'passthrough, the text equals a template', spec: { hoursAgo: 30, policy: passthrough }, warned: false },
    { name: 'passthrough, the text differs', spec: { hoursAgo: 30, policy: passthrough, differs: true }, warned: true },
    { name: 'passthrough, required and none approved', spec: { policy: { ...required, ...passthrough }, approved: 0 }, warned: false },
  ])('R70 $name: typed text is accepted, warned $warned', ({ spec, warned }) => {
    const verdict = onWhatsapp(spec);
    expect(verdict.allowed).toBe(true);
    expect(verdict.warnings.map((one) => one.code)).toEqual(warned ? ['TEMPLATE_TEXT_DIFFERS'] : []);
  });

  test('R70 inside the window there is nothing to warn of', () => {
    expect(onWhatsapp({ policy: passthrough, differs: true }).warnings).toEqual([]);
  });

  test('R63 a channel whose plug-in always requires a template asks for one inside the window too', () => {
    const always = channel('whatsapp', { capabilities: { ...capabilitiesOf.whatsapp, template: 'required' } });
    expect(codesOf(decideEligibility(factsWith({ channels: [always] })))).toEqual(['TEMPLATE_REQUIRED']);
  });
});
