/** May we send, through which channel, to whom? One pure rule, asked before every attempt and after every wait (R12, R95). */

import { type Capabilities, type ChannelPolicy, type ChannelType, type ContactPointKind } from './channel.js';
import type { RefusalCode, WarningCode } from './codes.js';
import { type Content, refuseContent } from './content.js';
import { type Disposition, refuseDisposition, type Sender } from './disposition.js';
import { type Candidate, countsAsSelected, decideRecipient } from './recipient.js';
import { decideTemplateUse, type TemplateFacts } from './template-use.js';

export interface ChannelFacts {
  id: string;
  type: ChannelType;
  enabled: boolean;
  capabilities: Capabilities;
  policy: ChannelPolicy;
  /** The from addresses that are connected (R74). */
  mailboxes: readonly string[];
  /** The client has written in this channel (X6). */
  clientWroteHere: boolean;
  /** How many registered templates are approved and text only: the only kind that serves where one is required (R63, R69). */
  approvedTextOnlyTemplates: number;
}

/** A contact point with what is known of it on each channel; positions count from 0, the topmost has priority (R33). */
export interface ContactPointFacts {
  id: string;
  kind: ContactPointKind;
  position: number;
  selected: boolean;
  wellFormed: boolean;
  onChannel: Record<string, { lastInboundAt: string | null; undeliverable: boolean }>;
}

export interface BlockFacts {
  channelId: string | null;
  contactPointId: string | null;
}

export interface OptOutFacts {
  channelType: ChannelType | null;
  contactPointId: string | null;
}

/** An open thread of the client. `own`: claimed by this dispatch; `clientWrote`: the client has written in it since. */
export interface OpenThreadFacts {
  id: string;
  channelId: string;
  own: boolean;
  clientWrote: boolean;
}

export interface EligibilityRequest {
  channelId: string | null;
  contactPointId: string | null;
  recipientPolicy: 'ask' | 'priority' | 'explicit';
  /** What a person picked, if anything (R42). */
  pick: string | null;
  sender: Sender;
  content: Content;
  disposition: Disposition | null;
  template: TemplateFacts | null;
  /** Where the registered templates are known: the text equals none of them (R70). */
  textDiffersFromTemplates?: boolean;
}

export interface EligibilityFacts {
  now: Date;
  /** False once an earlier check of this dispatch has passed or waited: names the race (R84). */
  firstCheck: boolean;
  channels: ChannelFacts[];
  contactPoints: ContactPointFacts[];
  blocks: BlockFacts[];
  optOuts: OptOutFacts[];
  openThreads: OpenThreadFacts[];
  settings: { activeThreadScope: 'client' | 'channel'; askWhenSeveralFilledIn: boolean; bccPattern: string };
  /** A re-send after a late refusal stays in the dispatch's own thread, so that no active thread is in its way (4.1). */
  threadHeld: boolean;
  request: EligibilityRequest;
}

export interface Refusal {
  code: RefusalCode;
  channelId?: string;
  contactPointId?: string;
  /** The thread that is in the way (R13, R84). */
  threadId?: string;
  field?: string;
  until?: string;
}

export interface Warning {
  code: WarningCode;
  channelId?: string;
  contactPointId?: string;
  until?: string;
}

/** The stored and shown answer (4.2): all codes that apply, the candidates with their reasons, and what was decided. */
export interface Verdict {
  allowed: boolean;
  refusals: Refusal[];
  warnings: Warning[];
  candidates: Candidate[];
  channelId: string | null;
  contactPointId: string | null;
  /** Allowed, but a person has to pick the recipient first (R40). */
  ask: boolean;
}

