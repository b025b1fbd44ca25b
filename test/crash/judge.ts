/** Holds the sandbox's journal against the database: the verdict on whatever a crash test did (I1–I4, I8, I14). */

import { inArray } from 'drizzle-orm';
import * as schema from '../../db/schema/index.js';
import { isEndState } from '../../domain/dispatch.js';
import type { JournalEntry } from '../../sandbox/journal.js';
import { type House, runOf } from '../support/house.js';

type Dispatch = typeof schema.dispatches.$inferSelect;
type Attempt = typeof schema.attempts.$inferSelect;

/** One dispatch as both sides know it. */
export interface Account {
  row: Dispatch;
  attempts: Attempt[];
  handedOver: JournalEntry[];
}

/** Every dispatch of the house with its attempts and with what the providers received of it. */
export async function readAccounts(house: House): Promise<Map<string, Account>> {
  const rows = await house.db.select().from(schema.dispatches);
  const attempts = await house.db.select().from(schema.attempts).orderBy(schema.attempts.attemptNo);
  const points = await house.db
    .select()
    .from(schema.contactPoints)
    .where(
      inArray(
        schema.contactPoints.clientId,
        rows.map((row) => row.clientId),
      ),
    );
  return new Map(
    rows.map((row) => {
      const addresses = points.filter((point) => point.clientId === row.clientId).map((point) => point.address.replace(/^\+/, '').toLowerCase());
      const handedOver = house.handedOver().filter((entry) => entry.recipients.some((one) => addresses.includes(one)));
      return [row.id, { row, attempts: attempts.filter((one) => one.dispatchId === row.id), handedOver }];
    }),
  );
}

/**
 * What is wrong, one sentence each; nothing is wrong when it is empty. Each client may have one dispatch only. `runs`: also that
 * Temporal holds a run that is over where the dispatch is, and one that runs where it waits.
 */
export async function judge(house: House, options: { runs: boolean; only?: string[] } = { runs: true }): Promise<string[]> {
  const all = [...(await readAccounts(house)).values()];
  const accounts = all.filter(({ row }) => options.only?.includes(row.id) ?? true);
  const wrong = accounts.flatMap(judgeOne);
  const known = all.reduce((sum, one) => sum + one.handedOver.length, 0);
  if (known !== house.handedOver().length) wrong.push(`${house.handedOver().length - known} hand-overs belong to no dispatch`);
  if (!options.runs) return wrong;
  const statuses = await Promise.all(accounts.map(async ({ row }) => (await runOf(house, row.id).describe()).status.name));
  accounts.forEach(({ row }, i) => {
    const expected = isEndState(row.state) ? 'COMPLETED' : 'RUNNING';
    if (statuses[i] !== expected) wrong.push(`${row.id} ${row.state}: its run is ${statuses[i]}`);
  });
  return wrong;
}

/** States of an attempt of which a copy may be with the provider, and those of which none can be. */
const mayHaveLeft: readonly Attempt['state'][] = ['accepted', 'reconciled_sent', 'in_doubt', 'parked', 'resent_possible_duplicate'];
const surelySent: readonly Attempt['state'][] = ['accepted', 'reconciled_sent'];

function judgeOne({ row, attempts, handedOver }: Account): string[] {
  const whatsapp = attempts.some((one) => handedOver.some((entry) => entry.opaqueId === one.id)) || handedOver.some((entry) => entry.channel === 'whatsapp');
  const copies = handedOver.length;
  const wrong: string[] = [];
  const check = (holds: boolean, what: string): void =>
    void (holds || wrong.push(`${row.id} ${row.state}/${row.waitingFor} ${row.endReason} (${attempts.map((one) => one.state).join(', ')}): ${what}`));

  check(isEndState(row.state) || row.waitingFor !== null, 'neither over nor waiting visibly');
  check(isEndState(row.state) === (row.endedAt !== null), 'state and end time disagree');
  check(
    attempts.every((one) => one.state !== 'sending'),
    'an attempt is still sending',
  );
  if (row.state === 'completed') check(copies >= 1, 'says sent, and nothing was handed over');
  if (row.state === 'rejected' || row.state === 'cancelled' || row.state === 'failed')
    check(copies === 0, `says nothing was sent, and ${copies} were handed over`);
  check(copies <= 1 || row.possibleDuplicate, `${copies} hand-overs and no word of it`);
  check(copies <= 1 || !whatsapp, `${copies} hand-overs on WhatsApp`);
  check(copies <= attempts.filter((one) => mayHaveLeft.includes(one.state)).length, `${copies} hand-overs, more than its attempts admit`);
  check(copies >= 1 || attempts.every((one) => !surelySent.includes(one.state)), 'an attempt says sent, and nothing was handed over');
  check(new Set(handedOver.map((entry) => entry.contentSha256)).size <= 1, 'the copies differ');
  for (const attempt of attempts) {
    const its = handedOver.filter((entry) => entry.opaqueId === attempt.id).length;
    if (whatsapp && surelySent.includes(attempt.state)) check(its === 1, `attempt ${attempt.attemptNo} ${attempt.state} has ${its} hand-overs`);
    if (!mayHaveLeft.includes(attempt.state)) check(its === 0, `attempt ${attempt.attemptNo} ${attempt.state} was handed over`);
  }
  return wrong;
}
