/** One way to reach a client: normalised once, so that five spellings of a number are one contact point (R28, R117; channels section 12). */

import { parsePhoneNumberFromString, type CountryCode } from 'libphonenumber-js/max';
import type { ContactPointKind } from './channel.js';
import { type RefusalCode, refusals } from './codes.js';

/** Of one client: a verdict lists them all, and has to fit where it is stored. */
export const maxContactPoints = 50;

/**
 * `value` is compared and unique; `address` is what a provider is given (it keeps the case of an email's local part). `detail` says what is
 * wrong with a value and never repeats it.
 */
export type NormalisedValue = { ok: true; value: string; address: string } | { ok: false; code: RefusalCode; detail: string };

/** The stored form of a value of this kind, or the code that refuses it. `defaultCountry` (ISO 3166) reads numbers without `+`. */
export function normaliseContactPoint(kind: ContactPointKind, raw: string, defaultCountry?: string): NormalisedValue {
  const text = raw.trim();
  switch (kind) {
    case 'phone':
      return normalisePhone(text, defaultCountry);
    case 'email':
      return normaliseEmail(text);
    case 'telegram_id':
      return matching(/^-?\d{1,19}$/, text, 'A Telegram id is a number of at most 19 digits, with a minus for a group; a username is none.');
    case 'viber_id':
      return matching(/^[A-Za-z0-9_=/+]{1,24}$/, text, 'A Viber id has at most 24 letters, digits and the characters _ = / +.');
    case 'whatsapp_id':
      return matching(
        /^(\d{7,15}|[A-Z]{2}\.[A-Za-z0-9]{1,128})$/,
        text,
        'A WhatsApp id is 7 to 15 digits without a +, or two capitals, a dot and letters or digits.',
      );
    case 'apple_id':
    case 'external_id':
    case 'twitter_id':
      return matching(/^[\x21-\x7e]{1,255}$/, text, 'An id of this kind has 1 to 255 visible ASCII characters and no space.');
  }
}

function invalid(detail: string): NormalisedValue {
  return { ok: false, code: 'CONTACT_POINT_INVALID', detail };
}

function matching(pattern: RegExp, text: string, detail: string): NormalisedValue {
  return pattern.test(text) ? { ok: true, value: text, address: text } : invalid(detail);
}

const tooFew = { ok: false, code: 'PHONE_TOO_SHORT', detail: refusals.PHONE_TOO_SHORT.detail } as const;
const tooMany = { ok: false, code: 'PHONE_TOO_LONG', detail: refusals.PHONE_TOO_LONG.detail } as const;

/** R28: the count comes before the grammar, so that a short number is told as short. */
function normalisePhone(text: string, defaultCountry?: string): NormalisedValue {
  const bare = text.replace(/[\s\p{Pd}.()[\]]/gu, '');
  if (!/^\+?\d+$/.test(bare))
    return invalid('A phone number has digits alone, with a + at most in front; spaces, dashes, dots and brackets may stand between them.');
  const digits = bare.replace('+', '').length;
  if (digits < 7) return tooFew;
  if (digits > 15) return tooMany;
  const international = bare.startsWith('00') ? `+${bare.slice(2)}` : bare;
  const parsed = parsePhoneNumberFromString(international, defaultCountry as CountryCode | undefined);
  if (parsed?.isPossible()) return { ok: true, value: parsed.number, address: parsed.number };
  if (!international.startsWith('+') && defaultCountry === undefined) {
    return invalid('The country of the number is not known: begin with + and the country code, or set `defaultCountry`.');
  }
  return invalid(parsed ? 'No number of its country has this many digits.' : 'The number begins with no country code that is known, or too little follows it.');
}

/** Compared lower-cased; a domain in other scripts is stored in its ASCII form. Refuses what a mail composer could misread. */
function normaliseEmail(text: string): NormalisedValue {
  const at = text.lastIndexOf('@');
  if (at < 0) return invalid('An email address has an @.');
  const local = text.slice(0, at);
  const domain = asciiDomain(text.slice(at + 1));
  if (local === '') return invalid('Nothing stands before the @.');
  if (local.length > 64 || domain.length > 253 || local.length + domain.length >= 254) return invalid('The address is longer than mail allows.');
  if (!/^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/.test(local)) {
    return invalid('Before the @ stand Latin letters, digits and the usual signs, in parts with single dots between them; quotes and spaces are not taken.');
  }
  if (!/^[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z][a-z0-9-]*[a-z0-9]$/.test(domain)) return invalid('What stands after the @ is no domain with a dot in it.');
  return { ok: true, value: `${local.toLowerCase()}@${domain}`, address: `${local}@${domain}` };
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
