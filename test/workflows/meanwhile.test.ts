import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { and, eq, ne } from 'drizzle-orm';
import { removeContactPoint } from '../../db/contact-points.js';
import { endDispatch } from '../../db/dispatches.js';
import { storeEvents } from '../../db/inbox.js';
import { applyReceipt } from '../../db/receipts.js';
import * as schema from '../../db/schema/index.js';
import { addRevision } from '../../db/submit.js';
import { closeThread } from '../../db/threads-read.js';
import type { Content } from '../../domain/content.js';
import type { Disposition } from '../../domain/disposition.js';
import type { Failure } from '../../domain/failure.js';
import * as contract from '../../workflows/dispatch-message.contract.js';
import {
  addClient,
  addEmailChannel,
  addWhatsappChannel,
  attemptsOf,
  buildHouse,
  chat,
  clientWrites,
  find,
  freshPhone,
  type House,
  mail,
  openWindow,
  quickPolicy,
  report,
  runOf,
  say,
  submit,
  untilEnded,
  untilWaiting,
} from '../support/house.js';
import { describeWithTemporal, until } from '../support/stack.js';

const by = { actorId: 'agent-2' };
const close = { kind: 'close' } as const;
const outsideWindow: Failure = { class: 'outside_window', scope: 'recipient', provider: { code: '131047' } };
const optedOut: Failure = { class: 'opted_out', scope: 'recipient', provider: { code: '131050' } };

