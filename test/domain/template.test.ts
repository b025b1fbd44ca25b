import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fillRegistered, refuseVariables, type TemplateVariable } from '../../domain/template.js';

const variables: TemplateVariable[] = [
  { name: 'name', type: 'text' },
  { name: 'city', type: 'select', values: ['Paris', 'Rome'] },
  { name: 'day', type: 'date' },
];
const fine = { name: 'Anna', city: 'Rome', day: '2026-02-28' };

describe('variables', () => {
  test('R65 R66 all given and all of their type: nothing is refused', () => {
    expect(refuseVariables(variables, fine)).toEqual([]);
  });

  test.each([
    { name: 'none given', given: {}, missing: ['/variables/name', '/variables/city', '/variables/day'] },
    { name: 'one left out', given: { name: 'Anna', day: '2026-02-28' }, missing: ['/variables/city'] },
    { name: 'an empty one', given: { ...fine, name: '' }, missing: ['/variables/name'] },
    { name: 'a blank one', given: { ...fine, name: ' \t\n\u00a0' }, missing: ['/variables/name'] },
  ])('R66 every variable is mandatory: $name', ({ given, missing }) => {
    expect(refuseVariables(variables, given)).toEqual(missing.map((pointer) => ({ code: 'VARIABLE_MISSING', pointer })));
  });

  test.each([
    { name: 'off the list', given: { ...fine, city: 'Berlin' }, pointer: '/variables/city' },
    { name: 'on the list but for its case', given: { ...fine, city: 'rome' }, pointer: '/variables/city' },
    { name: 'not a date', given: { ...fine, day: 'tomorrow' }, pointer: '/variables/day' },
    { name: 'a day that no calendar has', given: { ...fine, day: '2026-02-29' }, pointer: '/variables/day' },
    { name: 'a month that no calendar has', given: { ...fine, day: '2026-13-01' }, pointer: '/variables/day' },
    { name: 'a date with a time', given: { ...fine, day: '2026-02-28T10:00' }, pointer: '/variables/day' },
    { name: 'a variable that the template does not have', given: { ...fine, surname: 'B' }, pointer: '/variables/surname' },
  ])('R65 $name', ({ given, pointer }) => {
    expect(refuseVariables(variables, given)).toEqual([{ code: 'VARIABLE_INVALID', pointer }]);
  });

  test('R65 a leap day is a date, a select without a list takes nothing', () => {
    expect(refuseVariables([{ name: 'd', type: 'date' }], { d: '2028-02-29' })).toEqual([]);
    expect(refuseVariables([{ name: 's', type: 'select' }], { s: 'x' })).toEqual([{ code: 'VARIABLE_INVALID', pointer: '/variables/s' }]);
  });

  test('R66 what every object inherits is not a given variable', () => {
    const odd: TemplateVariable[] = ['constructor', 'toString', 'hasOwnProperty'].map((name) => ({ name, type: 'text' }));
    expect(refuseVariables(odd, {}).map((one) => one.code)).toEqual(['VARIABLE_MISSING', 'VARIABLE_MISSING', 'VARIABLE_MISSING']);
  });

  test('a name with a slash or a tilde is escaped in its pointer', () => {
    expect(refuseVariables([{ name: 'a/b~c', type: 'text' }], {})).toEqual([{ code: 'VARIABLE_MISSING', pointer: '/variables/a~1b~0c' }]);
  });
});

describe('filling a registered template', () => {
  test('R60 header, body and footer are one text, and a part that is not there leaves no empty line', () => {
    const filled = fillRegistered({ header: 'Order {{no}}', body: 'Hello {{name}}', footer: 'Yours' }, { no: '81', name: 'Anna' });
    expect(filled).toEqual({ text: 'Order 81\nHello Anna\nYours', header: ['81'], body: ['Anna'] });
    expect(fillRegistered({ header: null, body: 'Hello', footer: '' }, {})).toEqual({ text: 'Hello', header: [], body: [] });
  });

  test('named placeholders give their parameters in the order of first use, each once', () => {
    expect(fillRegistered({ header: null, body: '{{b}} {{a}} {{ b }}', footer: null }, { a: '1', b: '2' })).toEqual({
      text: '2 1 2',
      header: [],
      body: ['2', '1'],
    });
  });

  test('positional placeholders give their parameters by number, whatever order the text has them in', () => {
    const given = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`${index + 1}`, `v${index + 1}`]));
    expect(fillRegistered({ header: null, body: '{{2}} {{10}} {{1}}', footer: null }, given)).toEqual({
      text: 'v2 v10 v1',
      header: [],
      body: ['v1', 'v2', 'v10'],
    });
  });

  test('R64 the fixed parts stay as registered, whatever the variables say: nothing in a value is expanded', () => {
    const value = fc.oneof(fc.string(), fc.constantFrom('{{2}}', '{{name}}', '$&', "$'", '$1', '{{constructor}}'));
    fc.assert(
      fc.property(value, value, (a, b) => {
        const { text, body } = fillRegistered({ header: 'Head', body: 'One {{1}} two {{2}} end', footer: 'Foot' }, { 1: a, 2: b });
        expect(text).toBe(`Head\nOne ${a} two ${b} end\nFoot`);
        expect(body).toEqual([a, b]);
      }),
    );
  });

  test('R64 a placeholder named like something that every object inherits is a name like any other', () => {
    expect(fillRegistered({ header: null, body: '{{constructor}}|{{toString}}', footer: null }, { toString: 'x' } as never)).toEqual({
      text: '|x',
      header: [],
      body: ['', 'x'],
    });
  });
});
