/** What the workflow needs to know of the channel that carries a dispatch; recorded with the check, so that it replays. */

import type { Capabilities, ChannelPolicy, ChannelType } from './channel.js';
import { defaultPolicy } from './channel.js';
import type { Disposition } from './disposition.js';

/** A channel that a send failed on is left out of the express lane for this long, in milliseconds: a hanging one would hold up runs. */
const troubleMs = 30_000;

/** Two ways to run the same attempt: in the task that the run holds already, or by a queue of its own. */
export type Lane = 'express' | 'queued';

export interface DeliveryPlan {
  channelId: string;
  channelType: ChannelType;
  contactPointId: string;
  lane: Lane;
  /** Null: the channel opens no thread, so there is nothing to dispose of (R77). */
  disposition: Disposition['kind'] | null;
  /** The provider may refuse by receipt after it has accepted: wait for the first receipt before the end (4.1). */
  lateRefusals: boolean;
  policy: Pick<ChannelPolicy, 'retry' | 'onUnknown' | 'unknownWaitMs' | 'receiptWindowMs' | 'ladder' | 'maxInFlight'>;
}

/** The policy in force: what the operator set over the defaults of the channel's type; a dispatch may bring its own retry deadline. */
export function policyInForce(type: ChannelType, set: Partial<ChannelPolicy>, retryMs: number | null = null): ChannelPolicy {
  const base = { ...defaultPolicy(type), ...set };
  return retryMs === null ? base : { ...base, retry: { ...base.retry, deadlineMs: retryMs } };
}

export function planDelivery(
  channel: { id: string; type: ChannelType; capabilities: Capabilities; policy: ChannelPolicy },
  contactPointId: string,
  disposition: Disposition | null,
  lane: Lane,
): DeliveryPlan {
  const { retry, onUnknown, unknownWaitMs, receiptWindowMs, ladder, maxInFlight } = channel.policy;
  const hasReceipts = Object.keys(channel.capabilities.receipts).length > 0;
  return {
    channelId: channel.id,
    channelType: channel.type,
    contactPointId,
    lane,
    disposition: channel.capabilities.opensThread ? (disposition?.kind ?? 'close') : null,
    lateRefusals: channel.capabilities.receipts.failed !== undefined,
    // Nothing can end the wait for a receipt where there are none (R99).
    policy: { retry, onUnknown, unknownWaitMs: hasReceipts ? unknownWaitMs : 0, receiptWindowMs, ladder, maxInFlight },
  };
}

/**
 * Express: a first attempt on a healthy channel whose rate nobody has to hold down, before anybody had a say. What a person said is in the
 * run's history before the message leaves: the server throws a task away that ends a run while news of it arrives, and a word in that
 * task with it. `troubledAt`: when a send last spoke against the channel.
 */
export function decideLane(
  channel: { capabilities: Pick<Capabilities, 'limits'>; policy: Pick<ChannelPolicy, 'lane'> },
  attempt: { attemptNo: number; firstCheck: boolean; now: Date; troubledAt: Date | null },
): Lane {
  const limited = Object.values(channel.capabilities.limits).some((limit) => limit !== undefined);
  const troubled = attempt.troubledAt !== null && attempt.now.getTime() - attempt.troubledAt.getTime() < troubleMs;
  return channel.policy.lane === 'auto' && attempt.attemptNo === 1 && attempt.firstCheck && !limited && !troubled ? 'express' : 'queued';
}
