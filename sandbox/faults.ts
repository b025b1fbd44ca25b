/** Faults on demand: the next `count` messages that match are treated as told, before any magic address or number. */

import { z } from 'zod';
import { type CloudBehaviour, type MailBehaviour, smtpReply } from './behaviour.js';

const ms = z.int().min(0).max(600_000);
const count = z.int().min(1).max(100_000).default(1);
const drop = z.enum(['before', 'after']);
const once = 'give one of them: a refusal, drop or hangMs';

const mailFault = z.strictObject({
  channel: z.literal('email'),
  recipient: z.string().toLowerCase().optional(),
  count,
  do: z
    .strictObject({
      reply: z
        .string()
        .regex(/^[45]\d\d [\x20-\x7e]{1,200}$/, 'an SMTP refusal, as in "451 4.7.1 busy"')
        .optional(),
      at: z.enum(['rcpt', 'dot']).default('dot'),
      drop: drop.optional(),
      hangMs: ms.optional(),
      delayMs: ms.default(0),
    })
    .refine((what) => given(what.reply, what.drop, what.hangMs) <= 1, once),
});

const cloudFault = z.strictObject({
  channel: z.literal('whatsapp'),
  recipient: z
    .string()
    .transform((number) => number.replace(/^\+/, ''))
    .optional(),
  count,
  do: z
    .strictObject({
      status: z.int().min(300).max(599).optional(),
      code: z.int().optional(),
      details: z.string().max(500).optional(),
      retryAfter: z.int().min(0).max(86_400).optional(),
      drop: drop.optional(),
      hangMs: ms.optional(),
      delayMs: ms.default(0),
      receipts: z.enum(['auto', 'none']).optional(),
    })
    .refine((what) => given(what.status, what.drop, what.hangMs) <= 1, once)
    .refine((what) => what.status !== undefined || given(what.code, what.details, what.retryAfter) === 0, 'code, details and retryAfter need a status'),
});

export const faultRequest = z.discriminatedUnion('channel', [mailFault, cloudFault]);
export type FaultRequest = z.output<typeof faultRequest>;

export interface Faults {
  add(request: FaultRequest): void;
  /** Uses up one of the oldest fault that fits a mail at this point; null when none does. */
  takeForMail(recipients: string[], at: MailBehaviour['at']): MailBehaviour | null;
  takeForCloud(recipient: string): CloudBehaviour | null;
  /** What is still to come, as it was asked for, `count` being what is left. */
  list(): FaultRequest[];
  clear(): void;
}

export function createFaults(): Faults {
  let waiting: FaultRequest[] = [];

  function take<T extends FaultRequest>(fits: (fault: FaultRequest) => fault is T): T | null {
    const fault = waiting.find(fits);
    if (!fault) return null;
    fault.count -= 1;
    waiting = waiting.filter((one) => one.count > 0);
    return fault;
  }

  return {
    add: (request) => void waiting.push({ ...request }),
    takeForMail: (recipients, at) => {
      const fault = take(
        (one): one is z.output<typeof mailFault> =>
          one.channel === 'email' && (one.recipient === undefined || recipients.includes(one.recipient)) && mailBehaviour(one.do).at === at,
      );
      return fault && mailBehaviour(fault.do);
    },
    takeForCloud: (recipient) => {
      const fault = take(
        (one): one is z.output<typeof cloudFault> => one.channel === 'whatsapp' && (one.recipient === undefined || one.recipient === recipient),
      );
      return fault && cloudBehaviour(fault.do);
    },
    list: () => waiting,
    clear: () => {
      waiting = [];
    },
  };
}

const given = (...values: unknown[]): number => values.filter((value) => value !== undefined).length;

function mailBehaviour(what: z.output<typeof mailFault>['do']): MailBehaviour {
  const { delayMs } = what;
  if (what.reply !== undefined) return { at: what.at, act: 'refuse', reply: smtpReply(what.reply), delayMs };
  if (what.drop === 'before') return { at: 'data', act: 'drop_before', delayMs };
  if (what.drop === 'after') return { at: 'dot', act: 'drop_after', delayMs };
  if (what.hangMs !== undefined) return { at: 'dot', act: 'hang', hangMs: what.hangMs, delayMs };
  return { at: 'dot', act: 'accept', delayMs };
}

function cloudBehaviour(what: z.output<typeof cloudFault>['do']): CloudBehaviour {
  const { delayMs } = what;
  if (what.status !== undefined) {
    return { act: 'refuse', refusal: { status: what.status, code: what.code ?? null, details: what.details, retryAfterSeconds: what.retryAfter }, delayMs };
  }
  const receipts = what.receipts ?? 'none';
  if (what.drop !== undefined) return { act: what.drop === 'before' ? 'drop_before' : 'drop_after', receipts, delayMs };
  if (what.hangMs !== undefined) return { act: 'hang', hangMs: what.hangMs, receipts, delayMs };
  return { act: 'accept', receipts: what.receipts ?? 'auto', delayMs };
}
