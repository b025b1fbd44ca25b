/** What an operator sees of a dispatch in Temporal alone: found by whom it waits for, readable through the codec. */

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type JSONPayload, historyToJSON, JSONToPayload } from '@temporalio/common/lib/proto-utils.js';
import * as contract from '../../workflows/dispatch-message.contract.js';
import {
  addClient,
  addEmailChannel,
  addWhatsappChannel,
  type Ask,
  buildHouse,
  chat,
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
import { type RecordedEvent, storyOf } from '../support/history-story.js';
import { describeWithTemporal, until } from '../support/stack.js';

const by = { actorId: 'agent-2' };
const close = { kind: 'close' } as const;
const hourMs = 3_600_000;

let house: House;
let email: string;
let whatsapp: string;

beforeAll(async () => {
  house = await buildHouse();
  email = await addEmailChannel(house);
  whatsapp = await addWhatsappChannel(house, { ...quickPolicy, receiptWindowMs: 60_000 });
  await house.control('PUT', '/receipt-behaviour', { mode: 'none' });
});
afterAll(async () => await house?.tear());

async function sendChat(phones: number, more: Partial<Ask> = {}): Promise<{ dispatchId: string; clientId: string; points: string[] }> {
  const { clientId, points } = await addClient(
    house,
    Array.from({ length: phones }, () => ({ kind: 'phone' as const, value: freshPhone() })),
  );
  for (const point of points) await openWindow(house, whatsapp, point);
  return { dispatchId: await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: close, ...more }), clientId, points };
}

/** The dispatches of this file that a query of Temporal Web finds. */
async function found(query: string): Promise<string[]> {
  const ids: string[] = [];
  for await (const { workflowId } of house.temporal.workflow.list({ query: `TaskQueue='${house.env['WAYBILL_TASK_QUEUE']}' AND ${query}` }))
    ids.push(workflowId);
  return ids;
}

/** The list of Temporal Web follows a little later. */
async function untilFound(query: string, dispatchId: string, wanted: boolean): Promise<void> {
  const id = contract.dispatchWorkflowId(dispatchId);
  await until(async () => (await found(query)).includes(id) === wanted, { what: `${query} ${wanted ? 'to find' : 'to find no longer'} ${dispatchId}` });
}

/** The row ends a moment before the run does. */
async function untilOver(dispatchId: string): Promise<void> {
  await untilEnded(house, dispatchId);
  await runOf(house, dispatchId).result();
}

async function attributesOf(dispatchId: string): Promise<Record<string, unknown>> {
  const { typedSearchAttributes } = await runOf(house, dispatchId).describe();
  const ours = typedSearchAttributes.getAll().filter(({ key }) => key.name.startsWith('Dispatch'));
  return Object.fromEntries(ours.map(({ key, value }) => [key.name, value]));
}

/** What Temporal Web shows above the events of a run: written by the run, asked of a worker. */
async function currentDetails(dispatchId: string): Promise<string> {
  return (await runOf(house, dispatchId).query<{ currentDetails: string }>('__temporal_workflow_metadata')).currentDetails;
}

async function eventsOf(dispatchId: string): Promise<RecordedEvent[]> {
  return (JSON.parse(historyToJSON(await runOf(house, dispatchId).fetchHistory())) as { events: RecordedEvent[] }).events;
}

const codecs = () => house.temporal.options.loadedDataConverter.payloadCodecs;

async function decoded(json: JSONPayload | undefined): Promise<unknown> {
  let payloads = [JSONToPayload(json!)];
  for (const codec of codecs().toReversed()) payloads = await codec.decode(payloads);
  return JSON.parse(Buffer.from(payloads[0]!.data!).toString('utf8')) as unknown;
}

