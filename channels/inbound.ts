/** What comes in from outside, made safe to keep: texts that a database takes, instants that exist, JSON of a sane shape. */

/** Longest text of an inbound message that is kept. Characters. */
const maxTextChars = 100_000;

/** A text without NUL and half surrogate pairs, which Postgres refuses, and not longer than `maxChars`. */
export function cleanText(text: string, maxChars = maxTextChars): string {
  return text
    .slice(0, maxChars)
    .replaceAll('\0', '')
    .replace(/\p{Surrogate}/gu, '\ufffd');
}

/** An instant as ISO text; what is unreadable or in the future becomes `now`, so that nobody writes from tomorrow. */
export function pastInstant(ms: number, now: number): string {
  return new Date(ms >= 0 && ms <= now ? ms : now).toISOString();
}

/** Parses JSON of at most `maxBytes` and `maxDepth` nested brackets; undefined when it is none. */
export function parseJson(body: Buffer, maxBytes: number, maxDepth: number): unknown {
  if (body.byteLength > maxBytes) return undefined;
  const text = body.toString('utf8');
  if (depthOf(text) > maxDepth) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The deepest nesting of brackets outside strings, in one pass. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (inString) {
      if (c === '\\') i++;
      else if (c === '"') inString = false;
    } else if (c === '"') inString = true;
    else if (c === '{' || c === '[') deepest = Math.max(deepest, ++depth);
    else if (c === '}' || c === ']') depth--;
  }
  return deepest;
}
