/** What callers and clients do around one dispatch each: drawn once, before anything happens. */

import type { Random } from './random.js';

/** How many of a hundred dispatches are of a kind. */
const kinds = {
  mail: 30,
  mail_template: 12,
  mail_choice: 10,
  chat_template: 22,
  chat_text: 10,
  chat_choice: 8,
  /** To the client of the chat before it, at about the same time. */
  chat_rival: 5,
  /** Taken by the provider, and refused by a later status. */
  chat_late_refusal: 3,
};
export type StoryKind = keyof typeof kinds;

/** What somebody does while the dispatch is under way. */
const afters = { nothing: 50, cancel: 10, block_client: 7, block_channel: 5, client_writes: 6, retry_now: 8, report_read: 14 };
export type After = keyof typeof afters;

/** What the provider does with the next messages for the recipient, in the words of the sandbox's control API. */
export interface ProviderFault {
  count: number;
  do: Record<string, unknown>;
  /** Statuses of a message that it takes then follow by themselves. */
  receipts: boolean;
}

export interface Story {
  no: number;
  /** Whose addresses it is sent to: people are numbered by the first story that is about them. */
  who: number;
  atMs: number;
  kind: StoryKind;
  /** Which of the keys submits, and at which API it tries first. */
  caller: number;
  door: number;
  fault: ProviderFault | null;
  after: After;
  /** How long after the submit; `midway`: not before the first attempt. */
  afterMs: number;
  midway: boolean;
  /** The same submit twice at once. */
  twin: boolean;
  /** The same key once more, for another message. */
  reuse: boolean;
  blindCopies: number;
  disposition: 'close' | 'assign_self' | 'transfer';
  /** Which candidate is picked, and whether somebody picks the other one at the same moment. */
  pick: number;
  contested: boolean;
}

/** Who calls: by role, or a service key. */
export const callers = ['agent', 'agent', 'supervisor', 'agent', 'service', 'service'] as const;

const isMail = (kind: StoryKind): boolean => kind.startsWith('mail');

/** Email has no receipts and no thread to write in; what a provider refused is never read; what hangs there is left to hang. */
function fits(after: After, kind: StoryKind, fault: ProviderFault | null): boolean {
  if (fault?.do['hangMs'] !== undefined) return false;
  if (isMail(kind)) return after !== 'client_writes' && after !== 'report_read';
  return kind !== 'chat_late_refusal' || after !== 'report_read';
}

/** Evenly spread with some jitter, from the beginning to `lengthMs`. */
export function planStories(random: Random, count: number, lengthMs: number): Story[] {
  let lastChat = 0;
  return Array.from({ length: count }, (_, no): Story => {
    const kind = random.weighed(kinds);
    const caller = random.int(0, callers.length - 1);
    const after = random.weighed(afters);
    const fault = kind === 'chat_late_refusal' ? null : isMail(kind) ? mailFault(random) : chatFault(random);
    if (kind === 'chat_template' || kind === 'chat_text') lastChat = no;
    return {
      no,
      who: kind === 'chat_rival' ? lastChat : no,
      atMs: Math.round((lengthMs * (no + random.next())) / count),
      kind,
      caller,
      door: random.int(0, 1),
      fault,
      after: fits(after, kind, fault) ? after : 'nothing',
      afterMs: random.int(0, 1_500),
      midway: after.startsWith('block') && random.chance(0.7),
      twin: random.chance(0.1),
      reuse: random.chance(0.1),
      blindCopies: isMail(kind) && random.chance(0.3) ? random.int(1, 2) : 0,
      disposition: random.pick(callers[caller] === 'agent' ? ['close', 'close', 'assign_self', 'transfer'] : ['close', 'close', 'transfer']),
      pick: random.int(0, 1),
      contested: random.chance(0.3),
    };
  });
}

/** Only what makes a send take its time: a drain, or an outage, is to be the one reason for trouble. */
export function slowStories(random: Random, count: number, lengthMs: number): Story[] {
  return planStories(random, count, lengthMs).map((story) => ({
    ...story,
    kind: random.pick(['mail', 'mail_template', 'chat_template'] as const),
    fault: { count: 1, do: { delayMs: random.int(200, 900) }, receipts: true },
    after: 'nothing',
    midway: false,
    blindCopies: 0,
  }));
}

function mailFault(random: Random): ProviderFault | null {
  const drawn = random.weighed({ none: 60, slow: 10, busy: 8, grey: 3, before: 4, after: 5, hang: 2, bounce: 4 });
  const count = random.int(1, 2);
  const does = (what: Record<string, unknown>, times = 1): ProviderFault => ({ count: times, do: what, receipts: false });
  switch (drawn) {
    case 'none':
      return null;
    case 'slow':
      return does({ delayMs: random.int(300, 1_000) });
    case 'busy':
      return does({ reply: '451 4.7.1 busy' }, count);
    case 'grey':
      return does({ reply: '450 4.2.0 come back later', at: 'rcpt' }, count);
    case 'before':
    case 'after':
      return does({ drop: drawn });
    case 'hang':
      return does({ hangMs: 8_000 });
    case 'bounce':
      return does({ reply: '550 5.1.1 no such mailbox', at: 'rcpt' });
  }
}

function chatFault(random: Random): ProviderFault | null {
  const drawn = random.weighed({ none: 60, slow: 10, throttle: 8, overload: 3, before: 4, after: 6, hang: 3, error: 3, absent: 3 });
  const count = random.int(1, 2);
  const receipts = random.chance(0.5);
  const auto = receipts ? { receipts: 'auto' } : { receipts: 'none' };
  const does = (what: Record<string, unknown>, times = 1, told = true): ProviderFault => ({ count: times, do: what, receipts: told });
  switch (drawn) {
    case 'none':
      return null;
    case 'slow':
      return does({ delayMs: random.int(300, 1_000) });
    case 'throttle':
      return does({ status: 429, code: 130429, retryAfter: 1 }, count);
    case 'overload':
      return does({ status: 503, code: 131016 }, count);
    case 'before':
      return does({ drop: 'before' });
    case 'after':
      return does({ drop: 'after', ...auto }, 1, receipts);
    case 'hang':
      return does({ hangMs: 8_000, ...auto }, 1, receipts);
    case 'error':
      return does({ status: 500 });
    case 'absent':
      return does({ status: 400, code: 131026 });
  }
}
