/** The failure table of whatsapp/meta_cloud: every code of channels section 3, and what an answer is when no row fits. */

import { describe, expect, test } from '@jest/globals';
import { classifyCloudError, cloudErrorTable } from '../../channels/whatsapp-cloud/failures.js';
import { failureClasses, type Failure, type FailureClass } from '../../domain/failure.js';

const rows: [FailureClass, Failure['scope'], number[], Partial<Failure>?][] = [
  ['rate_limited', 'account', [4, 80007]],
  ['rate_limited', 'channel', [130429, 133016]],
  ['rate_limited', 'recipient', [131056]],
  ['rate_limited', 'channel', [131048], { alert: true }],
  ['transient', 'channel', [1, 2, 131016, 131057]],
  ['transient', 'message', [131053], { attachment: true }],
  ['transient', 'message', [131000], { maxAttempts: 2 }],
  ['outside_window', 'recipient', [131047]],
  ['not_on_channel', 'recipient', [131026]],
  ['opted_out', 'recipient', [131050]],
  ['suppressed', 'recipient', [131049, 130472]],
  ['template_mismatch', 'message', [132000, 132005, 132007, 132012]],
  ['template_unavailable', 'message', [132001, 132015, 132016, 132068, 132069]],
  ['invalid_address', 'recipient', [131021]],
  ['invalid_content', 'message', [100, 131008, 131009, 131051, 135000]],
  ['auth', 'channel', [0, 3, 10, 190, 200, 201, 250, 299, 131005]],
  ['account', 'account', [368, 131031, 131037, 131042]],
  ['config', 'channel', [33, 131045, 133010]],
  ['config', 'recipient', [131030]],
  ['unlisted', 'recipient', [130497], { alert: true }],
  ['unlisted', 'message', [300, 199, 131052, 470, 63016, 999999]],
];
const cases = rows.flatMap(([expected, scope, codes, more]) => codes.map((code) => [code, expected, scope, more ?? {}] as const));

describe('R87 R101 every row', () => {
  test.each(cases)('R87 code %s is %s (%s), in an answer and in a status alike', (code, expected, scope, more) => {
    const inAnswer = classifyCloudError({ http: 400, error: { code, message: 'Text', error_data: { details: 'More' } } });
    expect(inAnswer).toEqual({ class: expected, scope, ...more, provider: { code: String(code), http: 400, message: 'Text', details: 'More' } });
    const inStatus = classifyCloudError({ status: 'failed', error: { code, title: 'Text' } });
    expect(inStatus).toEqual({ class: expected, scope, ...more, provider: { code: String(code), message: 'Text' } });
  });

  test('R87 each code stands in one row, each class exists', () => {
    const codes = cloudErrorTable.flatMap((row) => row.codes);
    expect(new Set(codes.flat()).size).toBe(codes.flat().length);
    for (const { means } of cloudErrorTable) expect(failureClasses).toContain(means.class);
  });

  test('R101 the provider’s wait is kept', () => {
    expect(classifyCloudError({ http: 429, retryAfterMs: 7000, error: { code: 4 } })).toMatchObject({ class: 'rate_limited', retryAfterMs: 7000 });
  });
});

describe('H2 what was thrown', () => {
  const failed = (cause: unknown): TypeError => new TypeError('fetch failed', { cause });
  const system = (code: string, syscall: string): Error => Object.assign(new Error(`${syscall} ${code} 10.0.0.1:443`), { code, syscall });

  test.each<[string, unknown, FailureClass]>([
    ['connection refused', failed(system('ECONNREFUSED', 'connect')), 'transient'],
    ['reset while connecting', failed(system('ECONNRESET', 'connect')), 'transient'],
    ['unknown host', failed(system('ENOTFOUND', 'getaddrinfo')), 'transient'],
    ['several addresses, all refused', failed(new AggregateError([system('ECONNREFUSED', 'connect'), system('ENETUNREACH', 'connect')])), 'transient'],
    ['no connection in time', failed(Object.assign(new Error('Connect Timeout Error'), { code: 'UND_ERR_CONNECT_TIMEOUT' })), 'transient'],
    ['reset while reading', failed(system('ECONNRESET', 'read')), 'unknown'],
    ['other side closed', failed(Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' })), 'unknown'],
    ['several, one of them later', failed(new AggregateError([system('ECONNREFUSED', 'connect'), system('ECONNRESET', 'read')])), 'unknown'],
    ['several, none', failed(new AggregateError([])), 'unknown'],
    ['time-out', new DOMException('over', 'TimeoutError'), 'unknown'],
    ['abort', new DOMException('stop', 'AbortError'), 'unknown'],
    ['no cause', failed(undefined), 'unknown'],
    ['a text', 'text', 'unknown'],
    ['null', null, 'unknown'],
    ['undefined', undefined, 'unknown'],
    ['a number', 42, 'unknown'],
  ])('H2 R99 %s', (_name, thrown, expected) => {
    expect(classifyCloudError(thrown).class).toBe(expected);
  });
});
