/** Must it be a registered template, and may this one be used? The session window decides it per contact point (R61–R70, X3, X4). */

import type { RefusalCode } from './codes.js';
import type { ChannelFacts, ContactPointFacts, EligibilityFacts, Refusal, Warning } from './eligibility.js';

/** The template that the content names. `registered`: approved by a provider; our own Liquid templates are not (R52). */
export interface TemplateFacts {
  registered: boolean;
  status: 'approved' | 'pending' | 'rejected' | 'paused';
  textOnly: boolean;
  /** The template belongs to this channel or to its type. */
  servesChannel: boolean;
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
  const refuse = (...codes: RefusalCode[]): { refusals: Refusal[]; warnings: Warning[] } => ({
    refusals: codes.map((code) => ({ code, channelId: channel.id, contactPointId })),
    warnings: [],
  });
  const { template, content } = facts.request;
  const required = isTemplateRequired(facts, channel, contactPointId);
  const takesRegistered = channel.capabilities.template !== 'none' && channel.policy.templatePolicy !== 'unavailable';

  if (template?.registered) {
    if (!takesRegistered || !template.servesChannel) return refuse('TEMPLATE_NOT_SUPPORTED');
    if (template.status !== 'approved') return refuse('TEMPLATE_NOT_APPROVED');
    if (required && !template.textOnly) return refuse('TEMPLATE_NOT_TEXT_ONLY');
    return refuse();
  }
  if (template && template.status !== 'approved') return refuse('TEMPLATE_NOT_APPROVED');
  if (!required) return refuse();
  // R70: without a template integration the provider itself compares the text; we only warn.
  if (!takesRegistered || channel.policy.templateEnforcement === 'passthrough') {
    return { refusals: [], warnings: content.textDiffersFromTemplates ? [{ code: 'TEMPLATE_TEXT_DIFFERS', channelId: channel.id }] : [] };
  }
  return channel.approvedTextOnlyTemplates > 0 ? refuse('TEMPLATE_REQUIRED') : refuse('TEMPLATE_REQUIRED', 'NO_APPROVED_TEMPLATE');
}

function isTemplateRequired(facts: EligibilityFacts, channel: ChannelFacts, contactPointId: string): boolean {
  if (channel.policy.templatePolicy === 'required' || channel.capabilities.template === 'required') return true;
  if (channel.capabilities.template !== 'required_outside_window') return false;
  return !isWindowOpen(channel, facts.contactPoints.find((one) => one.id === contactPointId), facts.now);
}
