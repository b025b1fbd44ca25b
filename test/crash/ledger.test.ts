import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { eq } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import { askLedger, findAttempt, insertAttempt, insertSettled, lookBack, type NewAttempt, voidAttempt } from '../../db/attempts.js';
import { endDispatch, recordWait } from '../../db/dispatches.js';
import { resolveAttempt } from '../../db/resolutions.js';
import * as schema from '../../db/schema/index.js';
import type { Verdict } from '../../domain/eligibility.js';
import { createTestDatabase, type TestDatabase } from '../support/stack.js';

const verdict: Verdict = { allowed: true, refusals: [], warnings: [], candidates: [], channelId: null, contactPointId: null, ask: false };
const cancel = { state: 'cancelled', reason: 'CANCELLED_BY_STAFF' } as const;

let database: TestDatabase;
let clientId: string;
let channelId: string;
let dispatchId: string;

beforeAll(async () => {
  database = await createTestDatabase();
  clientId = uuidv7();
  channelId = uuidv7();
  await database.handle.db.insert(schema.clients).values({ id: clientId, name: 'A client' });
  await database.handle.db.insert(schema.channels).values({ id: channelId, type: 'email', provider: 'smtp', name: 'Mail', config: {}, policy: {} });
});
beforeEach(async () => {
  dispatchId = await addDispatch();
});
afterAll(async () => await database?.drop());

async function addDispatch(): Promise<string> {
  const id = uuidv7();
  const deadlines = { choiceMs: 1, decisionMs: 1, outcomeMs: 1, retryMs: null };
  const sender = { senderId: 'agent-1', senderRole: 'agent', submittedBy: 'agent-1' } as const;
  await database.handle.db.insert(schema.dispatches).values({ id, clientId, ...sender, parks: true, deadlines, sendEpoch: 1, state: 'sending' });
  return id;
}
const ref = (attemptNo: number) => ({ dispatchId, attemptNo, generation: 1, revision: 1 });
const claimed = (attemptNo: number, more: Partial<NewAttempt> = {}): NewAttempt => ({
  ...{ id: uuidv7(), ...ref(attemptNo), channelId, contactPointId: uuidv7(), verdict, sendDeadlineMs: 60_000, repeatsAttemptId: null },
  ...more,
});
const stateOf = async (attemptNo: number): Promise<string | undefined> => (await findAttempt(database.handle.db, dispatchId, attemptNo))?.state;

test('H11 an owner that gives up closes its own row, written or not, and nobody else’s', async () => {
  const { db } = database.handle;
  const mine = claimed(1);
  await insertAttempt(db, mine);
  await voidAttempt(db, uuidv7(), ref(1));
  expect(await stateOf(1)).toBe('sending');
  await voidAttempt(db, mine.id, ref(1));
  expect(await stateOf(1)).toBe('superseded');
  await voidAttempt(db, uuidv7(), ref(2));
  expect(await stateOf(2)).toBe('superseded');
  expect(await insertAttempt(db, claimed(2))).toBeNull();
});

test('H3 a claim whose number is taken marks nothing; one that is made marks the attempt in doubt that it follows', async () => {
  const { db } = database.handle;
  await insertSettled(db, ref(1), 'in_doubt');
  await insertSettled(db, ref(2), 'superseded');
  const { doubtedId } = await db.transaction((tx) => lookBack(tx, dispatchId, 2));
  expect(await insertAttempt(db, claimed(2, { repeatsAttemptId: doubtedId }))).toBeNull();
  expect(await stateOf(1)).toBe('in_doubt');
  expect(await insertAttempt(db, claimed(3, { repeatsAttemptId: doubtedId }))).not.toBeNull();
  expect(await stateOf(1)).toBe('resent_possible_duplicate');
  const [row] = await db.select().from(schema.dispatches).where(eq(schema.dispatches.id, dispatchId));
  expect(row).toMatchObject({ possibleDuplicate: true });
});

test('H1 I4 a dispatch does not end over an attempt under way, and ends as unknown once its deadline has passed', async () => {
  const { db } = database.handle;
  await insertAttempt(db, claimed(1, { sendDeadlineMs: 60_000 }));
  expect(await endDispatch(db, { dispatchId, ...cancel })).toEqual({ stillSendingMs: expect.any(Number) });
  await db.update(schema.attempts).set({ sendDeadlineAt: new Date(0) });
  expect(await endDispatch(db, { dispatchId, ...cancel })).toEqual({ state: 'expired', reason: 'OUTCOME_UNKNOWN' });
  expect(await stateOf(1)).toBe('in_doubt');
});

test('H3 asking twice at once for an attempt without a row: both hear that nothing left, and its number is taken', async () => {
  const { db } = database.handle;
  const asked = await Promise.all(Array.from({ length: 8 }, () => db.transaction((tx) => askLedger(tx, dispatchId, 1, 1, 1))));
  expect(asked).toEqual(asked.map(() => ({ kind: 'not_sent' })));
  expect(await insertAttempt(db, claimed(1))).toBeNull();
});

test('H3 a wait that is recorded late does not open a dispatch that has ended', async () => {
  const { db } = database.handle;
  await endDispatch(db, { dispatchId, ...cancel });
  await recordWait(db, { dispatchId, state: 'awaiting_recipient', waitingFor: 'recipient', waitMs: 60_000, reason: null, releaseThread: false });
  const [row] = await db.select().from(schema.dispatches).where(eq(schema.dispatches.id, dispatchId));
  expect(row).toMatchObject({ state: 'cancelled', waitingFor: null });
});

test('H7 R99 parking and a person’s word come too late for an attempt that is settled', async () => {
  const { db } = database.handle;
  await insertSettled(db, ref(1), 'reconciled_sent');
  for (const outcome of ['parked', 'not_sent'] as const) await resolveAttempt(db, { ...ref(1), outcome, actorId: 'agent-1' });
  expect(await stateOf(1)).toBe('reconciled_sent');
});

test('H12 a claim and an end at once: whoever comes first, the other one knows', async () => {
  const { db } = database.handle;
  for (let round = 0; round < 20; round++) {
    const id = await addDispatch();
    const claim = db.transaction(async (tx) => {
      const { ended } = await lookBack(tx, id, 1);
      return ended ? null : await insertAttempt(tx, claimed(1, { dispatchId: id }));
    });
    const end = endDispatch(db, { dispatchId: id, ...cancel }).catch((error: Error) => error);
    const [made, ended] = await Promise.all([claim, end]);
    expect({ made: made !== null, ended: !(ended instanceof Error) && 'state' in ended }).not.toEqual({ made: true, ended: true });
    expect(made !== null || (!(ended instanceof Error) && 'state' in ended)).toBe(true);
  }
});
