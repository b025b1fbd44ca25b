/** Failures as every plug-in makes them: a row of its table, and what the provider said with addresses and secrets taken out (R87, I13). */

import type { Failure } from '../domain/failure.js';
import type { SendOutcome } from './channel.js';

/** What a table row says about a code; the provider's own words come beside it. */
export type FailureRow = Omit<Failure, 'provider'>;

/** Provider texts are kept for people to read; more than this tells nobody more. Characters. */
const maxTextChars = 500;

/** The failure of a table row with the provider's code and texts; absent texts are left out, present ones are redacted. */
export function failureOf(
  row: FailureRow,
  said: { code?: string | undefined; http?: number | undefined; message?: string | undefined; details?: string | undefined },
  retryAfterMs?: number,
): Failure {
  return {
    ...row,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    provider: {
      ...(said.code === undefined ? {} : { code: redact(said.code).slice(0, 64) }),
      ...(said.http === undefined ? {} : { http: said.http }),
      ...(said.message === undefined ? {} : { message: redact(said.message) }),
      ...(said.details === undefined ? {} : { details: redact(said.details) }),
    },
  };
}

/** A refusal by our own hand: nothing has left. */
export function refusedHere(row: FailureRow, code: string, message: string): SendOutcome & { kind: 'refused' } {
  return { kind: 'refused', failure: failureOf(row, { code, message }) };
}

/** The outcome of `HandOverForbidden`: another attempt may follow, this one has sent nothing (H3). */
export function notHandedOver(): SendOutcome {
  return refusedHere({ class: 'transient', scope: 'message' }, 'HAND_OVER_FORBIDDEN', 'The time for this attempt had passed before the message left.');
}

/**
 * A provider's text without email addresses, phone numbers (runs of 7 or more digits, or an international number in groups) and
 * long tokens; one line, at most 500 characters. Linear in the text.
 */
export function redact(text: string): string {
  return text
    .slice(0, 4 * maxTextChars)
    .replace(/[^\s<>"'(),;]+/g, (word) => (/[@\uff20]/.test(word) ? '[address]' : word))
    .replace(/\+\d[\d\s().-]{5,}\d|\d{7,}/g, '[number]')
    .replace(/[A-Za-z0-9_+=-]{24,}/g, '[token]')
    .replace(/[\x00-\x1f\x7f\s]+/g, ' ')
    .trim()
    .slice(0, maxTextChars);
}

/** The failure with these exact values taken out of its texts as well: credentials and addresses that only the sender knows. */
export function withoutValues(failure: Failure, values: readonly string[]): Failure {
  const hide = (text: string): string => values.filter((one) => one.length > 2).reduce((left, value) => left.replaceAll(value, '[hidden]'), text);
  const { code, message, details } = failure.provider;
  return {
    ...failure,
    provider: {
      ...failure.provider,
      ...(code === undefined ? {} : { code: hide(code) }),
      ...(message === undefined ? {} : { message: hide(message) }),
      ...(details === undefined ? {} : { details: hide(details) }),
    },
  };
}
