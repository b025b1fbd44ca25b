/** The statuses that follow an accepted message by themselves: sent, delivered, read, or failed. */

import { randomInt } from 'node:crypto';
import { z } from 'zod';
import type { CloudBehaviour } from '../behaviour.js';
import type { JournalEntry } from '../journal.js';
import { createTimers } from '../timers.js';
import { statusEvent, type StatusName } from './events.js';
import type { Webhooks } from './webhooks.js';

const ms = z.int().min(0).max(600_000);

/** For every message from now on. Times count from the acceptance; null leaves that status out; `duplicates` are sent on top. */
export const receiptBehaviour = z.strictObject({
  mode: z.enum(['auto', 'none']),
  sentMs: ms.nullable(),
  deliveredMs: ms.nullable(),
  readMs: ms.nullable(),
  duplicates: z.int().min(0).max(10),
  order: z.enum(['in_order', 'reversed', 'shuffled']),
});
export type ReceiptBehaviour = z.output<typeof receiptBehaviour>;

export const defaultReceipts: ReceiptBehaviour = { mode: 'auto', sentMs: 100, deliveredMs: 300, readMs: null, duplicates: 0, order: 'in_order' };

export interface Receipts {
  behaviour(): ReceiptBehaviour;
  change(changes: { [K in keyof ReceiptBehaviour]?: ReceiptBehaviour[K] | undefined }): void;
  /** Plans the statuses of a message just taken. */
  schedule(entry: JournalEntry, asked: NonNullable<CloudBehaviour['receipts']>): void;
  /** Back to the default; what is planned is dropped. */
  reset(): void;
  close(): void;
}

export function createReceipts(webhooks: Webhooks): Receipts {
  const timers = createTimers();
  let behaviour = defaultReceipts;

  function plan(asked: 'auto' | number): { status: StatusName; code?: number; afterMs: number }[] {
    const { sentMs, deliveredMs, readMs } = behaviour;
    if (asked !== 'auto') return [{ status: 'failed', code: asked, afterMs: deliveredMs ?? sentMs ?? 0 }];
    const statuses = (['sent', 'delivered', 'read'] as const).flatMap((status) => {
      const afterMs = { sent: sentMs, delivered: deliveredMs, read: readMs }[status];
      return afterMs === null ? [] : [{ status, afterMs }];
    });
    const moments = inOrder(
      statuses.map((one) => one.afterMs),
      behaviour.order,
    );
    return statuses.map((one, i) => ({ status: one.status, afterMs: moments[i] ?? one.afterMs }));
  }

  return {
    behaviour: () => behaviour,
    change: (changes) => {
      behaviour = receiptBehaviour.parse({ ...behaviour, ...changes });
    },
    schedule: (entry, asked) => {
      if (asked === 'none' || behaviour.mode === 'none') return;
      const copies = 1 + behaviour.duplicates;
      for (const { status, code, afterMs } of plan(asked)) {
        timers.after(Math.max(1, afterMs), () => {
          const payload = statusEvent(entry, status, code === undefined ? undefined : { code });
          for (let copy = 0; copy < copies; copy += 1) webhooks.deliver(entry.sender, payload);
        });
      }
    },
    reset: () => {
      behaviour = defaultReceipts;
      timers.clear();
    },
    close: () => timers.clear(),
  };
}

function inOrder(moments: number[], order: ReceiptBehaviour['order']): number[] {
  if (order === 'in_order') return moments;
  if (order === 'reversed') return moments.toReversed();
  const left = [...moments];
  return moments.map(() => left.splice(randomInt(left.length), 1)[0] ?? 0);
}
