/** Finds what no table can hold: NUL characters, halves of characters, and nesting that only serves to exhaust us. */

import type { FieldError } from './problem.js';
import { pointerOf } from './problem.js';

const unfitText = /[\0\p{Surrogate}]/u;
const maxDepth = 20;

/** The first unfit text in query or body, or null. */
export function findUnfit(parts: { query: unknown; body?: unknown }): FieldError | null {
  const inBody = walk(parts.body, []);
  if (inBody) return inBody;
  const inQuery = walk(parts.query, []);
  return inQuery && { ...inQuery, in: 'query' };
}

function walk(value: unknown, path: string[]): FieldError | null {
  if (path.length > maxDepth) return { pointer: pointerOf(path.slice(0, 3)), detail: `Nested deeper than ${maxDepth} levels.` };
  if (typeof value === 'string')
    return unfitText.test(value) ? { pointer: pointerOf(path), detail: 'A text holds a NUL character or half a character.' } : null;
  if (typeof value !== 'object' || value === null) return null;
  for (const [key, child] of Object.entries(value)) {
    const found = unfitText.test(key) ? { pointer: pointerOf(path), detail: 'A name holds a NUL character or half a character.' } : walk(child, [...path, key]);
    if (found) return found;
  }
  return null;
}

/** The same value with every unfit character replaced; for what a provider sends, which must not be refused for ever. */
export function makeFit<T>(value: T): T {
  if (typeof value === 'string') return value.replaceAll(/[\0\p{Surrogate}]/gu, '\ufffd') as T;
  if (Array.isArray(value)) return value.map(makeFit) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [makeFit(key), makeFit(child)])) as T;
}