describeWithTemporal('what an operator finds', () => {
  test('R105 a waiting dispatch is found by whom it waits for and since when, and no longer after the pick', async () => {
    const { dispatchId, points } = await sendChat(2);
    await untilWaiting(house, dispatchId, 'recipient');
    const waitsForRecipient = `DispatchWaitingFor='recipient'`;
    await untilFound(waitsForRecipient, dispatchId, true);
    const since = (instant: number) => found(`${waitsForRecipient} AND DispatchWaitingSince < '${new Date(instant).toISOString()}'`);
    expect(await since(Date.now() + hourMs)).toContain(contract.dispatchWorkflowId(dispatchId));
    expect(await since(Date.now() - hourMs)).toEqual([]);

    expect(await say(house, dispatchId, contract.chooseRecipient, { contactPointId: points[0]!, ...by })).toBe('taken');
    await untilFound(waitsForRecipient, dispatchId, false);
    await untilWaiting(house, dispatchId, 'receipt');
    await untilFound(`DispatchWaitingFor='receipt'`, dispatchId, true);
    await report(house, dispatchId, 'sent');
    await untilFound(`DispatchWaitingFor='receipt'`, dispatchId, false);
  });

  test('R105 on entering a wait and on leaving it the attributes say so; they carry ids and codes alone', async () => {
    const { dispatchId, clientId, points } = await sendChat(2, { senderId: 'agent-9', deadlines: { choiceMs: 40_000 } });
    await untilWaiting(house, dispatchId, 'recipient');
    const start = { DispatchClientId: clientId, DispatchSenderId: 'agent-9', DispatchChannel: whatsapp, DispatchChannelType: 'whatsapp' };
    const waiting = await until(
      async () => {
        const attributes = await attributesOf(dispatchId);
        return attributes['DispatchWaitingFor'] === 'recipient' ? attributes : null;
      },
      { what: 'the attributes of the wait' },
    );
    expect(waiting).toEqual({
      ...start,
      DispatchState: 'awaiting_recipient',
      DispatchWaitingFor: 'recipient',
      DispatchWaitingSince: expect.any(Date),
      DispatchDueAt: expect.any(Date),
      DispatchAttempts: 0,
    });
    expect((waiting['DispatchDueAt'] as Date).getTime() - (waiting['DispatchWaitingSince'] as Date).getTime()).toBe(40_000);

    await say(house, dispatchId, contract.chooseRecipient, { contactPointId: points[0]!, ...by });
    await untilWaiting(house, dispatchId, 'receipt');
    await report(house, dispatchId, 'sent');
    await untilOver(dispatchId);
    expect(await attributesOf(dispatchId)).toEqual({ ...start, DispatchState: 'checking', DispatchAttempts: 1 });
  });

  test('R105 an end off the straight path is found by state and reason, the straight one by Temporal’s own status', async () => {
    const [expired, bounced, rejected, straight] = await Promise.all([
      sendChat(2, { deadlines: { choiceMs: 200 } }).then((one) => one.dispatchId),
      sendMail('bounce+operator@example.test'),
      addClient(house, []).then(({ clientId }) => submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: close })),
      sendMail('straight@example.test'),
    ]);
    for (const id of [expired, bounced, rejected, straight]) await untilOver(id);
    await untilFound(`DispatchState='expired' AND DispatchReason='CHOICE_EXPIRED'`, expired, true);
    await untilFound(`DispatchState='failed' AND DispatchReason='NOT_ON_MESSENGER'`, bounced, true);
    await untilFound(`DispatchState='rejected' AND DispatchReason='NO_CONTACT_POINT'`, rejected, true);
    await untilFound(`ExecutionStatus='Completed' AND DispatchState='checking' AND DispatchReason IS NULL`, straight, true);
    expect(await attributesOf(bounced)).toMatchObject({ DispatchAttempts: 1 });
    expect((await runOf(house, bounced).describe()).status.name).toBe('COMPLETED');
  });

  test('R105 the queries timeline, candidates and verdict answer while it waits and after its end', async () => {
    const { dispatchId, points } = await sendChat(2);
    await untilWaiting(house, dispatchId, 'recipient');
    const run = runOf(house, dispatchId);
    expect((await run.query(contract.candidatesQuery)).map((one) => [one.contactPointId, one.usable])).toEqual(points.map((point) => [point, true]));
    expect(await run.query(contract.verdictQuery)).toMatchObject({ allowed: true, ask: true, channelId: whatsapp, contactPointId: null });
    const words = async (): Promise<string[]> => (await run.query(contract.timelineQuery)).map((one) => one.what);
    expect(await words()).toEqual(['checked: wait', 'waiting for recipient']);

    await say(house, dispatchId, contract.chooseRecipient, { contactPointId: points[1]!, ...by });
    await untilWaiting(house, dispatchId, 'receipt');
    await report(house, dispatchId, 'delivered');
    await untilOver(dispatchId);
    expect(await run.query(contract.verdictQuery)).toMatchObject({ allowed: true, ask: false, contactPointId: points[1] });
    const told = await run.query(contract.timelineQuery);
    expect(told.map((one) => one.what)).toEqual(
      expect.arrayContaining([
        'checked: wait',
        'waiting for recipient',
        'choice taken',
        'checked: send',
        'attempt 1 accepted',
        'waiting for receipt',
        'completed',
      ]),
    );
    expect(told.map((one) => one.at)).toEqual(told.map((one) => one.at).toSorted());
  });
});

