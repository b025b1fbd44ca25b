import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { cancel, clientWroteSignal } from '../../workflows/dispatch-message.contract.js';
import {
  addClient,
  addKey,
  addWhatsappChannel,
  buildHouse,
  call,
  chat,
  find,
  freshPhone,
  type House,
  openWindow,
  quickPolicy,
  runOf,
  say,
  submit,
  untilEnded,
  untilWaiting,
} from '../support/house.js';
import { describeWithTemporal, until } from '../support/stack.js';

/** Receipts come while the task that sent is not over yet: the server throws such a task away when it would have ended the run. */
describeWithTemporal('a provider whose receipts are as quick as its answer', () => {
  let house: House;
  let whatsapp: string;
  let key: string;

  beforeAll(async () => {
    house = await buildHouse({ withApi: true });
    await house.control('PUT', '/receipt-behaviour', { mode: 'auto', sentMs: 0, deliveredMs: 5, readMs: 10, duplicates: 0, order: 'in_order' });
    whatsapp = await addWhatsappChannel(house, { ...quickPolicy, lane: 'auto' });
    ({ key } = await addKey(house, { role: 'supervisor' }));
  });
  afterAll(async () => await house?.tear());

  async function untilAsked(): Promise<{ dispatchId: string; contactPointId: string }> {
    const phones = [freshPhone(), freshPhone()].map((value) => ({ kind: 'phone' as const, value, selected: true }));
    const { clientId, points } = await addClient(house, phones);
    for (const point of points) await openWindow(house, whatsapp, point);
    const dispatchId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: { kind: 'close' } });
    await untilWaiting(house, dispatchId, 'recipient');
    return { dispatchId, contactPointId: points[1]! };
  }

  async function untilCompleted(dispatchId: string): Promise<void> {
    const isOver = async (): Promise<boolean> => (await runOf(house, dispatchId).describe()).status.name === 'COMPLETED';
    await until(isOver, { deadlineMs: 20_000, what: 'the run to end with its dispatch' });
  }

  test('R46 X9 a pick that was acted on is answered as taken, the message goes out once, and its run ends with it', async () => {
    const picks = await Promise.all(Array.from({ length: 12 }, untilAsked));
    const answers: unknown[] = [];
    for (const { dispatchId, contactPointId } of picks) {
      const { status, body } = await call(house, key, 'POST', `/v1/dispatches/${dispatchId}/recipient-choice`, { contactPointId });
      answers.push(status === 200 ? status : { status, code: body['code'] });
    }
    expect(answers).toEqual(picks.map(() => 200));
    for (const { dispatchId } of picks) {
      expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'completed' });
      await untilCompleted(dispatchId);
    }
    expect(house.handedOver({ channel: 'whatsapp' })).toHaveLength(picks.length);
  });

  test('R3 X9 a cancel that was acted on is answered as taken, and its run ends with it, also when the client writes in that very moment', async () => {
    const waiting = await Promise.all(Array.from({ length: 12 }, untilAsked));
    for (const { dispatchId } of waiting) {
      let over = false;
      const writing = (async () => {
        while (!over)
          await runOf(house, dispatchId)
            .signal(clientWroteSignal)
            .catch(() => {});
      })();
      expect(await say(house, dispatchId, cancel, { actorId: 'agent-1' })).toBe('taken');
      over = true;
      await writing;
      expect(await find(house, dispatchId)).toMatchObject({ state: 'cancelled' });
    }
    for (const { dispatchId } of waiting) await untilCompleted(dispatchId);
  });
});
