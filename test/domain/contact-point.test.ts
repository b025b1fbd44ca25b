import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { contactPointKinds } from '../../domain/channel.js';
import { normaliseContactPoint } from '../../domain/contact-point.js';

const value = (kind: Parameters<typeof normaliseContactPoint>[0], raw: string, country?: string): string => {
  const result = normaliseContactPoint(kind, raw, country);
  return result.ok ? result.value : result.code;
};

describe('phones', () => {
  test('R117 five spellings of one number are one contact point', () => {
    const spellings = ['+49 30 901820', '+4930901820', '0049 (30) 90 18-20', '030 / 90 18 20'.replace('/', ''), '+49\u00a030.90.18.20'];
    expect(new Set(spellings.map((one) => value('phone', one, 'DE')))).toEqual(new Set(['+4930901820']));
  });

  test('R117 dashes of every make are left out', () => {
    for (const dash of ['-', '\u2010', '\u2011', '\u2012', '\u2013', '\u2014']) expect(value('phone', `+49${dash}30${dash}901820`)).toBe('+4930901820');
  });

  test.each([
    { raw: '123456', expected: 'PHONE_TOO_SHORT' },
    { raw: '+12 34-56', expected: 'PHONE_TOO_SHORT' },
    { raw: '[1] (2) 3.4-5 6', expected: 'PHONE_TOO_SHORT' },
    { raw: '+1234567890123456', expected: 'PHONE_TOO_LONG' },
    { raw: '', expected: 'CONTACT_POINT_INVALID' },
    { raw: '+', expected: 'CONTACT_POINT_INVALID' },
    { raw: 'call me', expected: 'CONTACT_POINT_INVALID' },
    { raw: '+49 30 901820 ext 5', expected: 'CONTACT_POINT_INVALID' },
    { raw: '49+30901820', expected: 'CONTACT_POINT_INVALID' },
    { raw: '++4930901820', expected: 'CONTACT_POINT_INVALID' },
    { raw: '٠١٢٣٤٥٦٧٨٩', expected: 'CONTACT_POINT_INVALID' },
    { raw: '030901820', expected: 'CONTACT_POINT_INVALID' },
  ])('R28 $raw → $expected', ({ raw, expected }) => {
    expect(value('phone', raw)).toBe(expected);
  });

  test('R28 seven digits are enough and fifteen are not too many, as far as the count goes', () => {
    expect(['PHONE_TOO_SHORT', 'PHONE_TOO_LONG']).not.toContain(value('phone', '1234567', 'DE'));
    expect(['PHONE_TOO_SHORT', 'PHONE_TOO_LONG']).not.toContain(value('phone', '+123456789012345'));
  });

  test('R28 the count comes first: a short number is told as short, with or without a country', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^\+?[0-9]{1,6}$/), fc.constantFrom(undefined, 'DE', 'RU'), (raw, country) => {
        expect(value('phone', raw, country)).toBe('PHONE_TOO_SHORT');
      }),
    );
  });

  test('R117 a number without its country is read by the default country, and only so', () => {
    expect(value('phone', '8 916 123-45-67', 'RU')).toBe('+79161234567');
    expect(value('phone', '8 916 123-45-67')).toBe('CONTACT_POINT_INVALID');
  });
});

describe('emails', () => {
  test('R117 an email is compared in lower case and sent to in the case it was given', () => {
    expect(normaliseContactPoint('email', ' Anna.B@Mail.Example ')).toEqual({ ok: true, value: 'anna.b@mail.example', address: 'Anna.B@mail.example' });
  });

  test('R117 a domain in another script is the same as its ASCII form', () => {
    expect(value('email', 'anna@пример.рф')).toBe('anna@xn--e1afmkfd.xn--p1ai');
    expect(value('email', 'anna@xn--e1afmkfd.xn--p1ai')).toBe('anna@xn--e1afmkfd.xn--p1ai');
    expect(value('email', 'anna@ＭＡＩＬ.example')).toBe('anna@mail.example');
  });

  test('X16 a To address may be what BCC may not', () => {
    expect(value('email', 'a+b@x.com')).toBe('a+b@x.com');
    expect(value('email', 'a@one.two.three.com')).toBe('a@one.two.three.com');
  });

  test.each([
    'anna',
    'anna@',
    '@mail.example',
    'anna@localhost',
    'anna＠mail.example',
    'a@b@mail.example',
    'a b@mail.example',
    '.a@mail.example',
    'a..b@mail.example',
    'a@mail..example',
    'a@127.0.0.1',
    'a@[127.0.0.1]',
    'a@mail.example/x',
    'a@mail.example:25',
    'a@mail.example\r\nBcc: evil@x.test',
    'a\0@mail.example',
    '"a b"@mail.example',
    '<a@mail.example>',
    'a,b@mail.example',
    'анна@mail.example',
    `${'a'.repeat(65)}@mail.example`,
    `a@${'b.'.repeat(130)}example`,
  ])('R117 %j is not an email address', (raw) => {
    expect(value('email', raw)).toBe('CONTACT_POINT_INVALID');
  });
});

