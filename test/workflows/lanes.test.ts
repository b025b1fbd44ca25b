import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eq, sql } from 'drizzle-orm';
import * as schema from '../../db/schema/index.js';
import { ladder } from '../../domain/channel.js';
import { cancel } from '../../workflows/dispatch-message.contract.js';
import {
  addClient,
  addEmailChannel,
  addKey,
  addWhatsappChannel,
  attemptsOf,
  buildHouse,
  call,
  chat,
  find,
  freshPhone,
  type House,
  openWindow,
  quickPolicy,
  report,
  runOf,
  say,
  submit,
  untilEnded,
  untilWaiting,
} from '../support/house.js';
import { describeWithTemporal, startProcess, until } from '../support/stack.js';

const express = { ...quickPolicy, lane: 'auto' } as const;
/** A provider may take its time here. */
const patient = { ...express, ladder: ladder({ connectMs: 2_000, replyMs: 20_000, exchangeMs: 30_000, heartbeatMs: 2_000 }) };
const close = { kind: 'close' } as const;

describeWithTemporal('the two lanes of an attempt', () => {
  let house: House;

  beforeAll(async () => {
    house = await buildHouse();
    await house.control('PUT', '/receipt-behaviour', { mode: 'none' });
  });
  afterAll(async () => await house?.tear());

  let mails = 0;
  async function sendMail(channelId: string, name = 'plain'): Promise<{ dispatchId: string; address: string }> {
    mails += 1;
    const address = `${name}+${mails}@example.test`;
    const { clientId } = await addClient(house, [{ kind: 'email', value: address }]);
    return { dispatchId: await submit(house, { clientId, channelId }), address };
  }

  /** How the attempts of a run were made, in order. */
  async function lanesOf(dispatchId: string): Promise<string[]> {
    const { events } = await runOf(house, dispatchId).fetchHistory();
    const markers = (events ?? []).flatMap((event) => event.markerRecordedEventAttributes?.details?.['data']?.payloads?.[0]?.data ?? []);
    const locals = markers.map((data) => (JSON.parse(Buffer.from(data).toString('utf8')) as { activity_type: string }).activity_type);
    const express = locals.filter((name) => name === 'deliverMessage').map(() => 'express');
    const queued = (events ?? []).filter((event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'deliverMessage').map(() => 'queued');
    return [...express, ...queued];
  }

  async function copiesFor(address: string): Promise<number> {
    return house.handedOver({ recipient: address }).length;
  }

  test('R4 a first attempt on a healthy channel takes the express lane: at most 10 events, every step by its name', async () => {
    const email = await addEmailChannel(house, express);
    const { dispatchId, address } = await sendMail(email);
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'completed', messageStatus: 'sent' });
    await runOf(house, dispatchId).result();
    const described = await runOf(house, dispatchId).describe();
    expect(described.historyLength).toBeLessThanOrEqual(10);
    expect(Number(described.raw.workflowExecutionInfo?.stateTransitionCount)).toBeLessThanOrEqual(3);
    expect(await lanesOf(dispatchId)).toEqual(['express']);
    expect(await copiesFor(address)).toBe(1);
  });

  test('R80 WhatsApp takes it too, and goes on to its disposition and its receipt', async () => {
    const whatsapp = await addWhatsappChannel(house, { ...express, receiptWindowMs: 20_000 }, '300');
    const { clientId, points } = await addClient(house, [{ kind: 'phone', value: freshPhone() }]);
    await openWindow(house, whatsapp, points[0]!);
    const dispatchId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: close });
    await untilWaiting(house, dispatchId, 'receipt');
    await report(house, dispatchId, 'delivered');
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'completed', dispositionStatus: 'done', messageStatus: 'delivered' });
    expect(await lanesOf(dispatchId)).toEqual(['express']);
  });

  test('R101 what follows a refused attempt is queued, and so are other first attempts while the channel is in trouble', async () => {
    const whatsapp = await addWhatsappChannel(house, { ...express, receiptWindowMs: 100 }, '303');
    const sendChat = async (phone = freshPhone()): Promise<string[]> => {
      const { clientId, points } = await addClient(house, [{ kind: 'phone', value: phone }]);
      await openWindow(house, whatsapp, points[0]!);
      const dispatchId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: close });
      expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'completed' });
      return await lanesOf(dispatchId);
    };
    const throttled = freshPhone();
    await house.control('POST', '/faults', { channel: 'whatsapp', recipient: throttled, count: 1, do: { status: 429, code: 130429 } });
    expect(await sendChat(throttled)).toEqual(['express', 'queued']);
    expect(await sendChat()).toEqual(['queued']);
    await house.db
      .update(schema.channels)
      .set({ troubledAt: sql`now() - interval '31 seconds'` as never })
      .where(eq(schema.channels.id, whatsapp));
    expect(await sendChat()).toEqual(['express']);
  });

  test('H3 a provider that takes its time holds up nobody: the run hears people meanwhile, and the answer when it comes', async () => {
    const email = await addEmailChannel(house, patient);
    const { dispatchId, address } = await sendMail(email, 'slow-6000');
    await until(async () => (await attemptsOf(house, dispatchId)).length > 0, { what: 'the claim' });
    const askedAt = performance.now();
    expect(await say(house, dispatchId, cancel, { actorId: 'agent-1' })).toBe('TOO_LATE');
    expect(performance.now() - askedAt).toBeLessThan(4_000);
    expect((await attemptsOf(house, dispatchId))[0]!.state).toBe('sending');
    expect(await untilEnded(house, dispatchId, 20_000)).toMatchObject({ state: 'completed', possibleDuplicate: false });
    expect(await copiesFor(address)).toBe(1);
    expect(await lanesOf(dispatchId)).toEqual(['express']);
    const [channel] = await house.db.select().from(schema.channels).where(eq(schema.channels.id, email));
    expect(channel!.troubledAt).not.toBeNull();
  });

  test('H11 a late answer that the database does not take at first is written once it does', async () => {
    const email = await addEmailChannel(house, patient);
    await house.db.execute(
      sql.raw(`create function not_yet() returns trigger language plpgsql as $$ begin
        if new.channel_id = '${email}' and clock_timestamp() < new.started_at + interval '5 seconds' then raise 'not recorded'; end if; return new; end $$;
        create trigger not_yet before update on attempts for each row execute function not_yet();`),
    );
    try {
      const { dispatchId, address } = await sendMail(email, 'slow-2500');
      expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'completed', possibleDuplicate: false, inDoubt: false });
      expect(await copiesFor(address)).toBe(1);
    } finally {
      await house.db.execute(sql`drop function not_yet cascade`);
    }
  });

  test('R99 one that never answers is in doubt at its deadline, as in the other lane', async () => {
    const whatsapp = await addWhatsappChannel(house, { ...express, unknownWaitMs: 0 }, '301');
    const phone = freshPhone();
    const { clientId, points } = await addClient(house, [{ kind: 'phone', value: phone }]);
    await openWindow(house, whatsapp, points[0]!);
    await house.control('POST', '/faults', { channel: 'whatsapp', recipient: phone, count: 1, do: { drop: 'after', delayMs: 1_200 } });
    const dispatchId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: close });
    expect(await untilWaiting(house, dispatchId, 'outcome')).toMatchObject({ state: 'outcome_unknown', inDoubt: true });
    await report(house, dispatchId, 'delivered');
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'completed', possibleDuplicate: false });
    expect(await copiesFor(phone.slice(1))).toBe(1);
  });

  test('R101 an attempt that finds all of its channel’s sends taken is queued', async () => {
    const email = await addEmailChannel(house, { ...patient, maxInFlight: 1 });
    const slow = await sendMail(email, 'slow-2000');
    await until(async () => (await attemptsOf(house, slow.dispatchId)).length > 0, { what: 'the claim' });
    const second = await sendMail(email);
    expect(await untilEnded(house, second.dispatchId)).toMatchObject({ state: 'completed' });
    expect(await lanesOf(second.dispatchId)).toContain('queued');
    expect(await copiesFor(second.address)).toBe(1);
    expect(await untilEnded(house, slow.dispatchId)).toMatchObject({ state: 'completed' });
  });

  test('H1 R113 a drain waits for a hand-over that its run does not wait for any more', async () => {
    const email = await addEmailChannel(house, patient);
    const { dispatchId, address } = await sendMail(email, 'slow-4000');
    await until(async () => (await attemptsOf(house, dispatchId)).length > 0, { what: 'the claim' });
    expect(await house.worker!.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect((await attemptsOf(house, dispatchId)).map((one) => one.state)).toEqual(['accepted']);
    house.worker = await house.startWorker();
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'completed', possibleDuplicate: false });
    expect(await copiesFor(address)).toBe(1);
  });

  test('H1 a worker killed in an express send is noticed within seconds, and the ledger tells what became of it', async () => {
    const whatsapp = await addWhatsappChannel(house, { ...express, unknownWaitMs: 0 }, '302');
    const phone = freshPhone();
    const { clientId, points } = await addClient(house, [{ kind: 'phone', value: phone }]);
    await openWindow(house, whatsapp, points[0]!);
    await house.control('POST', '/faults', { channel: 'whatsapp', recipient: phone, count: 1, do: { delayMs: 1_000 } });
    const dispatchId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: close });
    await until(async () => (await attemptsOf(house, dispatchId)).length > 0, { what: 'the claim' });
    await house.worker!.kill();
    house.worker = await house.startWorker();
    expect(await untilWaiting(house, dispatchId, 'outcome', 20_000)).toMatchObject({ inDoubt: true });
    expect(await attemptsOf(house, dispatchId)).toHaveLength(1);
  });
});

