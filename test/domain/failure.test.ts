import { describe, expect, test } from '@jest/globals';
import {
  type Failure,
  type FailureClass,
  failureClasses,
  type FailureMark,
  meaningOf,
  type ProviderReason,
  providerReasons,
  type Retry,
} from '../../domain/failure.js';

const failure = (of: FailureClass, more: Partial<Failure> = {}): Failure => ({ class: of, scope: 'channel', provider: {}, ...more });

/** Requirements 4.3, row by row. */
const rows: { of: FailureClass; more?: Partial<Failure>; reason: ProviderReason; retry: Retry; mark?: FailureMark }[] = [
  { of: 'rate_limited', reason: 'RATE_LIMITED', retry: 'retryable' },
  { of: 'transient', reason: 'TEMPORARY', retry: 'retryable' },
  { of: 'auth', reason: 'CHANNEL_CONFIG', retry: 'retryable', mark: 'pause_channel' },
  { of: 'account', reason: 'CHANNEL_CONFIG', retry: 'retryable', mark: 'pause_channel' },
  { of: 'config', more: { scope: 'channel' }, reason: 'CHANNEL_CONFIG', retry: 'retryable', mark: 'pause_channel' },
  { of: 'config', more: { scope: 'account' }, reason: 'CHANNEL_CONFIG', retry: 'retryable', mark: 'pause_channel' },
  { of: 'config', more: { scope: 'message' }, reason: 'CHANNEL_CONFIG', retry: 'permanent' },
  { of: 'config', more: { scope: 'recipient' }, reason: 'CHANNEL_CONFIG', retry: 'permanent' },
  { of: 'unknown', reason: 'OUTCOME_UNKNOWN', retry: 'unknown' },
  { of: 'blocked_by_client', reason: 'RECIPIENT_BLOCKED_BUSINESS', retry: 'permanent', mark: 'block' },
  { of: 'opted_out', reason: 'RECIPIENT_OPTED_OUT', retry: 'permanent', mark: 'opt_out' },
  { of: 'not_on_channel', reason: 'NOT_ON_MESSENGER', retry: 'permanent', mark: 'undeliverable' },
  { of: 'invalid_address', reason: 'INVALID_ADDRESS', retry: 'permanent', mark: 'undeliverable' },
  { of: 'outside_window', reason: 'WINDOW_CLOSED', retry: 'permanent' },
  { of: 'template_mismatch', reason: 'TEMPLATE_MISMATCH', retry: 'permanent' },
  { of: 'template_unavailable', reason: 'TEMPLATE_PAUSED', retry: 'permanent', mark: 'pause_template' },
  { of: 'invalid_content', more: { attachment: true }, reason: 'MEDIA_ERROR', retry: 'permanent' },
  { of: 'invalid_content', reason: 'CONTENT_REJECTED', retry: 'permanent' },
  { of: 'suppressed', reason: 'SUPPRESSED', retry: 'permanent' },
  { of: 'unlisted', reason: 'UNLISTED', retry: 'permanent' },
];

describe('what a failure means', () => {
  test.each(rows)('R87 R101 $of $more → $reason, $retry, $mark', ({ of, more, reason, retry, mark }) => {
    const { mark: left, ...meaning } = meaningOf(failure(of, more));
    expect(meaning).toEqual({ reason, retry });
    expect(left).toBe(mark);
  });

  test('R87 every class and every reason has a row', () => {
    expect(new Set(rows.map((one) => one.of))).toEqual(new Set(failureClasses));
    expect(new Set(rows.map((one) => one.reason))).toEqual(new Set(providerReasons));
  });
});
