/** Proofs that a webhook comes from whom it says: over the raw bytes, in constant time, with two secrets valid during a rotation. */

import { createHmac, timingSafeEqual } from 'node:crypto';

/** Checks a header `sha256=<hex HMAC-SHA256(secret, raw body)>` against every secret; `unsigned` when the header is absent. */
export function verifySignature(header: string | undefined, body: Buffer, secrets: readonly string[]): 'ok' | 'bad' | 'unsigned' {
  if (header === undefined || header === '') return 'unsigned';
  // No early exit: the time taken does not tell which secret fitted.
  const matches = secrets.map((secret) => isSame(header, `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`));
  return matches.includes(true) ? 'ok' : 'bad';
}

/** Compares two texts in constant time; both are hashed first, so that their lengths do not show. */
export function isSame(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHmac('sha256', 'compare').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
