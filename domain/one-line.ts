/** Texts of one line that people read: names, labels, subjects. */

/**
 * Control characters, breaks of lines and paragraphs, and the characters that turn around the order in which a text is shown. The marks
 * U+061C, U+200E and U+200F, which names in right-to-left scripts need, are none of them.
 */
const unfit = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u;
const unfitRuns = new RegExp(`${unfit.source}+`, 'gu');

/** True for a text that is shown as it is written, on one line. */
export function isOneLine(text: string): boolean {
  return !unfit.test(text);
}

/** The text on one line: a space for whatever would break it. */
export function toOneLine(text: string): string {
  return text.replaceAll(unfitRuns, ' ');
}