async function sendMail(address: string): Promise<string> {
  const { clientId } = await addClient(house, [{ kind: 'email', value: address }]);
  return await submit(house, { clientId, channelId: email, content: mail() });
}

describeWithTemporal('what an operator reads', () => {
  test('R4 the id is readable; summary and details tell the dispatch apart, in clear only through the codec', async () => {
    const { dispatchId, clientId } = await sendChat(2, { senderId: 'agent-5' });
    await untilWaiting(house, dispatchId, 'recipient');
    const description = await runOf(house, dispatchId).describe();
    expect(description.workflowId).toBe(`dispatch/${dispatchId}`);
    expect(description.type).toBe('dispatchMessage');
    const summary = await description.staticSummary();
    expect(summary).toMatch(/whatsapp · text · /);
    expect(dispatchId).toContain(summary!.split(' · ').at(-1));
    const details = await description.staticDetails();
    for (const id of [clientId, 'agent-5', `/v1/dispatches/${dispatchId}`]) expect(details).toContain(id);

    const { userMetadata } = description.raw.executionConfig!;
    for (const payload of [userMetadata!.summary!, userMetadata!.details!]) {
      expect(Buffer.from(payload.metadata!['encoding']!).toString()).toBe('binary/encrypted');
      expect(Buffer.from(payload.data!).toString('latin1')).not.toContain('whatsapp');
    }
  });

  test('R4 R105 while it waits the current details say who waits for what until when; afterwards they say nothing', async () => {
    const { dispatchId, points } = await sendChat(2, { senderId: 'agent-6' });
    await untilWaiting(house, dispatchId, 'recipient');
    const details = await until(() => currentDetails(dispatchId), { what: 'the current details' });
    const dueAt = (await attributesOf(dispatchId))['DispatchDueAt'] as Date;
    for (const said of ['recipient', dueAt.toISOString(), ...points]) expect(details).toContain(said);
    expect(details).not.toMatch(/\+1202\d+/);

    await say(house, dispatchId, contract.chooseRecipient, { contactPointId: points[0]!, ...by });
    await untilWaiting(house, dispatchId, 'receipt');
    await report(house, dispatchId, 'sent');
    await untilOver(dispatchId);
    expect(await currentDetails(dispatchId)).toBe('');
  });

  test('R4 the events name every activity and timer, and each attempt its number', async () => {
    const { dispatchId, points } = await sendChat(2);
    await untilWaiting(house, dispatchId, 'recipient');
    await say(house, dispatchId, contract.chooseRecipient, { contactPointId: points[0]!, ...by });
    await untilWaiting(house, dispatchId, 'receipt');
    await report(house, dispatchId, 'sent');
    await untilOver(dispatchId);
    const events = await eventsOf(dispatchId);
    expect(await storyOf(events, codecs())).toEqual({
      end: 'completed',
      happened: [
        ...['checkEligibility', 'recordWait', 'recipient choice deadline', 'update chooseRecipient', 'checkEligibility', 'taken'],
        ...['renderTemplate', 'deliverMessage', 'closeThread', 'readReceipts', 'recordWait', 'receipt window', 'signal receipt', 'readReceipts', 'endDispatch'],
      ],
    });
    const attempt = events.find((event) => event.eventType === 'EVENT_TYPE_ACTIVITY_TASK_SCHEDULED');
    expect(await decoded(attempt?.userMetadata?.summary)).toBe('attempt 1');
  });

  test('R4 a run stays short enough to read: at most 15 events for email, 26 for WhatsApp with its receipt', async () => {
    const plain = await sendMail('short@example.test');
    await untilOver(plain);
    expect((await eventsOf(plain)).length).toBeLessThanOrEqual(15);

    const { dispatchId } = await sendChat(1);
    await untilWaiting(house, dispatchId, 'receipt');
    await report(house, dispatchId, 'sent');
    await untilOver(dispatchId);
    expect((await eventsOf(dispatchId)).length).toBeLessThanOrEqual(26);
    expect(await find(house, dispatchId)).toMatchObject({ state: 'completed' });
  });
});