/** Decides the channel, then everything about it; the verdict lists all codes that apply. */
export function decideEligibility(facts: EligibilityFacts): Verdict {
  const { channel, warnings } = decideChannel(facts);
  if (!channel) {
    return { allowed: false, refusals: [{ code: 'NO_CONTACT_POINT' }], warnings, candidates: [], channelId: null, contactPointId: null, ask: false };
  }
  const recipient = decideRecipient(facts, channel);
  const refusals: Refusal[] = [
    ...decideBlocks(facts, channel),
    ...decideThread(facts, channel),
    ...(channel.enabled ? [] : [{ code: 'CHANNEL_DISABLED' as const, channelId: channel.id }]),
    ...decideReach(facts, channel),
    ...recipient.refusals,
    ...decideRequest(facts, channel),
  ];
  if (recipient.contactPointId && !recipient.ask) {
    const use = decideTemplateUse(facts, channel, recipient.contactPointId);
    refusals.push(...use.refusals);
    warnings.push(...use.warnings);
  }
  return {
    allowed: refusals.length === 0,
    refusals,
    warnings: [...warnings, ...recipient.warnings],
    candidates: recipient.candidates,
    channelId: channel.id,
    contactPointId: recipient.ask ? null : recipient.contactPointId,
    ask: recipient.ask,
  };
}

/** The channel asked for; else the first contact point in priority order that an enabled channel can serve (R47, X20). */
function decideChannel(facts: EligibilityFacts): { channel: ChannelFacts | null; warnings: Warning[] } {
  const { channelId } = facts.request;
  if (channelId) return { channel: facts.channels.find((one) => one.id === channelId) ?? null, warnings: [] };
  const warnings: Warning[] = [];
  const inPriority = facts.contactPoints.toSorted((a, b) => a.position - b.position);
  for (const point of inPriority.filter((one) => countsAsSelected(one, inPriority))) {
    const channel = facts.channels.find((one) => one.enabled && one.capabilities.addressKinds.includes(point.kind));
    if (channel) return { channel, warnings };
    warnings.push({ code: 'CONTACT_POINT_SKIPPED', contactPointId: point.id });
  }
  return { channel: null, warnings };
}

/** Blocked as a whole when the block names no channel, or every enabled channel is blocked (X1, R12, R15). */
function decideBlocks(facts: EligibilityFacts, channel: ChannelFacts): Refusal[] {
  const wide = facts.blocks.filter((one) => one.contactPointId === null);
  const blocked = (id: string): boolean => wide.some((one) => one.channelId === null || one.channelId === id);
  if (!blocked(channel.id)) return [];
  const enabled = facts.channels.filter((one) => one.enabled);
  const everywhere = wide.some((one) => one.channelId === null) || (enabled.length > 0 && enabled.every((one) => blocked(one.id)));
  if (everywhere) return [{ code: 'CLIENT_BLOCKED' }];
  return [{ code: 'CHANNEL_BLOCKED', channelId: channel.id }];
}

/** No other active thread in the scope of X2; email is exempt (R13, R14, R84). */
function decideThread(facts: EligibilityFacts, channel: ChannelFacts): Refusal[] {
  if (channel.capabilities.allowedWithActiveThread || facts.threadHeld) return [];
  const inScope = facts.openThreads.filter((one) => facts.settings.activeThreadScope === 'client' || one.channelId === channel.id);
  const inTheWay = inScope.find((one) => !one.own || one.clientWrote);
  if (!inTheWay) return [];
  return [{ code: facts.firstCheck ? 'ACTIVE_THREAD' : 'ACTIVE_THREAD_APPEARED', channelId: channel.id, threadId: inTheWay.id }];
}

/** The client used the channel before, or the channel may write first (X6, X5). A missing contact point is told by the recipient. */
function decideReach(facts: EligibilityFacts, channel: ChannelFacts): Refusal[] {
  return channel.clientWroteHere || channel.capabilities.coldStart ? [] : [{ code: 'CHANNEL_NOT_USED_BEFORE', channelId: channel.id }];
}

/** What the door could not judge while the channel was not known, and what may have changed since (4.2: D/E). */
function decideRequest({ request, settings }: EligibilityFacts, channel: ChannelFacts): Refusal[] {
  const { sender, content, disposition } = request;
  const unfit = refuseContent(content, channel.capabilities, channel.mailboxes, settings.bccPattern);
  const undisposed = refuseDisposition(disposition, sender, channel.capabilities.opensThread);
  return [
    ...unfit.map(({ code, pointer }): Refusal => ({ code, channelId: channel.id, field: `/content${pointer}` })),
    ...(undisposed ? [{ code: undisposed, channelId: channel.id, field: '/disposition' }] : []),
  ];
}