describeWithTemporal('API and worker in one process', () => {
  test('R1 a submit gives the worker its first task along with the answer', async () => {
    const house = await buildHouse({ withWorker: false });
    try {
      const both = await startProcess({ entry: 'bin/waybill.js', env: house.env, ready: /worker ready/ });
      try {
        const { key } = await addKey(house, { role: 'agent' });
        const email = await addEmailChannel(house, express);
        const { clientId } = await addClient(house, [{ kind: 'email', value: 'eager@example.test' }]);
        const body = { clientId, channelId: email, content: { kind: 'text', subject: 'Hi', text: 'Hi' } };
        const answer = await call(house, key, 'POST', '/v1/dispatches', body, { 'idempotency-key': 'eager' });
        expect(answer.status).toBe(202);
        const { id: dispatchId } = answer.body as unknown as { id: string };
        expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'completed' });
        const { events } = await runOf(house, dispatchId).fetchHistory();
        expect(events![0]!.workflowExecutionStartedEventAttributes!.eagerExecutionAccepted).toBe(true);
        const { raw } = await runOf(house, dispatchId).describe();
        expect(Number(raw.workflowExecutionInfo?.stateTransitionCount)).toBeLessThanOrEqual(3);
        expect((await find(house, dispatchId)).runId).not.toBeNull();
      } finally {
        await both.kill();
      }
    } finally {
      await house.tear();
    }
  });
});
