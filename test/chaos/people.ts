/** The people of a campaign by number: every name, address and text carries a mark, so that it can be looked for where it must not be. */

const perBlock = 9_000;

/** Endings from 1000 on script nothing in the sandbox; this one is taken and then refused by a status, as outside the window. */
const lateRefusalEnding = '0047';

export const mark = 'canary';

export const addressOf = (no: number, which: 'first' | 'second' = 'first'): string => `${mark}${no}${which}@example.test`;
export const blindOf = (no: number, copy: number): string => `${mark}${no}blind${copy}@example.test`;
export const textFor = (no: number): string => `${mark}${no}text`;

export function phoneOf(no: number, which: 'first' | 'second' | 'late' = 'first'): string {
  if (which === 'late') return `+1279${String(no % 1_000).padStart(3, '0')}${lateRefusalEnding}`;
  const block = String(Math.floor(no / perBlock)).padStart(3, '0');
  return `+1${which === 'first' ? '277' : '278'}${block}${1_000 + (no % perBlock)}`;
}

/** What must not be found in a log or in Temporal: the mark, somebody's number (not eleven digits inside an id), a channel's secret, a caller's key. */
export function privateIn(text: string): string[] {
  const found = text.matchAll(
    /canary\d+[a-z]+|(?<![\da-f])127[789]\d{7}(?![\da-f])|chaos-(?:token|app-secret|verify-token|inbound-secret)|wb_[0-9a-f]{12}\.[\w-]{43}/g,
  );
  return [...found].map((match) => match[0]);
}
