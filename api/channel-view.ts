/** Channels as the wire shows them, and the policy as it takes it. */

import type { z } from 'zod';
import type { StoredChannel } from '../db/channels.js';
import { type ChannelPolicy, ladder } from '../domain/channel.js';
import { policyInForce } from '../domain/plan.js';
import type { channel, policyChange } from './contract/channels.js';
import type { ApiDeps } from './deps.js';

export function viewChannel(deps: Pick<ApiDeps, 'channels' | 'publicUrl'>, row: StoredChannel): z.input<typeof channel> {
  const listens = deps.channels.find(row.type, row.provider)?.webhook !== undefined;
  return {
    ...row,
    hasCredentials: row.credentials !== null,
    policy: { ...policyInForce(row.type, row.policy) },
    paused: row.pausedAt && { reason: row.pausedReason!, since: row.pausedAt },
    webhookUrl: listens ? `${deps.publicUrl}/webhooks/${row.id}` : null,
  };
}

/** What was set before with what is set now over it; a ladder is completed from its inner steps (H3). */
export function changePolicy(before: Partial<ChannelPolicy>, change: z.output<typeof policyChange>): Partial<ChannelPolicy> {
  const { ladder: steps, ...rest } = change;
  return { ...before, ...withoutUndefined(rest), ...(steps ? { ladder: ladder(steps) } : {}) };
}

function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as never;
}