test.each([
  { kind: 'telegram_id', raw: '-1001234567890', expected: '-1001234567890' },
  { kind: 'telegram_id', raw: '@anna', expected: 'CONTACT_POINT_INVALID' },
  { kind: 'whatsapp_id', raw: '491701234567', expected: '491701234567' },
  { kind: 'whatsapp_id', raw: 'DE.abc123', expected: 'DE.abc123' },
  { kind: 'whatsapp_id', raw: '+491701234567', expected: 'CONTACT_POINT_INVALID' },
  { kind: 'viber_id', raw: 'aB3+/=_', expected: 'aB3+/=_' },
  { kind: 'viber_id', raw: 'x'.repeat(25), expected: 'CONTACT_POINT_INVALID' },
  { kind: 'external_id', raw: 'user-42', expected: 'user-42' },
  { kind: 'external_id', raw: 'user 42', expected: 'CONTACT_POINT_INVALID' },
  { kind: 'twitter_id', raw: '', expected: 'CONTACT_POINT_INVALID' },
] as const)('R117 $kind $raw → $expected', ({ kind, raw, expected }) => {
  expect(value(kind, raw)).toBe(expected);
});

test('R117 normalising what is normalised changes nothing, and nothing typed is ever an exception', () => {
  const kind = fc.constantFrom(...contactPointKinds);
  const raw = fc.oneof(fc.string({ unit: 'binary' }), fc.emailAddress(), fc.stringMatching(/^\+?[0-9 ()-]{5,18}$/));
  fc.assert(
    fc.property(kind, raw, fc.constantFrom(undefined, 'DE', 'US'), (of, text, country) => {
      const once = normaliseContactPoint(of, text, country);
      if (!once.ok) return;
      expect(normaliseContactPoint(of, once.value, country)).toMatchObject({ ok: true, value: once.value });
      expect(normaliseContactPoint(of, once.address, country)).toEqual(once);
      expect(once.address).not.toMatch(/[\s\0]/);
    }),
    { numRuns: 3_000 },
  );
});

describe('what is said of a value that is refused', () => {
  const saidOf = (kind: Parameters<typeof normaliseContactPoint>[0], raw: string, country?: string): string => {
    const read = normaliseContactPoint(kind, raw, country);
    return read.ok ? 'fine' : read.detail;
  };

  test.each([
    { kind: 'phone', raw: '12345', says: /at least 7 digits/ },
    { kind: 'phone', raw: '+1234567890123456', says: /at most 15 digits/ },
    { kind: 'phone', raw: 'call me', says: /digits alone/ },
    { kind: 'phone', raw: '030901820', says: /country of the number is not known.*\+/ },
    { kind: 'phone', raw: '+1 555 01234', says: /this many digits/ },
    { kind: 'phone', raw: '+999 1234567', says: /no country code that is known/ },
    { kind: 'email', raw: 'anna', says: /has an @/ },
    { kind: 'email', raw: '@mail.example', says: /before the @/ },
    { kind: 'email', raw: 'a b@mail.example', says: /^Before the @/ },
    { kind: 'email', raw: 'anna@localhost', says: /after the @.*dot/ },
    { kind: 'email', raw: `${'a'.repeat(65)}@mail.example`, says: /longer/ },
    { kind: 'telegram_id', raw: '@anna', says: /username is none/ },
    { kind: 'whatsapp_id', raw: '+491701234567', says: /without a \+/ },
    { kind: 'viber_id', raw: 'x'.repeat(25), says: /at most 24/ },
    { kind: 'external_id', raw: 'user 42', says: /no space/ },
  ] as const)('R117 R28 $kind $raw', ({ kind, raw, says }) => {
    expect(saidOf(kind, raw)).toMatch(says);
  });

  test('R116 never the value itself', () => {
    const kind = fc.constantFrom(...contactPointKinds);
    fc.assert(
      fc.property(kind, fc.stringMatching(/^[A-Za-z0-9@.+]{8,30}$/), (of, raw) => {
        const read = normaliseContactPoint(of, raw);
        if (!read.ok) expect(read.detail.toLowerCase()).not.toContain(raw.trim().toLowerCase());
      }),
    );
  });
});
