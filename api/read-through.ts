/** Reads what was given through a schema; what is wrong is told in plain sentences that say what to do, never with the value itself. */

import type { z } from 'zod';
import { type FieldError, pointerOf } from './problem.js';

/** Where the value stands: `in` a part of the request (default: the body), `at` a JSON pointer into it. */
export interface Place {
  in?: 'query' | 'header';
  at?: string;
}

type Issue = Parameters<z.core.$ZodErrorMap>[0];

/** The value as the schema gives it, or all that is wrong with it. Messages of the schema's own stand before ours. */
export function readThrough<S extends z.ZodType>(
  schema: S,
  given: unknown,
  place: Place = {},
): { data: z.output<S>; errors?: undefined } | { errors: FieldError[] } {
  const read = schema.safeParse(given, { error: say });
  return read.success ? { data: read.data } : { errors: errorsOf(read.error, place) };
}

const nouns = { query: 'parameter', header: 'header', body: 'field' } as const;

function errorsOf(error: z.ZodError, { in: part, at = '' }: Place): FieldError[] {
  const where = part ? { in: part } : {};
  return error.issues.flatMap((issue): FieldError[] => {
    if (issue.code !== 'unrecognized_keys') return [{ pointer: at + pointerOf(issue.path), detail: issue.message, ...where }];
    const detail = `There is no such ${nouns[part ?? 'body']} here; take it out.`;
    return issue.keys.map((key) => ({ pointer: at + pointerOf([...issue.path, key]), detail, ...where }));
  });
}

function say(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `${issue.input === undefined ? 'This is missing: give' : 'Give'} ${kinds[issue.expected] ?? 'another kind of value'}.`;
    case 'too_small':
      return `Give ${sized(issue.origin, 'at least', issue.minimum)}.`;
    case 'too_big':
      return `Give ${sized(issue.origin, 'at most', issue.maximum)}.`;
    case 'invalid_format':
      return `Give ${formats[issue.format] ?? 'it in the form that is described under /docs'}.`;
    case 'invalid_value':
      return oneOf(issue.values);
    case 'invalid_union':
      return Array.isArray(issue.options) ? oneOf(issue.options) : 'Give it in one of the forms that are described under /docs.';
    case 'invalid_key':
      return `Change this name. ${issue.issues[0]?.message ?? ''}`.trim();
    default:
      return 'Correct this value.';
  }
}

const kinds: Partial<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
};

const formats: Partial<Record<string, string>> = {
  uuid: 'an id, like 0199c0de-0000-7000-8000-000000000001',
  datetime: 'an instant with its time zone, like 2026-03-01T09:30:00Z',
  base64: 'base64',
};

function sized(origin: string, bound: string, limit: number | bigint): string {
  if (origin === 'string') return `${bound} ${limit} ${limit === 1 ? 'character' : 'characters'}`;
  if (origin === 'array' || origin === 'set') return `${bound} ${limit} ${limit === 1 ? 'entry' : 'entries'}`;
  return `a number of ${bound} ${limit}`;
}

function oneOf(values: readonly unknown[]): string {
  return values.length === 1 ? `Give ${String(values[0])}.` : `Give one of ${values.join(', ')}.`;
}
