/** One way to reach a client: normalised once, so that five spellings of a number are one contact point (R28, R117; channels section 12). */

import { parsePhoneNumberFromString, type CountryCode } from 'libphonenumber-js/max';
import type { ContactPointKind } from './channel.js';
import type { RefusalCode } from './codes.js';

/** Of one client: a verdict lists them all, and has to fit where it is stored. */
export const maxContactPoints = 50;

/** `value` is compared and unique; `address` is what a provider is given (it keeps the case of an email's local part). */
export type NormalisedValue = { ok: true; value: string; address: string } | { ok: false; code: RefusalCode };

/** The stored form of a value of this kind, or the code that refuses it. `defaultCountry` (ISO 3166) reads numbers without `+`. */
export function normaliseContactPoint(kind: ContactPointKind, raw: string, defaultCountry?: string): NormalisedValue {
  const text = raw.trim();
  switch (kind) {
    case 'phone':
      return normalisePhone(text, defaultCountry);
    case 'email':
      return normaliseEmail(text);
    case 'telegram_id':
      return matching(/^-?\d{1,19}$/, text);
    case 'viber_id':
      return matching(/^[A-Za-z0-9_=/+]{1,24}$/, text);
    case 'whatsapp_id':
      return matching(/^(\d{7,15}|[A-Z]{2}\.[A-Za-z0-9]{1,128})$/, text);
    case 'apple_id':
    case 'external_id':
    case 'twitter_id':
      return matching(/^[\x21-\x7e]{1,255}$/, text);
  }
}

function matching(pattern: RegExp, text: string): NormalisedValue {
  return pattern.test(text) ? { ok: true, value: text, address: text } : { ok: false, code: 'CONTACT_POINT_INVALID' };
}

/** R28: the count comes before the grammar, so that a short number is told as short. */
function normalisePhone(text: string, defaultCountry?: string): NormalisedValue {
  const bare = text.replace(/[\s\p{Pd}.()[\]]/gu, '');
  if (!/^\+?\d+$/.test(bare)) return { ok: false, code: 'CONTACT_POINT_INVALID' };
  const digits = bare.replace('+', '').length;
  if (digits < 7) return { ok: false, code: 'PHONE_TOO_SHORT' };
  if (digits > 15) return { ok: false, code: 'PHONE_TOO_LONG' };
  const international = bare.startsWith('00') ? `+${bare.slice(2)}` : bare;
  const parsed = parsePhoneNumberFromString(international, defaultCountry as CountryCode | undefined);
  return parsed?.isPossible() ? { ok: true, value: parsed.number, address: parsed.number } : { ok: false, code: 'CONTACT_POINT_INVALID' };
}

/** Compared lower-cased; a domain in other scripts is stored in its ASCII form. Refuses what a mail composer could misread. */
function normaliseEmail(text: string): NormalisedValue {
  const at = text.lastIndexOf('@');
  const local = text.slice(0, at);
  const domain = at > 0 ? asciiDomain(text.slice(at + 1)) : '';
  const fine =
    local.length <= 64 &&
    /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/.test(local) &&
    domain.length <= 253 &&
    local.length + domain.length < 254 &&
    /^[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z][a-z0-9-]*[a-z0-9]$/.test(domain);
  return fine ? { ok: true, value: `${local.toLowerCase()}@${domain}`, address: `${local}@${domain}` } : { ok: false, code: 'CONTACT_POINT_INVALID' };
}

/** The domain as the mail system sees it, lower-cased and in ASCII; empty when it is none. */
function asciiDomain(domain: string): string {
  if (!/^[\p{L}\p{N}.-]+$/u.test(domain)) return '';
  try {
    return new URL(`http://${domain}`).hostname;
  } catch {
    return '';
  }
}
