/** The opaque form of a place in a list. */

import type { PageKey } from '../db/paging.js';

/** Null stays null: there is no further page. */
export function encodeCursor(key: PageKey | null): string | null {
  return key && btoa(`${key.createdAtMicros}|${key.id}`).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** Null when this is none of ours. */
export function decodeCursor(text: string): PageKey | null {
  const [, createdAtMicros, id] = shape.exec(fromBase64(text)) ?? [];
  return createdAtMicros === undefined || id === undefined ? null : { createdAtMicros, id };
}

/** Sixteen digits of microseconds reach to the year 2286, and whatever they say is a time. */
const shape = /^(\d{1,16})\|([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

function fromBase64(text: string): string {
  try {
    return atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  } catch {
    return '';
  }
}

/** The body of a list's answer. */
export function pageBody<T>(page: { items: T[]; next: PageKey | null }): { items: T[]; nextCursor: string | null } {
  return { items: page.items, nextCursor: encodeCursor(page.next) };
}
