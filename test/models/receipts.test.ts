import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eq, inArray, sql } from 'drizzle-orm';
import { endDispatch } from '../../db/dispatches.js';
import { storeEvents } from '../../db/inbox.js';
import * as schema from '../../db/schema/index.js';
import { settleAttempt } from '../../db/settle.js';
import { higherStatus, type MessageStatus } from '../../domain/receipt.js';
import type { RelayDeps } from '../../relay/deps.js';
import { applyInbox } from '../../relay/inbox.js';
import { deliver } from './hand.js';
import { buildRig, type Case, externalIdOf, failure, type ReceiptStatus, type Rig, workerOf } from './rig.js';

const statuses: ReceiptStatus[] = ['sent', 'delivered', 'read', 'failed'];

/** Every sequence of these up to this length: all orders with all repeats. */
function sequences<T>(of: readonly T[], length: number): T[][] {
  const longest = Array.from({ length }).reduce<T[][]>((all, _) => [[], ...all.flatMap((one) => of.map((next) => [...one, next]))], [[]]);
  return [...new Map(longest.map((one) => [one.join(), one])).values()];
}

/** 4.4, by itself: the highest rank seen. */
const rank: MessageStatus[] = ['queued', 'wired', 'sent', 'failed', 'delivered', 'read'];
const highest = (seen: readonly MessageStatus[]): MessageStatus => rank[Math.max(...seen.map((one) => rank.indexOf(one)))]!;

test('R103 all orders with repeats of up to five receipts: the rule ends in the highest rank, and never goes down on the way', () => {
  const all = sequences(statuses, 5);
  expect(all).toHaveLength(1 + 4 + 16 + 64 + 256 + 1_024);
  for (const sequence of all) {
    let status: MessageStatus = 'wired';
    for (const next of sequence) {
      const before = status;
      status = higherStatus(status, next);
      expect(rank.indexOf(status)).toBeGreaterThanOrEqual(rank.indexOf(before));
    }
    expect(status).toBe(highest(['wired', ...sequence]));
  }
});

/** What comes to a dispatch: the provider's own answer, a receipt, the end. */
type Event = 'answer' | 'end' | ReceiptStatus;

/** A sequence of receipts, with the answer anywhere in it and the end anywhere behind that. */
function placings(sequence: readonly ReceiptStatus[]): Event[][] {
  const places = Array.from({ length: sequence.length + 1 }, (_, i) => i);
  return places.flatMap((answer) =>
    places.slice(answer).map((end): Event[] => [...sequence.slice(0, answer), 'answer', ...sequence.slice(answer, end), 'end', ...sequence.slice(end)]),
  );
}

interface Play {
  one: Case;
  attemptId: string;
  events: Event[];
  /** The provider gives our own id back, or names its own alone. */
  byOurId: boolean;
  status: MessageStatus;
}

