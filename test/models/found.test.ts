/** What the models have found, each as the shortest story that shows it. */

import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { eq, sql } from 'drizzle-orm';
import * as schema from '../../db/schema/index.js';
import { settleAttempt } from '../../db/settle.js';
import type { FailureClass } from '../../domain/failure.js';
import { type Copy, deliver, outcomes, type ProviderAnswer, takes } from './hand.js';
import { buildRig, type Case, clientWrites, externalIdOf, type ReceiptStatus, report, type Rig, workerOf } from './rig.js';

let rig: Rig;
let one: Case;
let copies: Copy[];
beforeAll(async () => {
  rig = await buildRig();
});
beforeEach(async () => {
  one = await rig.newCase('whatsapp');
  copies = [];
});
afterAll(async () => await rig?.drop());

const ref = (attemptNo: number) => ({ dispatchId: one.dispatchId, attemptNo, generation: 1, revision: 1 });
const worker = (answer: ProviderAnswer, isLost = false) => ({
  db: rig.db,
  checkpoint: (name: string): void => {
    if (isLost && name === 'deliver.answered') throw new Error('The answer is lost.');
  },
  send: async (_: unknown, { attemptNo, attemptId }: Copy) => {
    if (takes(answer)) copies.push({ attemptNo, attemptId });
    return outcomes[answer](attemptId);
  },
  faults: () => {},
});
const acts = () => workerOf(worker('unsent'));

/** Once round the loop; `isLost`: the provider's answer never reaches the ledger. */
async function attempt(attemptNo: number, answer: ProviderAnswer, isLost = false) {
  const { dispatchId, channelId, contactPointId } = one;
  await acts().checkEligibility({ dispatchId, revision: 1, attemptNo, generation: 1, pick: null, firstCheck: attemptNo === 1 });
  await acts().renderTemplate({ dispatchId, revision: 1, channelId, contactPointId });
  return (await deliver(worker(answer, isLost), one, { attemptNo, generation: 1, revision: 1, sendEpoch: 1 })).outcome;
}
const tell = (attemptNo: number, status: ReceiptStatus, byOurId = true, of?: FailureClass) =>
  report(rig.db, one.channelId, copies.find((copy) => copy.attemptNo === attemptNo)!.attemptId, status, byOurId, of);
const answerAtLast = (attemptNo: number): Promise<void> => {
  const { attemptId } = copies.find((copy) => copy.attemptNo === attemptNo)!;
  return settleAttempt(rig.db, attemptId, {
    kind: 'accepted',
    externalIds: [externalIdOf(attemptId)],
    canonicalValue: null,
    recipients: [],
    sentWithoutReceipt: false,
  });
};
const end = (state: 'completed' | 'cancelled' | 'failed') =>
  acts().endDispatch({ dispatchId: one.dispatchId, state, reason: state === 'completed' ? null : state === 'failed' ? 'INTERNAL' : 'CANCELLED_BY_STAFF' });
const park = () =>
  acts().recordWait({ dispatchId: one.dispatchId, state: 'outcome_unknown', waitingFor: 'outcome', waitMs: 60_000, reason: null, releaseThread: true });
const dispatch = async () => (await rig.snapshot(one)).dispatch;

test('R80 R97 what the client wrote is not buried by a disposition that comes when the thread has been given back', async () => {
  await attempt(1, 'lost');
  await clientWrites(rig.db, one);
  await park();
  await tell(1, 'sent');
  expect(await acts().closeThread({ dispatchId: one.dispatchId, repair: null, actorId: null })).toEqual({ status: 'failed', reason: 'CLIENT_WROTE' });
  expect((await rig.snapshot(one)).threads).toMatchObject([{ status: 'active' }]);
});

test('R99 a message that nobody can tell about counts as handed over (4.4)', async () => {
  await attempt(1, 'unsent');
  expect(await dispatch()).toMatchObject({ inDoubt: true, messageStatus: 'wired' });
});

