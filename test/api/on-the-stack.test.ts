import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import {
  addClient,
  addEmailChannel,
  addKey,
  addWhatsappChannel,
  attemptsOf,
  buildHouse,
  call,
  clientWrites,
  freshPhone,
  type House,
  openWindow,
  quickPolicy,
  threadOf,
  untilEnded,
  untilWaiting,
} from '../support/house.js';
import { describeWithTemporal } from '../support/stack.js';

/** Messages to dispatches over HTTP, answered by real runs. */
describeWithTemporal('messages over HTTP, on the whole stack', () => {
  let house: House;
  let email: string;
  let whatsapp: string;
  let agent: { key: string; senderId: string };
  let other: { key: string; senderId: string };

  beforeAll(async () => {
    house = await buildHouse({ withApi: true });
    email = await addEmailChannel(house);
    whatsapp = await addWhatsappChannel(house, { ...quickPolicy, receiptWindowMs: 500 });
    agent = await addKey(house, { role: 'agent' });
    other = await addKey(house, { role: 'agent' });
  });
  afterAll(async () => await house?.tear());

  const submit = async (body: object): Promise<string> => {
    const answer = await call(house, agent.key, 'POST', '/v1/dispatches', body, { 'idempotency-key': uuidv7() });
    if (answer.status !== 202) throw new Error(JSON.stringify(answer.body));
    return answer.body['id'] as unknown as string;
  };
  const say = (id: string, message: string, body: object = {}, key: string = agent.key, idempotencyKey?: string) =>
    call(house, key, 'POST', `/v1/dispatches/${id}/${message}`, body, idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey });
  const code = (answer: { status: number; body: Record<string, unknown> }): unknown[] => [answer.status, answer.body['code'] ?? null];
  const read = async (id: string): Promise<Record<string, unknown>> => (await call(house, agent.key, 'GET', `/v1/dispatches/${id}`)).body;
  const chat = (clientId: string, more: object = {}): object => ({
    clientId,
    channelId: whatsapp,
    content: { kind: 'text', text: 'Hello' },
    disposition: { kind: 'close' },
    ...more,
  });
  const withTwoPhones = async (): Promise<{ clientId: string; phones: string[]; points: string[] }> => {
    const phones = [freshPhone(), freshPhone()];
    const { clientId, points } = await addClient(
      house,
      phones.map((value) => ({ kind: 'phone', value })),
    );
    for (const point of points) await openWindow(house, whatsapp, point);
    return { clientId, phones, points };
  };
  const received = (phone: string): number => house.handedOver({ recipient: phone.replace('+', '') }).length;

  test('R40 R42 R43 R94 two people pick at once: one is taken, one refused, exactly one message leaves', async () => {
    const { clientId, phones, points } = await withTwoPhones();
    const id = await submit(chat(clientId));
    await untilWaiting(house, id, 'recipient');
    const waiting = await read(id);
    expect(waiting).toMatchObject({ state: 'awaiting_recipient', candidates: phones.map((value, n) => ({ contactPointId: points[n], value, usable: true })) });
    expect(phones.map(received)).toEqual([0, 0]);
    const answers = await Promise.all([
      say(id, 'recipient-choice', { contactPointId: points[0] }),
      say(id, 'recipient-choice', { contactPointId: points[1] }, other.key),
    ]);
    const taken = answers.findIndex((one) => one.status === 200);
    expect(answers.map(code).toSorted()).toEqual([
      [200, null],
      [409, 'CHOICE_ALREADY_MADE'],
    ]);
    await untilEnded(house, id);
    expect([received(phones[taken]!), received(phones[1 - taken]!)]).toEqual([1, 0]);
    expect(await read(id)).toMatchObject({ state: 'completed', contactPointId: points[taken], dispositionStatus: 'done', attempts: [{ state: 'accepted' }] });
    const people = [agent, other];
    const again = await say(id, 'recipient-choice', { contactPointId: points[taken] }, people[taken]!.key);
    expect([again.status, again.body]).toEqual([200, { dispatchId: id, state: 'completed', waitingFor: null }]);
    const late = await say(id, 'recipient-choice', { contactPointId: points[1 - taken] }, people[1 - taken]!.key);
    expect(code(late)).toEqual([409, 'CHOICE_ALREADY_MADE']);
    expect(late.body['choice']).toMatchObject({ contactPointId: points[taken], chosenBy: people[taken]!.senderId });
    expect(phones.map(received).toSorted()).toEqual([0, 1]);
  });

  test('R46 H6 a pick that was not offered is refused with the candidates and the wait goes on; a repeat gets the first answer', async () => {
    const { clientId, points } = await withTwoPhones();
    const id = await submit(chat(clientId));
    await untilWaiting(house, id, 'recipient');
    const wrong = await say(id, 'recipient-choice', { contactPointId: uuidv7() });
    expect(code(wrong)).toEqual([422, 'CHOICE_INVALID']);
    expect((wrong.body['candidates'] as unknown as { contactPointId: string }[]).map((one) => one.contactPointId)).toEqual(points);
    const key = uuidv7();
    const first = await say(id, 'recipient-choice', { contactPointId: points[0] }, agent.key, key);
    const again = await say(id, 'recipient-choice', { contactPointId: points[0] }, agent.key, key);
    expect([first.status, again.status, again.body]).toEqual([200, 200, first.body]);
    await untilEnded(house, id);
  });

  test('R45 nobody picks: expired, and a late pick is told so; cancelled: nothing leaves', async () => {
    const late = await withTwoPhones();
    const expired = await submit(chat(late.clientId, { deadlines: { choiceSeconds: 1 } }));
    await untilEnded(house, expired);
    expect(code(await say(expired, 'recipient-choice', { contactPointId: late.points[0] }))).toEqual([409, 'CHOICE_EXPIRED']);
    const dismissed = await withTwoPhones();
    const cancelled = await submit(chat(dismissed.clientId));
    await untilWaiting(house, cancelled, 'recipient');
    expect(code(await say(cancelled, 'cancel'))).toEqual([200, null]);
    expect(await untilEnded(house, cancelled)).toMatchObject({ state: 'cancelled', endReason: 'CANCELLED_BY_STAFF' });
    expect(code(await say(cancelled, 'cancel'))).toEqual([409, 'TOO_LATE']);
    expect([...late.phones, ...dismissed.phones].map(received)).toEqual([0, 0, 0, 0]);
  });

  test('R84 R85 the client writes while the choice waits: the pick finds a race, and restart goes on by email', async () => {
    const { clientId, phones, points } = await withTwoPhones();
    await call(house, agent.key, 'POST', `/v1/clients/${clientId}/contact-points`, { kind: 'email', value: 'race@example.test' });
    const id = await submit(chat(clientId));
    await untilWaiting(house, id, 'recipient');
    await clientWrites(house, whatsapp, { kind: 'phone', value: phones[1]! });
    await say(id, 'recipient-choice', { contactPointId: points[0] });
    await untilWaiting(house, id, 'decision');
    const threads = (await call(house, agent.key, 'GET', `/v1/threads?clientId=${clientId}`)).body['items'] as unknown as { id: string }[];
    const refusal = { code: 'ACTIVE_THREAD_APPEARED', channelId: whatsapp, threadId: threads[0]!.id };
    expect(await read(id)).toMatchObject({ state: 'awaiting_decision', verdict: { refusals: [refusal] } });
    expect(code(await say(id, 'retry-now'))).toEqual([409, 'NOT_WAITING']);
    expect(code(await say(id, 'restart', { channelId: email }))).toEqual([422, 'SUBJECT_REQUIRED']);
    expect(code(await say(id, 'restart', { channelId: email, content: { kind: 'text', text: 'Hello', subject: 'Instead' } }))).toEqual([200, null]);
    expect(await untilEnded(house, id)).toMatchObject({ state: 'completed', channelId: email, revision: 2 });
    expect([...phones.map(received), house.handedOver({ recipient: 'race@example.test' }).length]).toEqual([0, 0, 1]);
  });

  test('R96 a transfer whose target has gone: sent, not transferred, and repaired', async () => {
    await call(house, (await addKey(house, { role: 'admin' })).key, 'POST', '/v1/transfer-targets', { type: 'group', id: 'gone-later', name: 'Gone later' });
    const phone = freshPhone();
    const { clientId, points } = await addClient(house, [{ kind: 'phone', value: phone }]);
    await openWindow(house, whatsapp, points[0]!);
    await house.control('PUT', '/receipt-behaviour', { mode: 'none' });
    const id = await submit(chat(clientId, { disposition: { kind: 'transfer', target: { type: 'group', id: 'gone-later' } } }));
    await house.database.handle.client`update transfer_targets set archived_at = now() where id = 'gone-later'`;
    await untilWaiting(house, id, 'disposition');
    expect(await read(id)).toMatchObject({ dispositionStatus: 'failed', dispositionReason: 'TRANSFER_TARGET_UNKNOWN', attempts: [{ state: 'accepted' }] });
    expect(code(await say(id, 'disposition', { disposition: { kind: 'transfer', target: { type: 'employee', id: other.senderId } } }))).toEqual([200, null]);
    expect(await untilEnded(house, id)).toMatchObject({ state: 'completed', dispositionStatus: 'done' });
    expect(await threadOf(house, id)).toMatchObject({ assigneeId: other.senderId });
    expect([received(phone), (await attemptsOf(house, id)).length]).toEqual([1, 1]);
  });

  test('R4 the live timeline ends with the run, and its link leads to the run', async () => {
    const { clientId } = await addClient(house, [{ kind: 'email', value: 'live@example.test' }]);
    const id = await submit({ clientId, channelId: email, content: { kind: 'text', text: 'Hello', subject: 'Live' } });
    const stream = await fetch(`${house.apiUrl}/v1/dispatches/${id}/events`, { headers: { authorization: `Bearer ${agent.key}` } });
    const text = await stream.text();
    expect([...text.matchAll(/"type":"([^"]+)"/g)].map((match) => match[1])).toEqual([
      'dispatch.accepted',
      'eligibility.checked',
      'delivery.began',
      'delivery.accepted',
      'dispatch.completed',
    ]);
    expect(text).toMatch(/event: ?end\nid: ?\d+\ndata: ?\{"state":"completed"\}\n\n$/);
    expect((await read(id))['temporalUrl']).toMatch(/\/workflows\/dispatch%2F[0-9a-f-]+\/[0-9a-f-]+\/history$/);
  });

  test('a retry is cut short by hand, and what has been sent cannot be stopped', async () => {
    const { clientId } = await addClient(house, [{ kind: 'email', value: 'busy-1@example.test' }]);
    const slow = await addEmailChannel(house, { ...quickPolicy, retry: { deadlineMs: 120_000, initialMs: 60_000, maximumMs: 60_000 } });
    const id = await submit({ clientId, channelId: slow, content: { kind: 'text', text: 'Hello', subject: 'Busy' } });
    await untilWaiting(house, id, 'retry');
    expect(code(await say(id, 'cancel'))).toEqual([409, 'TOO_LATE']);
    expect(code(await say(id, 'retry-now'))).toEqual([200, null]);
    expect(await untilEnded(house, id)).toMatchObject({ state: 'completed' });
    expect(code(await say(id, 'abandon'))).toEqual([409, 'TOO_LATE']);
    expect((await attemptsOf(house, id)).map((one) => one.state)).toEqual(['refused_temporary', 'accepted']);
  });
});
