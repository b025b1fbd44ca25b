/** Facts for the rules' tests: an ordinary client and ordinary channels, with whatever a test wants otherwise. */

import { type Capabilities, type ChannelPolicy, type ChannelType, type ContactPointKind, defaultPolicy } from '../../domain/channel.js';
import { defaultBccPattern } from '../../domain/content.js';
import type { ChannelFacts, ContactPointFacts, EligibilityFacts, EligibilityRequest, Verdict } from '../../domain/eligibility.js';

export const now = new Date('2026-03-10T12:00:00.000Z');
const day = 86_400_000;

const base: Capabilities = {
  text: { maxChars: 4096 },
  subject: false,
  bcc: false,
  recipientChoice: null,
  template: 'none',
  templateHeader: [],
  templateFooter: false,
  attachments: null,
  addressKinds: ['phone'],
  coldStart: true,
  sessionWindowMs: null,
  opensThread: true,
  allowedWithActiveThread: false,
  receipts: {},
  idempotency: { mode: 'none' },
  limits: {},
};

/** What the channel types can do, as far as the rules ask (channels section 0). */
export const capabilitiesOf = {
  email: { ...base, subject: true, bcc: true, recipientChoice: 'email', addressKinds: ['email'], opensThread: false, allowedWithActiveThread: true },
  whatsapp: {
    ...base,
    recipientChoice: 'phone',
    template: 'required_outside_window',
    addressKinds: ['phone', 'whatsapp_id'],
    sessionWindowMs: day,
    receipts: { sent: 'push', delivered: 'push', read: 'push', failed: 'push' },
  },
  viber: { ...base, template: 'optional', sessionWindowMs: day },
  sms: base,
  telegram_account: { ...base, recipientChoice: 'phone', addressKinds: ['phone', 'telegram_id'] },
  telegram_bot: { ...base, addressKinds: ['telegram_id'], coldStart: false },
} satisfies Partial<Record<ChannelType, Capabilities>>;

type KnownType = keyof typeof capabilitiesOf;

interface ChannelSpec extends Partial<Omit<ChannelFacts, 'capabilities' | 'policy'>> {
  capabilities?: Partial<Capabilities>;
  policy?: Partial<ChannelPolicy>;
}

/** A channel of this type; its id is the type unless given. */
export function channel(type: KnownType, spec: ChannelSpec = {}): ChannelFacts {
  const { capabilities, policy, ...rest } = spec;
  return {
    id: type,
    type,
    enabled: true,
    clientWroteHere: false,
    approvedTextOnlyTemplates: 1,
    mailboxes: type === 'email' ? ['desk@shop.example'] : [],
    capabilities: { ...capabilitiesOf[type], ...capabilities },
    policy: { ...defaultPolicy(type), ...policy },
    ...rest,
  };
}

interface PointSpec extends Partial<Omit<ContactPointFacts, 'onChannel'>> {
  /** Hours since the client wrote from here, by channel id. */
  wroteHoursAgo?: Record<string, number>;
  undeliverableOn?: string[];
}

/** A contact point that wrote on WhatsApp an hour ago, so that its session window is open unless a test says otherwise. */
export function point(id: string, kind: ContactPointKind, spec: PointSpec = {}): ContactPointFacts {
  const { wroteHoursAgo = { whatsapp: 1 }, undeliverableOn = [], ...rest } = spec;
  const onChannel: ContactPointFacts['onChannel'] = {};
  for (const channelId of new Set([...Object.keys(wroteHoursAgo), ...undeliverableOn])) {
    const hours = wroteHoursAgo[channelId];
    onChannel[channelId] = {
      lastInboundAt: hours === undefined ? null : new Date(now.getTime() - hours * 3_600_000).toISOString(),
      undeliverable: undeliverableOn.includes(channelId),
    };
  }
  return { id, kind, position: 0, selected: false, wellFormed: true, onChannel, ...rest };
}

export const phone = (id: string, spec: PointSpec = {}): ContactPointFacts => point(id, 'phone', spec);
export const email = (id: string, spec: PointSpec = {}): ContactPointFacts => point(id, 'email', spec);

interface FactsSpec extends Partial<Omit<EligibilityFacts, 'request' | 'settings'>> {
  request?: Partial<EligibilityRequest>;
  settings?: Partial<EligibilityFacts['settings']>;
}

/** A text of an agent to a client with one phone and one email, through WhatsApp; positions follow the order of the contact points. */
export function factsWith(spec: FactsSpec = {}): EligibilityFacts {
  const { request, settings, contactPoints = [phone('p1'), email('e1')], ...rest } = spec;
  return {
    now,
    firstCheck: true,
    channels: [channel('whatsapp'), channel('email'), channel('viber'), channel('sms'), channel('telegram_account'), channel('telegram_bot')],
    contactPoints: contactPoints.map((one, index) => ({ ...one, position: one.position === 0 ? index : one.position })),
    blocks: [],
    optOuts: [],
    openThreads: [],
    settings: { activeThreadScope: 'client', askWhenSeveralFilledIn: false, bccPattern: defaultBccPattern, ...settings },
    threadHeld: false,
    request: {
      channelId: 'whatsapp',
      contactPointId: null,
      recipientPolicy: 'ask',
      pick: null,
      sender: { id: 'anna', role: 'agent' },
      content: { kind: 'text', text: 'Hello', subject: 'Hello' },
      disposition: request?.channelId === 'email' ? null : { kind: 'close' },
      template: null,
      ...request,
    },
    ...rest,
  };
}

/** The codes of a verdict's refusals, in their order. */
export function codesOf(verdict: Pick<Verdict, 'refusals'>): string[] {
  return verdict.refusals.map((one) => one.code);
}
