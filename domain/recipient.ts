/** Which of the client's contact points receives: the candidates with their reasons, and whether a person has to pick (R35–R46, X7, X9, X18). */

import type { ContactPointKind } from './channel.js';
import type { RefusalCode } from './codes.js';
import type { ChannelFacts, ContactPointFacts, EligibilityFacts, Refusal, Warning } from './eligibility.js';
import { windowOf } from './template-use.js';

/** A contact point as the chooser shows it: unusable ones stay listed with their reasons (R41). */
export interface Candidate {
  contactPointId: string;
  kind: ContactPointKind;
  position: number;
  selected: boolean;
  usable: boolean;
  reasons: (RefusalCode | 'NOT_SELECTED')[];
  /** Until when free text may be sent to this contact point; null: the channel has no session window or it is closed. */
  windowOpenUntil: string | null;
  templateRequired: boolean;
}

export interface RecipientDecision {
  candidates: Candidate[];
  contactPointId: string | null;
  ask: boolean;
  refusals: Refusal[];
  warnings: Warning[];
}

export function decideRecipient(facts: EligibilityFacts, channel: ChannelFacts): RecipientDecision {
  const candidates = listCandidates(facts, channel);
  const selected = candidates.filter((one) => one.selected);
  const decided = (contactPointId: string | null, more: Partial<RecipientDecision> = {}): RecipientDecision => ({
    candidates,
    contactPointId,
    ask: false,
    refusals: [],
    warnings: [],
    ...more,
  });

  const named = facts.request.pick ?? (facts.request.recipientPolicy === 'explicit' ? facts.request.contactPointId : null);
  if (named) {
    const candidate = candidates.find((one) => one.contactPointId === named);
    return candidate?.usable ? decided(named) : decided(null, { refusals: refuseUnusable(channel, candidate ? [candidate] : [], named) });
  }
  const firstUsable = selected.find((one) => one.usable);
  if (!firstUsable) return decided(null, { refusals: refuseUnusable(channel, selected, null) });
  // X9: counted before unusable ones are taken out, so that a blocked second number is no unasked pick.
  const several = selected.length > 1 || (facts.settings.askWhenSeveralFilledIn && candidates.length > 1);
  if (several && channel.capabilities.recipientChoice && facts.request.recipientPolicy === 'ask') return decided(null, { ask: true });
  const others = candidates.length > 1;
  return decided(firstUsable.contactPointId, {
    warnings: others ? [{ code: 'OTHER_NUMBER_SELECTED', channelId: channel.id, contactPointId: firstUsable.contactPointId }] : [],
  });
}

/** All contact points of the kind that the channel uses, in priority order; nothing selected means all count as selected (R34, X9). */
export function listCandidates(facts: EligibilityFacts, channel: ChannelFacts): Candidate[] {
  const points = ofOneKind(facts.contactPoints, channel).toSorted((a, b) => a.position - b.position);
  const noneSelected = !points.some((one) => one.selected);
  return points.map((point) => {
    const selected = noneSelected || point.selected;
    const reasons = reasonsAgainst(facts, channel, point);
    const openUntil = windowOf(channel, point);
    const windowOpen = openUntil !== null && facts.now < openUntil;
    return {
      contactPointId: point.id,
      kind: point.kind,
      position: point.position,
      selected,
      usable: reasons.length === 0 && (selected || facts.settings.askWhenSeveralFilledIn),
      reasons: selected || facts.settings.askWhenSeveralFilledIn ? reasons : [...reasons, 'NOT_SELECTED'],
      windowOpenUntil: windowOpen ? openUntil.toISOString() : null,
      templateRequired:
        channel.policy.templatePolicy === 'required' ||
        channel.capabilities.template === 'required' ||
        (channel.capabilities.template === 'required_outside_window' && !windowOpen),
    };
  });
}

/** The kinds are tried in the plug-in's order: a `whatsapp_id` never counts beside phones in the choice (channels section 3). */
function ofOneKind(points: ContactPointFacts[], channel: ChannelFacts): ContactPointFacts[] {
  for (const kind of channel.capabilities.addressKinds) {
    const some = points.filter((one) => one.kind === kind);
    if (some.length > 0) return some;
  }
  return [];
}

function reasonsAgainst(facts: EligibilityFacts, channel: ChannelFacts, point: ContactPointFacts): RefusalCode[] {
  const reasons: RefusalCode[] = [];
  if (!point.wellFormed) reasons.push('CONTACT_POINT_INVALID');
  const blocked = facts.blocks.some((one) => one.contactPointId === point.id && (one.channelId === null || one.channelId === channel.id));
  if (blocked) reasons.push('CHANNEL_BLOCKED');
  const optedOut = facts.optOuts.some(
    (one) => (one.channelType === null || one.channelType === channel.type) && (one.contactPointId === null || one.contactPointId === point.id),
  );
  if (optedOut) reasons.push('OPTED_OUT');
  if (point.onChannel[channel.id]?.undeliverable) reasons.push('RECIPIENT_UNDELIVERABLE');
  return reasons;
}

/** Why none of these can receive, each with its contact point; `NO_CONTACT_POINT` closes the list (R45, X7). */
function refuseUnusable(channel: ChannelFacts, unusable: Candidate[], named: string | null): Refusal[] {
  const told = unusable.flatMap((one) =>
    one.reasons
      .filter((reason): reason is RefusalCode => reason !== 'NOT_SELECTED')
      .map((code): Refusal => ({ code, channelId: channel.id, contactPointId: one.contactPointId })),
  );
  return [...told, { code: 'NO_CONTACT_POINT', channelId: channel.id, ...(named ? { contactPointId: named } : {}) }];
}