describeWithTemporal('what changes while a dispatch runs', () => {
  let house: House;
  let email: string;
  let whatsapp: string;
  let secondWhatsapp: string;
  let repeating: string;
  let addresses = 0;

  beforeAll(async () => {
    house = await buildHouse();
    const policy = { ...quickPolicy, retry: { deadlineMs: 60_000, initialMs: 2_000, maximumMs: 2_000 }, receiptWindowMs: 300, unknownWaitMs: 300 };
    email = await addEmailChannel(house, policy);
    whatsapp = await addWhatsappChannel(house, policy);
    secondWhatsapp = await addWhatsappChannel(house, policy, '100200301');
    repeating = await addWhatsappChannel(house, { ...policy, onUnknown: 'resend' }, '100200302');
    await house.control('PUT', '/receipt-behaviour', { mode: 'none' });
  });
  afterAll(async () => await house?.tear());

  async function bothWays(more: string[] | string = []): Promise<{ clientId: string; phone: string; address: string; points: [string, string] }> {
    const phone = freshPhone();
    const address = `meanwhile-${(addresses += 1)}@example.test`;
    const { clientId, points } = await addClient(house, [
      { kind: 'phone', value: phone },
      { kind: 'email', value: address },
    ]);
    for (const channel of [whatsapp, secondWhatsapp, more].flat()) await openWindow(house, channel, points[0]!);
    return { clientId, phone, address, points: [points[0]!, points[1]!] };
  }
  const fault = (channel: 'email' | 'whatsapp', recipient: string, what: object) =>
    house.control('POST', '/faults', { channel, recipient, count: 1, do: what });
  const onPhone = (phone: string) => house.handedOver({ recipient: phone.replace('+', '') });
  const openThreads = (clientId: string) =>
    house.db
      .select()
      .from(schema.threads)
      .where(and(eq(schema.threads.clientId, clientId), ne(schema.threads.status, 'closed')));
  const revise = (dispatchId: string, channelId: string, content: Content, disposition: Disposition | null) =>
    addRevision(house.db, dispatchId, {
      channelId,
      content,
      disposition,
      contactPointId: null,
      recipientPolicy: 'ask',
      templateVersion: null,
      tagIds: [],
      createdBy: 'agent-2',
    });

  /** A later status of the first attempt, as the webhook would store it. */
  async function reportFirst(dispatchId: string, status: 'delivered' | 'failed', failure?: Failure): Promise<void> {
    const [first] = await attemptsOf(house, dispatchId);
    const event = {
      kind: 'receipt',
      externalId: `wamid-${first!.id}`,
      attemptId: first!.id,
      status,
      at: new Date().toISOString(),
      ...(failure ? { failure } : {}),
    };
    await storeEvents(house.db, first!.channelId!, [{ eventId: `${first!.id}/${status}`, kind: 'receipt', event }]);
  }

  test('R97 R101 in back-off it goes on by another channel of threads: one thread, one hand-over', async () => {
    const { clientId, phone } = await bothWays();
    await fault('whatsapp', phone, { status: 429, code: 130429 });
    const dispatchId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: close });
    await untilWaiting(house, dispatchId, 'retry');
    const revision = await revise(dispatchId, secondWhatsapp, chat(), { kind: 'assign_self' });
    expect(await say(house, dispatchId, contract.changeChannel, { revision, ...by })).toBe('taken');
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'completed', channelId: secondWhatsapp, dispositionStatus: 'done' });
    expect(onPhone(phone).map((entry) => entry.sender)).toEqual(['100200301']);
    expect(await openThreads(clientId)).toMatchObject([{ channelId: secondWhatsapp, status: 'waiting', assigneeId: 'agent-1' }]);
  });

  test('R97 R101 in back-off it goes on by email: the thread of the channel before is given back', async () => {
    const { clientId, phone, address } = await bothWays();
    await fault('whatsapp', phone, { status: 429, code: 130429 });
    const dispatchId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: close });
    await untilWaiting(house, dispatchId, 'retry');
    const revision = await revise(dispatchId, email, mail(), null);
    expect(await say(house, dispatchId, contract.changeChannel, { revision, ...by })).toBe('taken');
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'completed', channelId: email });
    expect([onPhone(phone).length, house.handedOver({ recipient: address }).length]).toEqual([0, 1]);
    expect(await openThreads(clientId)).toEqual([]);
  });

  test('R80 a thread that staff closed between two attempts is opened again by its own dispatch, and says who has closed it last', async () => {
    const { clientId, phone } = await bothWays();
    await fault('whatsapp', phone, { status: 429, code: 130429 });
    const dispatchId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: { kind: 'assign_self' } });
    const { threadId } = await untilWaiting(house, dispatchId, 'retry');
    await closeThread(house.db, threadId!, 'supervisor-1');
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'completed', threadId, dispositionStatus: 'done' });
    expect(await openThreads(clientId)).toMatchObject([{ id: threadId, status: 'waiting', closedAt: null, closedBy: null }]);
  });

  test.each(['accepted', 'refused'] as const)(
    'H11 I14 the contact point is removed during a send that is %s: the answer is written down all the same',
    async (answer) => {
      const { clientId, phone, address, points } = await bothWays();
      await fault('whatsapp', phone, answer === 'accepted' ? { delayMs: 700 } : { delayMs: 700, status: 400, code: 131026 });
      await fault('email', address, answer === 'accepted' ? { delayMs: 700 } : { delayMs: 700, reply: '550 5.1.1 no such mailbox' });
      const byMail = await submit(house, { clientId, channelId: email });
      const byChat = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: close });
      for (const id of [byMail, byChat]) await until(async () => (await attemptsOf(house, id)).length === 1, { what: 'the attempt' });
      for (const point of points) expect(await removeContactPoint(house.db, clientId, point)).toBe(true);
      const end = answer === 'accepted' ? { state: 'completed' } : { state: 'failed' };
      for (const id of [byMail, byChat]) expect(await untilEnded(house, id)).toMatchObject(end);
      expect(await openThreads(clientId)).toEqual([]);
    },
  );

  test('I4 R103 a late refusal that the run does not hear of in time shows in the message when the dispatch ends completed', async () => {
    const channelId = await addWhatsappChannel(house, { ...quickPolicy, receiptWindowMs: 3_000 }, '100200304');
    const { clientId } = await bothWays(channelId);
    const dispatchId = await submit(house, { clientId, channelId, content: chat(), disposition: close });
    await untilWaiting(house, dispatchId, 'receipt');
    const { id: attemptId } = (await attemptsOf(house, dispatchId))[0]!;
    await house.db.transaction(async (tx) => {
      await applyReceipt(tx, { channelId, externalId: 'late', attemptId, status: 'failed', failure: outsideWindow, at: new Date() });
      // Its word to the run is lost.
      await tx.delete(schema.outbox).where(eq(schema.outbox.dispatchId, dispatchId));
    });
    expect(await find(house, dispatchId)).toMatchObject({ waitingFor: 'receipt', messageStatus: 'wired' });
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'completed', messageStatus: 'failed' });
  });

  test('I1 I14 a dispatch that a lost worker had ended, and whose run comes another way to a wait: the run ends with it', async () => {
    const patient = await addWhatsappChannel(house, { ...quickPolicy, receiptWindowMs: 60_000 }, '100200303');
    const { clientId } = await bothWays(patient);
    const dispatchId = await submit(house, { clientId, channelId: patient, content: chat(), disposition: close });
    await untilWaiting(house, dispatchId, 'receipt');
    await endDispatch(house.db, { dispatchId, state: 'completed', reason: null });
    await report(house, dispatchId, 'failed', outsideWindow);
    await until(async () => (await find(house, dispatchId)).messageStatus === 'failed', { what: 'the late refusal' });
    // The run hears of it now, and would ask for a template.
    await runOf(house, dispatchId).signal(contract.receiptSignal);
    await until(async () => (await runOf(house, dispatchId).describe()).status.name === 'COMPLETED', { what: 'the run to end' });
    expect(await find(house, dispatchId)).toMatchObject({ state: 'completed', waitingFor: null });
  });

  test('R103 I14 a receipt that blocks a contact point which is gone is applied', async () => {
    const { clientId, phone, points } = await bothWays();
    const dispatchId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: close });
    await untilEnded(house, dispatchId);
    await removeContactPoint(house.db, clientId, points[0]);
    await report(house, dispatchId, 'failed', optedOut);
    await until(async () => (await find(house, dispatchId)).messageStatus === 'failed', { what: 'the late refusal' });
    expect(onPhone(phone)).toHaveLength(1);
  });

  test('R99 I2 a person said "not sent" and a receipt says otherwise after the next attempt: a possible duplicate, and told so', async () => {
    const { clientId, phone } = await bothWays();
    await fault('whatsapp', phone, { drop: 'after' });
    const dispatchId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: close });
    await until(async () => (await attemptsOf(house, dispatchId))[0]?.state === 'parked', { what: 'parking' });
    expect(await say(house, dispatchId, contract.resolveOutcome, { outcome: 'not_sent', sendEpoch: 1, ...by })).toBe('taken');
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'completed', possibleDuplicate: false });
    expect(onPhone(phone)).toHaveLength(2);
    await reportFirst(dispatchId, 'delivered');
    await until(async () => (await find(house, dispatchId)).possibleDuplicate, { what: 'the flag' });
    expect((await attemptsOf(house, dispatchId)).map((one) => one.state)).toEqual(['reconciled_sent', 'accepted']);
  });

  test.each(['delivered', 'failed'] as const)(
    'R99 R103 a repeat that waits its turn is not made when a receipt says that the first one was %s',
    async (status) => {
      const { clientId, phone } = await bothWays(repeating);
      await fault('whatsapp', phone, { drop: 'after' });
      const dispatchId = await submit(house, { clientId, channelId: repeating, content: chat(), disposition: close, role: 'service' });
      await untilWaiting(house, dispatchId, 'retry');
      await reportFirst(dispatchId, status, ...(status === 'failed' ? [optedOut] : []));
      const told =
        status === 'failed' ? { state: 'failed', endReason: 'OPTED_OUT', messageStatus: 'failed' } : { state: 'completed', messageStatus: 'delivered' };
      expect(await untilEnded(house, dispatchId, 10_000)).toMatchObject({ ...told, possibleDuplicate: false });
      expect(onPhone(phone)).toHaveLength(1);
    },
  );

  test('I4 R98 settings that cannot be opened are no doubt: nothing left, the channel is paused, and it goes on once they can', async () => {
    const { clientId, phone } = await bothWays();
    const [channel] = await house.db.select().from(schema.channels).where(eq(schema.channels.id, secondWhatsapp));
    const seal = (bytes: Buffer) => house.db.update(schema.channels).set({ credentials: bytes }).where(eq(schema.channels.id, secondWhatsapp));
    await seal(Buffer.alloc(64, 7));
    const dispatchId = await submit(house, { clientId, channelId: secondWhatsapp, content: chat(), disposition: close });
    await untilWaiting(house, dispatchId, 'retry');
    expect(await attemptsOf(house, dispatchId)).toMatchObject([{ state: 'refused_temporary', reason: 'CHANNEL_CONFIG' }]);
    await seal(channel!.credentials!);
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'completed', possibleDuplicate: false });
    expect(onPhone(phone)).toHaveLength(1);
  });

  describe('a channel whose account the provider refuses', () => {
    /** Its token has run out, as the provider says of this client's number. */
    async function refused(number: string): Promise<{ channelId: string; dispatchId: string; channel(): Promise<typeof schema.channels.$inferSelect> }> {
      const retry = { deadlineMs: 60_000, initialMs: 30_000, maximumMs: 30_000 };
      const channelId = await addWhatsappChannel(house, { ...quickPolicy, retry, receiptWindowMs: 300 }, number);
      const { clientId, points } = await addClient(house, [{ kind: 'phone', value: freshPhone('0190') }]);
      await openWindow(house, channelId, points[0]!);
      const dispatchId = await submit(house, { clientId, channelId, content: chat(), disposition: close });
      await untilWaiting(house, dispatchId, 'retry');
      const channel = async () => (await house.db.select().from(schema.channels).where(eq(schema.channels.id, channelId)))[0]!;
      expect(await channel()).toMatchObject({ enabled: true, pausedReason: 'CHANNEL_CONFIG', pausedAt: expect.any(Date) });
      return { channelId, dispatchId, channel };
    }

    test('4.3 is paused, which holds nothing back: clients are heard, others are sent to, and the next acceptance ends the pause', async () => {
      const { channelId, dispatchId, channel } = await refused('100200303');
      await clientWrites(house, channelId, { kind: 'phone', value: freshPhone() });
      expect(await say(house, dispatchId, contract.abandon, by)).toBe('taken');
      expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'failed', endReason: 'ABANDONED' });
      expect((await channel()).pausedAt).not.toBeNull();
      const { clientId, phone } = await bothWays(channelId);
      const next = await submit(house, { clientId, channelId, content: chat(), disposition: close, role: 'service' });
      expect(await untilEnded(house, next)).toMatchObject({ state: 'completed' });
      expect(onPhone(phone)).toHaveLength(1);
      expect(await channel()).toMatchObject({ pausedReason: null, pausedAt: null });
    });

    test('R16 is disabled by hand: nothing begins there any more, what staff sent waits for a decision, and clients are heard', async () => {
      const { channelId, dispatchId } = await refused('100200304');
      await house.db.update(schema.channels).set({ enabled: false }).where(eq(schema.channels.id, channelId));
      const { clientId, phone } = await bothWays(channelId);
      const fresh = await submit(house, { clientId, channelId, content: chat(), disposition: close });
      expect(await untilEnded(house, fresh)).toMatchObject({ state: 'rejected', endReason: 'CHANNEL_DISABLED' });
      expect(await say(house, dispatchId, contract.retryNow, by)).toBe('taken');
      expect((await untilWaiting(house, dispatchId, 'decision')).verdict?.refusals).toMatchObject([{ code: 'CHANNEL_DISABLED', channelId }]);
      expect([await attemptsOf(house, dispatchId), onPhone(phone)].map((one) => one.length)).toEqual([1, 0]);
      await clientWrites(house, channelId, { kind: 'phone', value: freshPhone() });
    });
  });

  test('H10 a blind copy that is named twice is served once, also when the message is tried again', async () => {
    const { clientId, address } = await bothWays();
    const copy = `copy-of-${address}`;
    await fault('email', address, { reply: '450 4.2.1 later', at: 'rcpt' });
    const dispatchId = await submit(house, { clientId, channelId: email, content: mail('Hello', { bcc: [copy, copy.toUpperCase()] }) });
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'completed' });
    expect([house.handedOver({ recipient: address }).length, house.handedOver({ recipient: copy }).length]).toEqual([1, 1]);
  });

  test('R103 a late refusal of an attempt that another one has followed does not make the message failed', async () => {
    const { clientId, phone } = await bothWays();
    await fault('whatsapp', phone, { drop: 'after' });
    const dispatchId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: close });
    await untilWaiting(house, dispatchId, 'outcome');
    await until(async () => (await attemptsOf(house, dispatchId))[0]?.state === 'parked', { what: 'parking' });
    expect(await say(house, dispatchId, contract.resolveOutcome, { outcome: 'resend', sendEpoch: 1, ...by })).toBe('taken');
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'completed', messageStatus: 'wired', possibleDuplicate: true });
    await reportFirst(dispatchId, 'failed', optedOut);
    await until(async () => (await attemptsOf(house, dispatchId))[0]?.state === 'reconciled_sent', { what: 'the late receipt' });
    expect(await find(house, dispatchId)).toMatchObject({ messageStatus: 'wired' });
  });
});
