import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isOneLine, toOneLine } from '../../domain/one-line.js';

describe('texts of one line', () => {
  test.each(['Anna', 'Ärzte & Söhne', '山田 太郎', 'שלום \u200f(x)', 'علي \u061c', '👩‍👩‍👧 family', 'a "b" <c>', ''])('%j is one', (text) => {
    expect(isOneLine(text)).toBe(true);
    expect(toOneLine(text)).toBe(text);
  });

  test.each(['a\nb', 'a\r\nb', 'a\tb', 'a\0b', 'a\x1b[31mb', 'a\x7fb', 'a\x85b', 'a\u2028b', 'a\u2029b', 'a\u202eb', 'a\u202ab', 'a\u2066b', 'a\u2069b'])(
    '%j is none, and becomes one',
    (text) => {
      expect(isOneLine(text)).toBe(false);
      expect(toOneLine(text)).toMatch(/^a .*b$/);
    },
  );

  test('whatever it was, it becomes one line', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => isOneLine(toOneLine(text))));
  });
});
