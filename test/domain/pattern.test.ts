import { describe, expect, test } from '@jest/globals';
import { defaultBccPattern } from '../../domain/content.js';
import { readPattern } from '../../domain/pattern.js';

const longest = 254;
const elapsed = (work: () => void): number => {
  const begun = performance.now();
  work();
  return performance.now() - begun;
};

describe('R73 X16 patterns of admins', () => {
  test.each(['^(a+)+$', '^(a|a)*$', '^(a|aa)+$', '^(a*)*b$', '^(.*)*x$', '^([a-z]+)*@', '(x+x+)+y', `^${'a?'.repeat(100)}${'a'.repeat(100)}$`])(
    '%s is matched in no time, whatever the text',
    (source) => {
      const pattern = readPattern(source)!;
      for (const text of ['a'.repeat(longest), `${'a'.repeat(longest - 1)}!`, 'x'.repeat(longest)]) {
        expect(elapsed(() => pattern.matches(text))).toBeLessThan(1_000);
      }
    },
  );

  test.each([
    ['no expression', '('],
    ['look-ahead', '^(?=a)b'],
    ['look-behind', '(?<!a)b'],
    ['a back reference', '(a)\\1'],
    ['a counted group', '(abc){2}'],
    ['a repeat of three digits', 'a{100}'],
    ['an open repeat of three digits', 'a{1,100}'],
    ['too many steps', 'a{99}'.repeat(6)],
    ['as many repeats as there is room for', 'a{0,99}'.repeat(71)],
    ['a repeat that is repeated', 'a{50}{50}'],
  ])('refused, and soon: %s', (_what, source) => {
    expect(elapsed(() => expect(readPattern(source)).toBeNull())).toBeLessThan(2_000);
  });

  test('what an installation would write is taken, and means what it means elsewhere', () => {
    for (const source of [defaultBccPattern, '@example\\.test$', '^[a-z]{1,64}@[a-z-]{1,63}\\.test$', '(?i)^(anna|boris)@', '^\\w+@\\d+\\.x$']) {
      const pattern = readPattern(source)!;
      const usual = new RegExp(source.replace('(?i)', ''), source.startsWith('(?i)') ? 'i' : '');
      for (const text of ['anna@example.test', 'ANNA@x', 'a@b.test', 'a_1@22.x', 'a@b.co\n', '', 'ä@example.test', 'a+b@x.com'])
        expect([source, text, pattern.matches(text)]).toEqual([source, text, usual.test(text)]);
    }
  });
});
