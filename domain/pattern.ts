/** Patterns that an admin writes (R73, X16): RE2 matches them in a time that grows with the text alone, however they are built. */

import { RE2JS } from 're2js';

/** Steps of a compiled pattern: what every character of a text may cost. The default BCC pattern has 19. */
const maxSteps = 500;
/** A repeat is compiled as often as it counts, so it counts to 99 at most, and never a group. */
const largeRepeat = /\)\{\d|\{\d*,?\d{3,}/;

export interface Pattern {
  matches(text: string): boolean;
}

/** The pattern that this regular expression (RE2 syntax: no look-around, no back references) stands for; null when it is none, or too large. */
export function readPattern(source: string): Pattern | null {
  if (largeRepeat.test(source)) return null;
  try {
    const compiled = RE2JS.compile(source);
    return compiled.programSize() > maxSteps ? null : { matches: (text) => compiled.test(text) };
  } catch {
    return null;
  }
}