describe('on the real inbox', () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await buildRig({ max: 12 });
    // No status of a message ever goes down, at no instant.
    for (const [table, column] of [
      ['dispatches', 'message_status'],
      ['messages', 'status'],
    ] as const)
      await rig.db.execute(
        sql.raw(`
        create function rise_${table}() returns trigger language plpgsql as $$ declare ranks text[] := '{${rank.join()}}'; begin
          if array_position(ranks, new.${column}) < array_position(ranks, old.${column}) then
            raise exception 'a status went down from % to %', old.${column}, new.${column};
          end if;
          return new;
        end $$;
        create trigger rise before update on ${table} for each row execute function rise_${table}()`),
      );
  });
  afterAll(async () => await rig?.drop());

  /** A dispatch whose message the provider has taken, and whose answer is still on its way. */
  async function begin(events: Event[], byOurId: boolean): Promise<Play> {
    const one = await rig.newCase('whatsapp');
    const { dispatchId, channelId, contactPointId } = one;
    const copies: string[] = [];
    const worker = {
      db: rig.db,
      checkpoint: (name: string): void => {
        if (name === 'deliver.answered') throw new Error('later');
      },
      send: (_: unknown, { attemptId }: { attemptId: string }) => {
        copies.push(attemptId);
        return Promise.resolve({ kind: 'accepted' as const, externalIds: [externalIdOf(attemptId)] });
      },
      faults: () => {},
    };
    const acts = workerOf({ ...worker, checkpoint: () => {} });
    await acts.checkEligibility({ dispatchId, revision: 1, attemptNo: 1, generation: 1, pick: null, firstCheck: true });
    await acts.renderTemplate({ dispatchId, revision: 1, channelId, contactPointId });
    await deliver(worker, one, { attemptNo: 1, generation: 1, revision: 1, sendEpoch: 1 });
    return { one, attemptId: copies[0]!, events, byOurId, status: 'queued' };
  }

  /** One event of each play; each receipt reaches the webhook twice. */
  async function round(plays: readonly Play[], at: number): Promise<number> {
    const { db } = rig;
    const come = (event: Event): Play[] => plays.filter((one) => one.events[at] === event);
    await inParallel(come('answer'), ({ attemptId }) =>
      settleAttempt(db, attemptId, {
        kind: 'accepted',
        externalIds: [externalIdOf(attemptId)],
        canonicalValue: null,
        recipients: [],
        sentWithoutReceipt: false,
      }),
    );
    await inParallel(come('end'), async ({ one }) => void (await endDispatch(db, { dispatchId: one.dispatchId, state: 'completed', reason: null })));
    const stored = statuses.flatMap((status) =>
      come(status).map(({ attemptId, byOurId }) => ({
        eventId: `${attemptId}/${at}`,
        kind: 'receipt',
        event: {
          kind: 'receipt',
          externalId: externalIdOf(attemptId),
          ...(byOurId ? { attemptId } : {}),
          status,
          at: new Date().toISOString(),
          ...(status === 'failed' ? { failure: failure('not_on_channel') } : {}),
        },
      })),
    );
    expect(await storeEvents(db, rig.channels.whatsapp, stored)).toBe(stored.length);
    expect(await storeEvents(db, rig.channels.whatsapp, stored)).toBe(0);
    const warned: unknown[] = [];
    const deps = { handle: rig.database.handle, log: { info: () => {}, warn: (facts: object) => warned.push(facts) } } as unknown as RelayDeps;
    // Each play has one event in a round, so that several relays may work at once.
    const relay = async (): Promise<void> => {
      while ((await applyInbox(deps)) > 0);
    };
    await Promise.all([relay(), relay(), relay()]);
    expect(warned).toEqual([]);
    return stored.length;
  }

  async function inParallel<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
    const left = [...all];
    await Promise.all(
      Array.from({ length: 6 }, async () => {
        for (let one = left.pop(); one !== undefined; one = left.pop()) await work(one);
      }),
    );
  }

  test('R103 I12 H7 all orders with repeats of receipts, before and after the answer and the end: the same set leaves the same behind', async () => {
    const orders = [
      // Each alone and two by two, wherever the answer and the end fall; all four in every order; three with repeats after the end.
      ...sequences(statuses, 2).flatMap(placings),
      ...sequences(statuses, 4)
        .filter((one) => new Set(one).size === 4)
        .flatMap((one) => placings(one).filter((_, i) => i % 5 === 0)),
      ...sequences(statuses, 3)
        .filter((one) => one.length === 3)
        .map((one): Event[] => ['answer', 'end', ...one]),
    ];
    const plays: Play[] = [];
    await inParallel(
      orders.flatMap((events) => [true, false].map((byOurId) => ({ events, byOurId }))),
      async ({ events, byOurId }) => {
        plays.push(await begin(events, byOurId));
      },
    );
    let applied = 0;
    for (let at = 0; at < Math.max(...plays.map((one) => one.events.length)); at++) applied += await round(plays, at);

    const rows = await rig.db
      .select({
        id: schema.dispatches.id,
        state: schema.dispatches.state,
        inDoubt: schema.dispatches.inDoubt,
        possibleDuplicate: schema.dispatches.possibleDuplicate,
        status: schema.dispatches.messageStatus,
        entry: schema.messages.status,
        failureReason: schema.messages.failureReason,
        marked: sql<boolean>`exists (select 1 from contact_point_channels x where x.contact_point_id = ${schema.dispatches.contactPointId}
          and x.undeliverable_at is not null)`,
        receipts: sql<string[]>`(select json_agg(r.status order by r.id) from receipts r join attempts a on a.id = r.attempt_id
          where a.dispatch_id = ${schema.dispatches.id})`,
      })
      .from(schema.dispatches)
      .innerJoin(schema.messages, eq(schema.messages.dispatchId, schema.dispatches.id))
      .where(
        inArray(
          schema.dispatches.id,
          plays.map(({ one }) => one.dispatchId),
        ),
      );
    const found = new Map(rows.map(({ id, ...row }) => [id, row]));
    for (const { one, events, byOurId } of plays) {
      const received = events.filter((event): event is ReceiptStatus => event !== 'answer' && event !== 'end');
      const refused = received.includes('failed');
      const status = highest(['wired', ...received]);
      const told = `${events.join(' ')} by ${byOurId ? 'our' : 'its'} id`;
      expect({ told, ...found.get(one.dispatchId)! }).toEqual({
        told,
        state: 'completed',
        inDoubt: false,
        possibleDuplicate: false,
        status,
        entry: status,
        // Recorded beside, whatever the status.
        failureReason: refused ? 'NOT_ON_MESSENGER' : null,
        marked: refused,
        receipts: received.length > 0 ? expect.arrayContaining(received) : null,
      });
    }
    console.log(`${plays.length} orders, ${applied} receipts applied, each of them received twice`);
    expect(applied).toBe(plays.flatMap(({ events }) => events.slice(2)).length);
  });
});
