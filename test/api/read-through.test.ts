import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { readThrough } from '../../api/read-through.js';
import { surface } from '../../api/surface.js';
import { startTestApi } from './support.js';

const told = (schema: z.ZodType, given: unknown, place = {}): string[] => (readThrough(schema, given, place).errors ?? []).map((one) => one.detail);

describe('what is wrong is told in sentences that say what to do', () => {
  test.each([
    ['nothing there', z.object({ a: z.string() }), {}, 'This is missing: give a text.'],
    ['another kind', z.object({ a: z.string() }), { a: 1 }, 'Give a text.'],
    ['no number', z.object({ a: z.coerce.number() }), { a: 'x' }, 'Give a number.'],
    ['no whole number', z.object({ a: z.int() }), { a: 1.5 }, 'Give a whole number.'],
    ['no boolean', z.object({ a: z.boolean() }), { a: 'yes' }, 'Give true or false.'],
    ['no list', z.object({ a: z.array(z.string()) }), { a: {} }, 'Give a list.'],
    ['no object', z.object({ a: z.strictObject({}) }), { a: [] }, 'Give an object.'],
    ['an empty text', z.object({ a: z.string().min(1) }), { a: '' }, 'Give at least 1 character.'],
    ['a long text', z.object({ a: z.string().max(2) }), { a: 'abc' }, 'Give at most 2 characters.'],
    ['many entries', z.object({ a: z.array(z.string()).max(1) }), { a: ['a', 'b'] }, 'Give at most 1 entry.'],
    ['a small number', z.object({ a: z.int().min(1) }), { a: 0 }, 'Give a number of at least 1.'],
    ['no id', z.object({ a: z.uuid() }), { a: 'x' }, 'Give an id, like 0199c0de-0000-7000-8000-000000000001.'],
    ['no instant', z.object({ a: z.iso.datetime({ offset: true }) }), { a: 'x' }, 'Give an instant with its time zone, like 2026-03-01T09:30:00Z.'],
    ['none of a list', z.object({ a: z.enum(['x', 'y']) }), { a: 'z' }, 'Give one of x, y.'],
    ['another value', z.object({ a: z.literal(false) }), { a: true }, 'Give false.'],
    [
      'a kind that there is not',
      z.object({ a: z.discriminatedUnion('k', [z.object({ k: z.literal('x') }), z.object({ k: z.literal('y') })]) }),
      { a: { k: 'z' } },
      'Give one of x, y.',
    ],
    ['a long name', z.object({ a: z.record(z.string().max(1), z.string()) }), { a: { long: '' } }, 'Change this name. Give at most 1 character.'],
    ['a rule without words', z.object({ a: z.string().refine(() => false) }), { a: '' }, 'Correct this value.'],
    ['a rule with its own words', z.object({ a: z.string().regex(/x/, 'Write an x.') }), { a: '' }, 'Write an x.'],
  ] as [string, z.ZodType, unknown, string][])('%s', (_what, schema, given, sentence) => {
    expect(told(schema, given)).toEqual([sentence]);
  });

  test('a parameter is called a parameter, a field a field', () => {
    const schema = z.strictObject({});
    expect(readThrough(schema, { 'a/b': 1 }, { in: 'query' }).errors).toEqual([
      { pointer: '/a~1b', in: 'query', detail: 'There is no such parameter here; take it out.' },
    ]);
    expect(readThrough(schema, { a: 1 }, { at: '/config' }).errors).toEqual([{ pointer: '/config/a', detail: 'There is no such field here; take it out.' }]);
  });
});

test('no words of the schema library reach a caller, whatever route is asked with whatever is wrong', async () => {
  const api = await startTestApi();
  const id = '0199c0de-0000-7000-8000-000000000001';
  const wrong = [
    {},
    { name: 1, contactPoints: {}, content: { kind: 'x' }, to: [], scopes: 'x', role: 0 },
    { config: 1, type: 'x', variables: [{ type: 'x' }] },
    [],
  ];
  let refused = 0;
  for (const { method, operation } of surface.filter((one) => one.path.startsWith('/v1/') && one.path !== '/v1/dev-login')) {
    const path = operation.path.replaceAll(/\{\w+\}/g, id);
    for (const body of method === 'get' || method === 'delete' ? [undefined] : wrong) {
      const request = api.as('admin')[method as 'get'](path).query({ limit: 'x', cursor: '!', state: '?', clientId: '1', createdAfter: 'x', unknown: '1' });
      const answer = await (body === undefined ? request : request.set('Idempotency-Key', 'k').send(body));
      if (answer.status !== 400) continue;
      refused += 1;
      expect(answer.text).not.toMatch(/Invalid (input|option|discriminator|UUID|ISO|key|string)|expected .+ received|Unrecognized key|Too (big|small):/);
      for (const { pointer, detail } of answer.body.errors ?? [])
        expect([pointer, detail]).toEqual([expect.stringMatching(/^(\/|$)/), expect.stringMatching(/\.$/)]);
    }
  }
  expect(refused).toBeGreaterThan(50);
  await api.close();
});
