/** Each dispatch as both sides know it: its rows, its run, and what the provider took of it. */

import * as schema from '../../db/schema/index.js';
import type { JournalEntry } from '../../sandbox/journal.js';
import { dispatchWorkflowId } from '../../workflows/dispatch-message.contract.js';
import type { House } from '../support/house.js';
import { bounceDomain } from './furnish.js';

export type Dispatch = typeof schema.dispatches.$inferSelect;
export type Attempt = typeof schema.attempts.$inferSelect;
export type Receipt = typeof schema.receipts.$inferSelect;

/** An attempt with the address it was made to, and with what the provider took of it: for that address, and at all. */
export interface AttemptAccount extends Attempt {
  to: string | null;
  copies: JournalEntry[];
  receipts: Receipt[];
}

/** One dispatch as both sides know it; attempts in their order. */
export interface Account {
  row: Dispatch;
  attempts: AttemptAccount[];
  /** Each hand-over of any attempt, in the order of the journal. */
  copies: JournalEntry[];
  /** The status of its run in Temporal; null: there is none. */
  run: string | null;
  chosen: string | null;
  revisions: Pick<typeof schema.dispatchRevisions.$inferSelect, 'revision' | 'content' | 'templateVersion' | 'rendered'>[];
}

/** The id of the attempt that a hand-over names: WhatsApp by the id that comes back, mail by the address that bounces go to. */
function attemptIdOf({ opaqueId, sender }: JournalEntry): string | null {
  return opaqueId ?? new RegExp(`^bounce\\+([0-9a-f-]{36})@${bounceDomain}$`).exec(sender)?.[1] ?? null;
}

/** Every dispatch, and what was handed over without one. */
export async function readAccounts(house: House): Promise<{ accounts: Account[]; strays: JournalEntry[] }> {
  const { db, temporal } = house;
  const rows = await db.select().from(schema.dispatches).orderBy(schema.dispatches.createdAt, schema.dispatches.id);
  const attempts = await db.select().from(schema.attempts).orderBy(schema.attempts.attemptNo);
  const points = new Map((await db.select().from(schema.contactPoints)).map((one) => [one.id, one.address.replace(/^\+/, '').toLowerCase()]));
  const receipts = groupBy(await db.select().from(schema.receipts), (one) => one.attemptId);
  const copies = groupBy(house.handedOver(), attemptIdOf);
  const { dispatchId, revision, content, templateVersion, rendered } = schema.dispatchRevisions;
  const revisions = groupBy(
    await db.select({ dispatchId, revision, content, templateVersion, rendered }).from(schema.dispatchRevisions),
    (one) => one.dispatchId,
  );
  const choices = new Map(
    (await db.select().from(schema.recipientChoices)).filter((one) => one.revision === 1).map((one) => [one.dispatchId, one.contactPointId]),
  );
  const runs = new Map<string, string>();
  for await (const { workflowId, status } of temporal.workflow.list()) runs.set(workflowId, status.name);

  const byDispatch = groupBy(
    attempts.map((one): AttemptAccount => ({
      ...one,
      to: points.get(one.contactPointId ?? '') ?? null,
      copies: copies.get(one.id) ?? [],
      receipts: receipts.get(one.id) ?? [],
    })),
    (one) => one.dispatchId,
  );
  const accounts = rows.map((row): Account => {
    const own = byDispatch.get(row.id) ?? [];
    return {
      row,
      attempts: own,
      copies: own.flatMap((one) => one.copies).toSorted((a, b) => a.seq - b.seq),
      run: runs.get(dispatchWorkflowId(row.id)) ?? null,
      chosen: choices.get(row.id) ?? null,
      revisions: revisions.get(row.id) ?? [],
    };
  });
  const known = new Set<string | null>(attempts.map((one) => one.id));
  return { accounts, strays: [...copies].flatMap(([attemptId, entries]) => (known.has(attemptId) ? [] : entries)) };
}

export function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
