/** What every failure text loses on its way in, and the small helpers of a call. */

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { failureOf, redact, withoutValues } from '../../channels/failure.js';
import { boundedBy, meaningOfStatus, readRetryAfter } from '../../channels/http.js';
import { cleanText, parseJson, pastInstant } from '../../channels/inbound.js';

describe('I13 redaction', () => {
  test.each([
    ['550 5.1.1 <Anna.B+x@client.test>: unknown', '550 5.1.1 <[address]>: unknown'],
    ['no user anna＠client.test here', 'no user [address] here'],
    ['number 4915123456789 is not valid', 'number [number] is not valid'],
    ['number +49 (151) 234-56789 is not valid', 'number [number] is not valid'],
    ['(#131026) Message undeliverable', '(#131026) Message undeliverable'],
    ['421 4.7.28 too fast', '421 4.7.28 too fast'],
    ['token EAAGm0PX4ZCpsBAKZCZBabcdefgh expired', 'token [token] expired'],
    ['two\r\nlines\tand\0more', 'two lines and more'],
  ])('I13 %j', (text, expected) => {
    expect(redact(text)).toBe(expected);
  });

  test('I13 no run of 7 digits and no @ is left of any text, and it is short', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789 @+-.<>ab'), maxLength: 3000 }), (text) => {
        const left = redact(text);
        expect(left).not.toMatch(/\d{7}|@/);
        expect(left.length).toBeLessThanOrEqual(500);
      }),
    );
  });

  test('I13 the time for a text grows with its length alone', () => {
    for (const unit of ['+1', '+', '1 ', 'a@', '@', 'a', '(', '+1 ((((((((((((']) {
      const before = performance.now();
      redact(unit.repeat(1_000_000 / unit.length));
      expect(performance.now() - before).toBeLessThan(50);
    }
  });

  test('I13 values that only the sender knows are taken out of all texts', () => {
    const failure = failureOf({ class: 'auth', scope: 'channel' }, { code: 'X-hunter2', message: 'bad hunter2', details: 'hunter2 hunter2' });
    expect(withoutValues(failure, ['hunter2', 'a'])).toEqual({
      class: 'auth',
      scope: 'channel',
      provider: { code: 'X-[hidden]', message: 'bad [hidden]', details: '[hidden] [hidden]' },
    });
  });
});

describe('H3 a bounded call', () => {
  test('H3 the signal fires with the caller’s, or after its time; released, it does neither', async () => {
    const caller = new AbortController();
    const followed = boundedBy(caller.signal, 60_000);
    const released = boundedBy(caller.signal, 60_000);
    released.release();
    caller.abort('stop');
    expect([followed.signal.aborted, followed.signal.reason, released.signal.aborted]).toEqual([true, 'stop', false]);
    followed.release();

    const timed = boundedBy(new AbortController().signal, 5);
    await new Promise((resolve) => timed.signal.addEventListener('abort', resolve));
    expect(timed.signal.reason).toMatchObject({ name: 'TimeoutError' });
    expect(boundedBy(AbortSignal.abort('gone'), 5).signal.reason).toBe('gone');
  });

  test('R101 Retry-After is read as seconds or as a date', () => {
    const now = Date.parse('2026-01-21T08:00:00Z');
    expect(readRetryAfter('7', now)).toBe(7000);
    expect(readRetryAfter('Wed, 21 Jan 2026 08:00:10 GMT', now)).toBe(10_000);
    expect(readRetryAfter('Wed, 21 Jan 2026 07:00:00 GMT', now)).toBe(0);
    for (const odd of [null, '', '-1', '7.5', '1e9', '99999999999', 'soon', 'Wed, rubbish']) expect(readRetryAfter(odd, now)).toBeUndefined();
  });

  test('R101 a status without a code of the provider', () => {
    const classes = [200, 302, 400, 401, 403, 404, 405, 408, 413, 415, 418, 429, 500, 503].map((status) => [status, meaningOfStatus(status).class]);
    expect(Object.fromEntries(classes)).toEqual({
      200: 'unknown',
      302: 'config',
      400: 'unlisted',
      401: 'auth',
      403: 'auth',
      404: 'config',
      405: 'config',
      408: 'unknown',
      413: 'invalid_content',
      415: 'invalid_content',
      418: 'unlisted',
      429: 'rate_limited',
      500: 'unknown',
      503: 'unknown',
    });
  });
});

describe('H7 what comes in', () => {
  test('H7 texts keep whole characters and lose what a database refuses', () => {
    expect(cleanText('a\0b😀\ud83d', 100)).toBe('ab😀\ufffd');
    expect(cleanText('ab😀', 3)).toBe('ab\ufffd');
  });

  test('H7 nobody writes from tomorrow or from no day', () => {
    expect(pastInstant(1000, 2000)).toBe('1970-01-01T00:00:01.000Z');
    for (const ms of [3000, -1, Number.NaN, 1e20]) expect(pastInstant(ms, 2000)).toBe('1970-01-01T00:00:02.000Z');
  });

  test('H7 JSON is read up to a size and a depth', () => {
    expect(parseJson(Buffer.from('[[1]]'), 5, 2)).toEqual([[1]]);
    expect(parseJson(Buffer.from('[[1]]'), 4, 2)).toBeUndefined();
    expect(parseJson(Buffer.from('[[1]]'), 5, 1)).toBeUndefined();
    expect(parseJson(Buffer.from('["[[[\\"[["]'), 99, 1)).toEqual(['[[["[[']);
    expect(parseJson(Buffer.from('{'), 99, 9)).toBeUndefined();
  });
});
