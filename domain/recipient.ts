/** Which of the client's contact points receives: the candidates with their reasons, and whether a person has to pick (R35–R46, X7, X9, X18). */

import type { ContactPointKind } from './channel.js';
import type { CandidateReason, RefusalCode } from './codes.js';
import type { ChannelFacts, ContactPointFacts, EligibilityFacts, Refusal, Warning } from './eligibility.js';
import { isTemplateRequired, windowOf } from './template-use.js';

/** Whom a person picked, and who did. */
export interface Pick {
  contactPointId: string;
  chosenBy: string;
}

/** The same contact point and the same person: two people who pick alike are the first one and a late one (R94, H6). */
export function isSamePick(one: Pick, other: Pick): boolean {
  return one.contactPointId === other.contactPointId && one.chosenBy === other.chosenBy;
}

/** A contact point as the chooser shows it: unusable ones stay listed with their reasons (R41). */
export interface Candidate {
  contactPointId: string;
  kind: ContactPointKind;
  position: number;
  selected: boolean;
  usable: boolean;
  reasons: CandidateReason[];
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
  const decided = (contactPointId: string | null, more: Partial<RecipientDecision> = {}): RecipientDecision => ({
    candidates,
    contactPointId,
    ask: false,
    refusals: [],
    warnings: [],
    ...more,
  });

  const { pick, recipientPolicy } = facts.request;
  if (pick !== null || recipientPolicy === 'explicit') {
    const named = pick ?? facts.request.contactPointId;
    const candidate = candidates.find((one) => one.contactPointId === named);
    return candidate?.usable ? decided(named) : decided(null, { refusals: refuseUnusable(channel, candidate ? [candidate] : [], named) });
  }
  const asks = mayAsk(facts, channel, candidates[0]?.kind);
  const eligible = asks && facts.settings.askWhenSeveralFilledIn ? candidates : candidates.filter((one) => one.selected);
  const recipient = eligible.find((one) => one.usable);
  if (!recipient) return decided(null, { refusals: refuseUnusable(channel, eligible, null) });
  // X9: counted before unusable ones are taken out, so that a blocked second number is no unasked pick.
  if (asks && eligible.length > 1) return decided(null, { ask: true });
  const { contactPointId } = recipient;
  return decided(contactPointId, {
    warnings: candidates.length > 1 ? [{ code: 'OTHER_NUMBER_SELECTED', channelId: channel.id, contactPointId }] : [],
  });
}

/** A person is asked only where the request lets them, on channels with a chooser, and for its kind (R44, X7, X18). */
function mayAsk(facts: EligibilityFacts, channel: ChannelFacts, kind: ContactPointKind | undefined): boolean {
  return facts.request.recipientPolicy === 'ask' && kind !== undefined && kind === channel.capabilities.recipientChoice;
}

/** Selection is made within a kind; where nothing of a kind is selected, all of it counts as selected (R34, X9). */
export function countsAsSelected(point: ContactPointFacts, all: readonly ContactPointFacts[]): boolean {
  return point.selected || !all.some((one) => one.kind === point.kind && one.selected);
}

/** All contact points of the kind that the channel uses, in priority order (R33, R41). */
export function listCandidates(facts: EligibilityFacts, channel: ChannelFacts): Candidate[] {
  const points = ofOneKind(facts.contactPoints, channel).toSorted((a, b) => a.position - b.position);
  // The setting lets a person pick beyond what is selected; nothing else does.
  const widened = facts.settings.askWhenSeveralFilledIn && mayAsk(facts, channel, points[0]?.kind);
  return points.map((point) => {
    const selected = countsAsSelected(point, points);
    const reasons = reasonsAgainst(facts, channel, point);
    const openUntil = windowOf(channel, point);
    return {
      contactPointId: point.id,
      kind: point.kind,
      position: point.position,
      selected,
      usable: reasons.length === 0 && (selected || widened),
      reasons: selected || widened ? reasons : [...reasons, 'NOT_SELECTED'],
      windowOpenUntil: openUntil !== null && facts.now < openUntil ? openUntil.toISOString() : null,
      templateRequired: isTemplateRequired(channel, point, facts.now),
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
