/** Must it be a registered template, and may this one be used? The session window decides it per contact point (R61–R70, X3, X4). */

import type { RefusalCode } from './codes.js';
import type { ChannelFacts, ContactPointFacts, EligibilityFacts, Refusal, Warning } from './eligibility.js';

/** The template that the content names. `registered`: approved by a provider; our own Liquid templates are not (R52). */
export interface TemplateFacts {
  registered: boolean;
  status: 'approved' | 'pending' | 'rejected' | 'paused';
  textOnly: boolean;
  /** The channel that a registered one belongs to; null: ours, for every channel that carries text. */
  channelId: string | null;
}

/** The end of the session window of a contact point on a channel; null: no window, or the client never wrote (R68). */
export function windowOf(channel: ChannelFacts, point: ContactPointFacts): Date | null {
  const last = point.onChannel[channel.id]?.lastInboundAt;
  const length = channel.capabilities.sessionWindowMs;
  return last && length !== null ? new Date(Date.parse(last) + length) : null;
}

/** Open while `now < lastInboundAt + 24 h`, so closed at that very instant. */
export function isWindowOpen(channel: ChannelFacts, point: ContactPointFacts | undefined, now: Date): boolean {
  const end = point ? windowOf(channel, point) : null;
  return end !== null && now < end;
}

export function decideTemplateUse(facts: EligibilityFacts, channel: ChannelFacts, contactPointId: string): { refusals: Refusal[]; warnings: Warning[] } {
  const told = (codes: RefusalCode[], warnings: Warning[] = []): { refusals: Refusal[]; warnings: Warning[] } => ({
    refusals: codes.map((code) => ({ code, channelId: channel.id, contactPointId })),
    warnings,
  });
  const { template, textDiffersFromTemplates } = facts.request;
  const point = facts.contactPoints.find((one) => one.id === contactPointId);
  const unfit = template ? refuseTemplate(template, channel) : null;
  if (unfit === 'TEMPLATE_NOT_SUPPORTED') return told([unfit]);
  const codes: RefusalCode[] = unfit ? [unfit] : [];
  if (!isTemplateRequired(channel, point, facts.now)) return told(codes);
  if (template?.registered) return told(template.textOnly ? codes : [...codes, 'TEMPLATE_NOT_TEXT_ONLY']);
  // R70: without a template integration the provider itself compares the text; we only warn.
  if (!takesRegistered(channel) || channel.policy.templateEnforcement === 'passthrough') {
    return told(codes, textDiffersFromTemplates ? [{ code: 'TEMPLATE_TEXT_DIFFERS', channelId: channel.id }] : []);
  }
  return told([...codes, 'TEMPLATE_REQUIRED', ...(channel.approvedTextOnlyTemplates > 0 ? [] : (['NO_APPROVED_TEMPLATE'] as const))]);
}

type TemplateTaker = Pick<ChannelFacts, 'id' | 'capabilities' | 'policy'>;

/** Whether this template may be used at all; null is yes. The door asks too, where the channel may not be known yet (null). */
export function refuseTemplate(template: TemplateFacts, channel: TemplateTaker | null): RefusalCode | null {
  if (template.registered && channel && (!takesRegistered(channel) || template.channelId !== channel.id)) return 'TEMPLATE_NOT_SUPPORTED';
  return template.status === 'approved' ? null : 'TEMPLATE_NOT_APPROVED';
}

function takesRegistered({ capabilities, policy }: Omit<TemplateTaker, 'id'>): boolean {
  return capabilities.template !== 'none' && policy.templatePolicy !== 'unavailable';
}

/** Required by the channel, by its operator, or because the session window of this contact point is closed (R61, R68). */
export function isTemplateRequired(channel: ChannelFacts, point: ContactPointFacts | undefined, now: Date): boolean {
  if (channel.policy.templatePolicy === 'required' || channel.capabilities.template === 'required') return true;
  return channel.capabilities.template === 'required_outside_window' && !isWindowOpen(channel, point, now);
}
