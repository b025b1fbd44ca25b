/** What the workflow needs to know of the channel that carries a dispatch; recorded with the check, so that it replays. */

import type { Capabilities, ChannelPolicy, ChannelType } from './channel.js';
import { defaultPolicy } from './channel.js';
import type { Disposition } from './disposition.js';

export interface DeliveryPlan {
  channelId: string;
  channelType: ChannelType;
  contactPointId: string;
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
): DeliveryPlan {
  const { retry, onUnknown, unknownWaitMs, receiptWindowMs, ladder, maxInFlight } = channel.policy;
  const hasReceipts = Object.keys(channel.capabilities.receipts).length > 0;
  return {
    channelId: channel.id,
    channelType: channel.type,
    contactPointId,
    disposition: channel.capabilities.opensThread ? (disposition?.kind ?? 'close') : null,
    lateRefusals: channel.capabilities.receipts.failed !== undefined,
    // Nothing can end the wait for a receipt where there are none (R99).
    policy: { retry, onUnknown, unknownWaitMs: hasReceipts ? unknownWaitMs : 0, receiptWindowMs, ladder, maxInFlight },
  };
}
