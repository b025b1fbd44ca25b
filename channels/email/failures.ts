/** What a relay's answer or a broken connection means. Source: channels section 8 (RFC 3463, RFC 5321, nodemailer's codes). */

import type { Failure } from '../../domain/failure.js';
import { failureOf, type FailureRow } from '../failure.js';

const transientChannel: FailureRow = { class: 'transient', scope: 'channel' };
const transientRecipient: FailureRow = { class: 'transient', scope: 'recipient' };
const unlistedAlert: FailureRow = { class: 'unlisted', scope: 'recipient', alert: true };
const badContent: FailureRow = { class: 'invalid_content', scope: 'message' };
const badAuth: FailureRow = { class: 'auth', scope: 'channel' };
const notThere: FailureRow = { class: 'not_on_channel', scope: 'recipient' };

/**
 * Keys are tried from the most telling to the least: the reply's family with nodemailer's code (it names the stage); the enhanced code
 * with its reply, alone, as a family; the reply, its family; nodemailer's code with its command, alone.
 */
export const smtpFailureTable: Readonly<Record<string, FailureRow>> = {
  // A relay that turns us away at the door or in the set-up refuses the channel for now, not this message for ever.
  '5xx EPROTOCOL': { ...transientChannel, alert: true },
  '5xx ETLS': { ...transientChannel, alert: true },
  '5xx EAUTH': badAuth,

  // Some relays ask for a login so; alone 5.7.1 is a policy refusal.
  '530 5.7.1': badAuth,
  '5.1.1': notThere,
  '5.1.10': notThere,
  '5.4.310': notThere,
  '5.2.1': notThere,
  '5.1.2': { class: 'invalid_address', scope: 'recipient' },
  '5.1.3': { class: 'invalid_address', scope: 'recipient' },
  'x.2.3': badContent,
  '5.3.4': badContent,
  '4.7.28': { class: 'rate_limited', scope: 'channel' },
  '4.7.0': transientRecipient,
  '4.7.1': transientRecipient,
  '4.2.2': transientRecipient,
  '5.2.2': { class: 'suppressed', scope: 'recipient' },
  '5.7.1': unlistedAlert,
  '5.7.26': unlistedAlert,
  '5.5.x': { class: 'config', scope: 'channel', alert: true },

  '421': transientChannel,
  '450': transientRecipient,
  '451': transientRecipient,
  '452': transientRecipient,
  '530': badAuth,
  '534': badAuth,
  '535': badAuth,

  'EMESSAGE MAIL FROM': badContent,
  'EENVELOPE API': { class: 'invalid_address', scope: 'recipient' },
  EFILEACCESS: badContent,
  EURLACCESS: badContent,
  EMAXRECIPIENTS: badContent,
  EDNS: transientChannel,
  ESOCKET: transientChannel,
  ECONNECTION: transientChannel,
  ETIMEDOUT: transientChannel,
  EPROTOCOL: transientChannel,
  ETLS: { ...transientChannel, alert: true },
  EAUTH: badAuth,
  ENOAUTH: badAuth,
  EOAUTH2: badAuth,
  ECONFIG: { class: 'config', scope: 'channel' },
  EABORT: { class: 'transient', scope: 'message' },
  ESTREAM: { class: 'transient', scope: 'message' },

  '4xx': transientRecipient,
  '5xx': { class: 'unlisted', scope: 'message' },
};

/** Nothing has left and no row fits: worth another try, not an endless one. */
const strange: FailureRow = { class: 'transient', scope: 'message', maxAttempts: 3 };

const senderRefused: FailureRow = { class: 'config', scope: 'channel', alert: true };

/** What nodemailer reports, and whether the message had passed the gate. */
export interface SmtpFault {
  code?: string;
  command?: string;
  responseCode?: number;
  response?: string;
  message?: string;
  handedOver?: boolean;
}

/** Pure. Handed over without a full refusing reply to the final dot is `unknown`; everything else is looked up. */
export function classifySmtpError(error: unknown): Failure {
  const fault = readFault(error);
  const enhanced = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/.exec(fault.response ?? '')?.[1];
  const raw = [fault.responseCode, enhanced].filter((one) => one !== undefined).join(' ') || fault.code;
  const said = { code: raw, message: fault.response ?? fault.message };
  if (fault.handedOver && !isRefusedAtDot(fault)) return failureOf({ class: 'unknown', scope: 'message' }, said);
  return failureOf(findRow(fault, enhanced), said);
}

/** The keys of a fault in the order in which they are tried. */
export function keysOf(fault: SmtpFault, enhanced: string | undefined): string[] {
  const reply = fault.responseCode;
  const family = reply !== undefined && reply >= 400 && reply < 600 ? `${Math.trunc(reply / 100)}xx` : undefined;
  const [kind, subject, detail] = enhanced?.split('.') ?? [];
  return [
    ...(family === undefined ? [] : [`${family} ${fault.code}`]),
    ...(enhanced === undefined ? [] : [`${reply} ${enhanced}`, enhanced, `x.${subject}.${detail}`, `${kind}.${subject}.x`]),
    ...(family === undefined ? [] : [`${reply}`, family]),
    ...(fault.code === undefined ? [] : [`${fault.code} ${fault.command}`, fault.code]),
  ];
}

function findRow(fault: SmtpFault, enhanced: string | undefined): FailureRow {
  const key = keysOf(fault, enhanced).find((one) => Object.hasOwn(smtpFailureTable, one));
  const row = key === undefined ? strange : smtpFailureTable[key]!;
  // A protocol code in the answer about one recipient says nothing about the channel, and the answer about our sender nothing about a recipient.
  if (fault.command === 'RCPT TO' && row.class === 'config') return { class: 'config', scope: 'recipient' };
  if (fault.command === 'MAIL FROM' && (row.class === 'not_on_channel' || row.class === 'invalid_address')) return senderRefused;
  return row;
}

/** Only a complete 4xx or 5xx reply to the final dot says that the relay did not take the message. */
function isRefusedAtDot(fault: SmtpFault): boolean {
  return fault.code === 'EMESSAGE' && fault.responseCode !== undefined && fault.responseCode >= 400 && fault.responseCode < 600;
}

function readFault(error: unknown): SmtpFault {
  if (typeof error !== 'object' || error === null) return {};
  const { code, command, responseCode, response, message, handedOver } = error as Record<string, unknown>;
  return {
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof command === 'string' ? { command } : {}),
    ...(typeof responseCode === 'number' ? { responseCode } : {}),
    ...(typeof response === 'string' ? { response } : {}),
    ...(typeof message === 'string' ? { message } : {}),
    ...(handedOver === true ? { handedOver } : {}),
  };
}
