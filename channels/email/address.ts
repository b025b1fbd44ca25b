/** Email addresses as this channel handles them: plain ones only, compared in one form (reliability finding 6). */

import { normaliseContactPoint } from '../../domain/contact-point.js';

/** True for an address that every relay reads alike: ASCII, one `@`, no quotes, controls or spaces. */
export function isPlainAddress(address: string): boolean {
  if (/[^\x21-\x7e]/.test(address)) return false;
  const normal = normaliseContactPoint('email', address);
  // What the check would have to mend is not passed on unmended.
  return normal.ok && normal.value === address.toLowerCase();
}

/** The form in which two addresses are compared. */
export function keyOf(raw: string): string {
  const normal = normaliseContactPoint('email', raw);
  return normal.ok ? normal.value : raw.toLowerCase();
}
