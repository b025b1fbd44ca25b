/** What a stand-in does with one message: the one vocabulary of magic addresses, magic numbers and faults on demand. */

import type { Outcome } from './journal.js';

/** `drop_before` closes the line with the message not taken, `drop_after` with it taken; `lose` says accepted and throws it away. */
export type Act = 'accept' | 'refuse' | 'drop_before' | 'drop_after' | 'hang' | 'garble' | 'lose';

/** How long a line is held without an answer before it is closed, in milliseconds; longer than any sender waits. */
export const HANG_MS = 10 * 60_000;

export interface SmtpReply {
  code: number;
  /** Begins with the enhanced status code. */
  text: string;
}

/** `at` is the command whose answer it is: a refusal at `rcpt` concerns that recipient alone, one at the `dot` the whole message. */
export interface MailBehaviour {
  at: 'rcpt' | 'data' | 'dot';
  act: Exclude<Act, 'lose'>;
  reply?: SmtpReply;
  /** Before the answer, after the message was taken. */
  delayMs?: number;
  hangMs?: number;
}

export interface HttpRefusal {
  status: number;
  /** Null: an answer that is not in Meta's error shape. */
  code: number | null;
  details?: string | undefined;
  retryAfterSeconds?: number | undefined;
}

export interface CloudBehaviour {
  act: Exclude<Act, 'garble'>;
  refusal?: HttpRefusal;
  delayMs?: number;
  hangMs?: number;
  /** Which statuses follow by themselves; a number is the code of a `failed`. Statuses on demand always work. */
  receipts?: 'auto' | 'none' | number;
}

/** What each act tells the sender. */
export const outcomeOf: Record<Act, Outcome> = {
  accept: 'accepted',
  lose: 'accepted',
  refuse: 'refused',
  drop_before: 'dropped',
  drop_after: 'dropped',
  hang: 'hung',
  garble: 'garbled',
};

/** True when the message is ours afterwards. */
export function takes(act: Act): boolean {
  return act !== 'refuse' && act !== 'drop_before' && act !== 'lose';
}

/** "451 4.7.1 busy" in its parts. */
export function smtpReply(line: string): SmtpReply {
  return { code: Number(line.slice(0, 3)), text: line.slice(4) };
}
