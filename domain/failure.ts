/** Every way a send can fail, named once, and what the engine does about it. Source: channels section 1, requirements 4.3. */

import type { Address } from './channel.js';

export const failureClasses = [
  'rate_limited',
  'transient',
  'unknown',
  'blocked_by_client',
  'opted_out',
  'not_on_channel',
  'outside_window',
  'template_mismatch',
  'template_unavailable',
  'invalid_address',
  'invalid_content',
  'suppressed',
  'auth',
  'account',
  'config',
  'unlisted',
] as const;
export type FailureClass = (typeof failureClasses)[number];

export const providerReasons = [
  'RATE_LIMITED',
  'TEMPORARY',
  'CHANNEL_CONFIG',
  'OUTCOME_UNKNOWN',
  'RECIPIENT_BLOCKED_BUSINESS',
  'RECIPIENT_OPTED_OUT',
  'NOT_ON_MESSENGER',
  'INVALID_ADDRESS',
  'WINDOW_CLOSED',
  'TEMPLATE_MISMATCH',
  'TEMPLATE_PAUSED',
  'MEDIA_ERROR',
  'CONTENT_REJECTED',
  'SUPPRESSED',
  'UNLISTED',
] as const;
export type ProviderReason = (typeof providerReasons)[number];

/** What a plug-in says about a send that was not accepted; `retryAfterMs` is the provider's own wait. */
export interface Failure {
  class: FailureClass;
  scope: 'message' | 'recipient' | 'channel' | 'account';
  retryAfterMs?: number;
  maxAttempts?: number;
  alert?: boolean;
  movedTo?: Address;
  /** True when the failure concerns an attachment (tells MEDIA_ERROR from CONTENT_REJECTED). */
  attachment?: boolean;
  provider: { code?: string; http?: number; message?: string; details?: string };
}

export type Retry = 'retryable' | 'permanent' | 'unknown';

/** What the facts of a refusal change beyond this dispatch. */
export type FailureMark = 'block' | 'opt_out' | 'undeliverable' | 'pause_template' | 'pause_channel';

export interface FailureMeaning {
  reason: ProviderReason;
  retry: Retry;
  mark?: FailureMark;
}

const meanings: Record<FailureClass, FailureMeaning> = {
  rate_limited: { reason: 'RATE_LIMITED', retry: 'retryable' },
  transient: { reason: 'TEMPORARY', retry: 'retryable' },
  unknown: { reason: 'OUTCOME_UNKNOWN', retry: 'unknown' },
  blocked_by_client: { reason: 'RECIPIENT_BLOCKED_BUSINESS', retry: 'permanent', mark: 'block' },
  opted_out: { reason: 'RECIPIENT_OPTED_OUT', retry: 'permanent', mark: 'opt_out' },
  not_on_channel: { reason: 'NOT_ON_MESSENGER', retry: 'permanent', mark: 'undeliverable' },
  outside_window: { reason: 'WINDOW_CLOSED', retry: 'permanent' },
  template_mismatch: { reason: 'TEMPLATE_MISMATCH', retry: 'permanent' },
  template_unavailable: { reason: 'TEMPLATE_PAUSED', retry: 'permanent', mark: 'pause_template' },
  invalid_address: { reason: 'INVALID_ADDRESS', retry: 'permanent', mark: 'undeliverable' },
  invalid_content: { reason: 'CONTENT_REJECTED', retry: 'permanent' },
  suppressed: { reason: 'SUPPRESSED', retry: 'permanent' },
  auth: { reason: 'CHANNEL_CONFIG', retry: 'retryable', mark: 'pause_channel' },
  account: { reason: 'CHANNEL_CONFIG', retry: 'retryable', mark: 'pause_channel' },
  config: { reason: 'CHANNEL_CONFIG', retry: 'retryable', mark: 'pause_channel' },
  unlisted: { reason: 'UNLISTED', retry: 'permanent' },
};

/** What a failure means to the engine (4.3): its reason, whether another attempt follows, and the lasting mark it leaves. */
export function meaningOf(failure: Failure): FailureMeaning {
  const meaning = meanings[failure.class];
  if (failure.class === 'invalid_content' && failure.attachment) return { ...meaning, reason: 'MEDIA_ERROR' };
  if (failure.class === 'config' && (failure.scope === 'message' || failure.scope === 'recipient')) {
    return { reason: 'CHANNEL_CONFIG', retry: 'permanent' };
  }
  return meaning;
}