test('R103 I12 a refusal by receipt counts whether it comes before the end or after it', async () => {
  await attempt(1, 'accepted');
  await tell(1, 'sent');
  await tell(1, 'failed');
  expect(await dispatch()).toMatchObject({ messageStatus: 'sent' });
  expect(await end('completed')).toMatchObject({ state: 'completed' });
  expect(await dispatch()).toMatchObject({ messageStatus: 'failed' });
});

test('R99 I4 a refusal of the repeat does not hide that nobody can tell about the first', async () => {
  await attempt(1, 'lost');
  await attempt(2, 'temporary');
  expect(await dispatch()).toMatchObject({ inDoubt: true });
  expect(await end('failed')).toEqual({ state: 'expired', reason: 'OUTCOME_UNKNOWN' });
  await attempt(3, 'accepted');
  await tell(1, 'sent');
  expect(await dispatch()).toMatchObject({ inDoubt: false });
});

test('R99 I4 nor does a person’s word about the repeat, nor its refusal by receipt', async () => {
  await attempt(1, 'lost');
  await attempt(2, 'lost');
  await acts().recordResolution({ ...ref(2), outcome: 'not_sent', actorId: 'agent-1' });
  expect(await dispatch()).toMatchObject({ inDoubt: true });
  await tell(2, 'failed');
  expect(await dispatch()).toMatchObject({ inDoubt: true });
  await tell(1, 'delivered');
  expect(await dispatch()).toMatchObject({ inDoubt: false });
});

test('R4 R99 a dispatch that learns in its check that it was sent waits as visibly as any other', async () => {
  await attempt(1, 'lost');
  const { dispatchId, channelId, contactPointId } = one;
  await acts().checkEligibility({ dispatchId, revision: 1, attemptNo: 2, generation: 1, pick: null, firstCheck: false });
  await answerAtLast(1);
  expect(
    (await deliver(worker('accepted'), { ...one, channelId, contactPointId }, { attemptNo: 2, generation: 1, revision: 1, sendEpoch: 1 })).outcome,
  ).toEqual({
    kind: 'accepted',
  });
  await acts().closeThread({ dispatchId, repair: null, actorId: null });
  expect(await dispatch()).toMatchObject({ state: 'disposing' });
  await acts().recordWait({ dispatchId, state: 'awaiting_receipt', waitingFor: 'receipt', waitMs: 60_000, reason: null, releaseThread: false });
  expect(await dispatch()).toMatchObject({ state: 'awaiting_receipt', waitingFor: 'receipt' });
});

test('I2 what is delivered after it was taken for refused is a second copy, and the dispatch says so', async () => {
  await attempt(1, 'accepted');
  await tell(1, 'failed');
  await attempt(2, 'accepted');
  expect(copies).toHaveLength(2);
  expect(await dispatch()).toMatchObject({ possibleDuplicate: false });
  await tell(1, 'delivered');
  expect(await dispatch()).toMatchObject({ possibleDuplicate: true, messageStatus: 'delivered' });
});

test.each(['failed then delivered', 'delivered then failed'])('R103 I12 %s: delivered, and the failure stands beside', async (order) => {
  await attempt(1, 'accepted');
  for (const status of order.split(' then ')) await tell(1, status as 'failed' | 'delivered');
  const [entry] = await rig.db.select().from(schema.messages).where(eq(schema.messages.dispatchId, one.dispatchId));
  expect(entry).toMatchObject({ status: 'delivered', failureReason: 'SUPPRESSED' });
});

test('R103 I12 H7 a receipt that only names the provider’s own id leaves the same behind before the answer as after it', async () => {
  await attempt(1, 'accepted', true);
  await tell(1, 'failed', false, 'not_on_channel');
  await answerAtLast(1);
  await end('cancelled');
  expect(await dispatch()).toMatchObject({ state: 'cancelled', messageStatus: 'failed' });
  const marked = sql`contact_point_id = ${one.contactPointId} and undeliverable_at is not null`;
  expect(await rig.db.select().from(schema.contactPointChannels).where(marked)).toHaveLength(1);
});
