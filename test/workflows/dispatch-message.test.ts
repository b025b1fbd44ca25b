import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eq } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import * as schema from '../../db/schema/index.js';
import { addRevision } from '../../db/submit.js';
import * as contract from '../../workflows/dispatch-message.contract.js';
import {
  addClient,
  addEmailChannel,
  addTemplate,
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
  threadOf,
  untilEnded,
  untilWaiting,
} from '../support/house.js';
import { describeWithTemporal, until } from '../support/stack.js';

const by = { actorId: 'agent-2' };
const close = { kind: 'close' } as const;

let house: House;
let email: string;
let whatsapp: string;

beforeAll(async () => {
  house = await buildHouse();
  email = await addEmailChannel(house);
  whatsapp = await addWhatsappChannel(house, { ...quickPolicy, receiptWindowMs: 20_000, unknownWaitMs: 30_000 });
  await house.control('PUT', '/receipt-behaviour', { mode: 'none' });
});
afterAll(async () => await house?.tear());

/** A client with one phone whose window is open, or closed. */
async function phoneClient(ending?: string, window = true): Promise<{ clientId: string; phone: string; point: string }> {
  const phone = freshPhone(ending);
  const { clientId, points } = await addClient(house, [{ kind: 'phone', value: phone }]);
  if (window) await openWindow(house, whatsapp, points[0]!);
  return { clientId, phone, point: points[0]! };
}

const onPhone = (phone: string) => house.handedOver({ recipient: phone.replace('+', '') });
const onMail = (address: string) => house.handedOver({ recipient: address });

async function eventsOf(dispatchId: string): Promise<string[]> {
  const rows = await house.db
    .select({ type: schema.events.type })
    .from(schema.events)
    .where(eq(schema.events.dispatchId, dispatchId))
    .orderBy(schema.events.seq);
  return rows.map((row) => row.type);
}

describeWithTemporal('the straight path', () => {
  test('R2 email: checked, rendered, handed over once, completed, in at most 15 events', async () => {
    const { clientId } = await addClient(house, [{ kind: 'email', value: 'plain@example.test' }]);
    const dispatchId = await submit(house, { clientId, channelId: email, content: mail('Straight') });
    expect(await untilEnded(house, dispatchId)).toMatchObject({
      state: 'completed',
      endReason: null,
      messageStatus: 'sent',
      dispositionStatus: 'not_applicable',
    });
    expect(onMail('plain@example.test')).toHaveLength(1);
    expect(await attemptsOf(house, dispatchId)).toMatchObject([{ attemptNo: 1, state: 'accepted' }]);
    await runOf(house, dispatchId).result();
    const history = await runOf(house, dispatchId).fetchHistory();
    expect(history.events!.length).toBeLessThanOrEqual(15);
    expect(await eventsOf(dispatchId)).toEqual(['dispatch.accepted', 'eligibility.checked', 'delivery.began', 'delivery.accepted', 'dispatch.completed']);
  });

  test('R77 email is stored as an already closed thread, and nothing is disposed of', async () => {
    const { clientId } = await addClient(house, [{ kind: 'email', value: 'record@example.test' }]);
    const dispatchId = await submit(house, { clientId, channelId: email });
    await untilEnded(house, dispatchId);
    expect(await threadOf(house, dispatchId)).toMatchObject({ status: 'closed', origin: 'outbound' });
  });

  test('R80 WhatsApp with close: the thread is closed right after the send, the first receipt ends the dispatch', async () => {
    const { clientId, phone } = await phoneClient();
    const dispatchId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: close });
    const waiting = await untilWaiting(house, dispatchId, 'receipt');
    expect(waiting).toMatchObject({ state: 'awaiting_receipt', dispositionStatus: 'done', messageStatus: 'wired' });
    expect(await threadOf(house, dispatchId)).toMatchObject({ status: 'closed' });
    await report(house, dispatchId, 'sent');
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'completed', messageStatus: 'sent' });
    expect(onPhone(phone)).toHaveLength(1);
  });

  test('R81 assign to me: the thread waits, minimised, in the sender’s own queue', async () => {
    const { clientId } = await phoneClient();
    const dispatchId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: { kind: 'assign_self' }, senderId: 'agent-7' });
    await untilWaiting(house, dispatchId, 'receipt');
    expect(await threadOf(house, dispatchId)).toMatchObject({ status: 'waiting', assigneeId: 'agent-7', minimised: true });
  });

  test('R82 transfer with a comment: the thread lands in the target’s queue', async () => {
    await house.db.insert(schema.transferTargets).values({ type: 'group', id: 'billing', name: 'Billing' });
    const { clientId } = await phoneClient();
    const disposition = { kind: 'transfer', target: { type: 'group', id: 'billing' }, comment: 'please look' } as const;
    const dispatchId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition });
    await untilWaiting(house, dispatchId, 'receipt');
    expect(await threadOf(house, dispatchId)).toMatchObject({ status: 'active', queue: { type: 'group', id: 'billing' }, transferComment: 'please look' });
  });

  test('X17 R72 the BCC stands in the history of the closed thread, for staff', async () => {
    const { clientId } = await addClient(house, [{ kind: 'email', value: 'bcc@example.test' }]);
    const dispatchId = await submit(house, { clientId, channelId: email, content: mail('Copy', { bcc: ['boss@example.test'] }) });
    await untilEnded(house, dispatchId);
    const [message] = await house.db.select().from(schema.messages).where(eq(schema.messages.dispatchId, dispatchId));
    expect(message).toMatchObject({ bcc: ['boss@example.test'], direction: 'outgoing' });
    const [attempt] = await attemptsOf(house, dispatchId);
    const recipients = await house.db.select().from(schema.attemptRecipients).where(eq(schema.attemptRecipients.attemptId, attempt!.id));
    expect(recipients.map((one) => [one.role, one.address, one.status])).toEqual(
      expect.arrayContaining([
        ['to', 'bcc@example.test', 'accepted'],
        ['bcc', 'boss@example.test', 'accepted'],
      ]),
    );
  });

  test('X19 the mailbox that the client last wrote to is the sender', async () => {
    const { clientId } = await addClient(house, [{ kind: 'email', value: 'writer@example.test' }]);
    await clientWrites(house, email, { kind: 'email', value: 'writer@example.test' }, 'Hi', { to: 'sales@waybill.test', subject: 'Hi' });
    const dispatchId = await submit(house, { clientId, channelId: email });
    await untilEnded(house, dispatchId);
    const { mails } = (await house.control('GET', '/mails?to=writer@example.test')) as { mails: { from: { address: string } }[] };
    expect(mails[0]!.from.address).toBe('sales@waybill.test');
  });
});

describeWithTemporal('the recipient choice', () => {
  async function twoPhones(content = chat(), more: Partial<Parameters<typeof submit>[1]> = {}) {
    const [a, b] = [freshPhone(), freshPhone()];
    const { clientId, points } = await addClient(house, [
      { kind: 'phone', value: a },
      { kind: 'phone', value: b },
    ]);
    for (const point of points) await openWindow(house, whatsapp, point);
    const dispatchId = await submit(house, { clientId, channelId: whatsapp, content, disposition: close, ...more });
    return { dispatchId, clientId, a, b, points };
  }

  test('R40 R42 R43 several phones: nothing leaves until one is picked, then exactly one message goes exactly there', async () => {
    const { dispatchId, a, b, points } = await twoPhones();
    expect(await untilWaiting(house, dispatchId, 'recipient')).toMatchObject({ state: 'awaiting_recipient', contactPointId: null });
    expect([...onPhone(a), ...onPhone(b)]).toHaveLength(0);
    expect(await say(house, dispatchId, contract.chooseRecipient, { contactPointId: points[1]!, ...by })).toBe('taken');
    expect(await untilWaiting(house, dispatchId, 'receipt')).toMatchObject({ contactPointId: points[1] });
    expect([onPhone(a).length, onPhone(b).length]).toEqual([0, 1]);
    const choices = await house.db.select().from(schema.recipientChoices).where(eq(schema.recipientChoices.dispatchId, dispatchId));
    expect(choices).toMatchObject([{ contactPointId: points[1], chosenBy: 'agent-2' }]);
  });

  test('R94 H6 two people pick at once: one is taken, the other is told CHOICE_ALREADY_MADE, a repeat with the same id gets the first answer', async () => {
    const { dispatchId, a, b, points } = await twoPhones();
    await untilWaiting(house, dispatchId, 'recipient');
    const answers = await Promise.all(points.map((contactPointId) => say(house, dispatchId, contract.chooseRecipient, { contactPointId, ...by })));
    expect(answers.toSorted()).toEqual(['CHOICE_ALREADY_MADE', 'taken']);
    await untilWaiting(house, dispatchId, 'receipt');
    expect(onPhone(a).length + onPhone(b).length).toBe(1);

    const second = await twoPhones();
    await untilWaiting(house, second.dispatchId, 'recipient');
    const pick = () =>
      runOf(house, second.dispatchId).executeUpdate(contract.chooseRecipient, { updateId: 'same', args: [{ contactPointId: second.points[0]!, ...by }] });
    expect(await pick()).toEqual(await pick());
  });

  test('R43 R68 the template that is given after a pick goes where the pick said, and nobody is asked again', async () => {
    const templateId = await addTemplate(house, { channelId: whatsapp, origin: 'registered', name: 'picked', body: 'Come back' });
    const { dispatchId, a, b, points } = await twoPhones();
    await untilWaiting(house, dispatchId, 'recipient');
    expect(await say(house, dispatchId, contract.chooseRecipient, { contactPointId: points[1]!, ...by })).toBe('taken');
    await untilWaiting(house, dispatchId, 'receipt');
    await report(house, dispatchId, 'failed', { class: 'outside_window', scope: 'recipient', provider: { code: '131047' } });
    await untilWaiting(house, dispatchId, 'template');
    const row = { channelId: whatsapp, contactPointId: null, recipientPolicy: 'ask' as const, templateVersion: 1, disposition: close, tagIds: [] };
    const revision = await addRevision(house.db, dispatchId, { ...row, content: { kind: 'template', templateId, variables: {} }, createdBy: 'agent-2' }, 1);
    expect(await say(house, dispatchId, contract.provideTemplate, { revision, ...by })).toBe('taken');
    expect(await untilWaiting(house, dispatchId, 'receipt')).toMatchObject({ contactPointId: points[1] });
    expect([onPhone(a).length, onPhone(b).length]).toEqual([0, 2]);
    expect((await eventsOf(dispatchId)).filter((one) => one === 'recipient.chosen')).toHaveLength(1);
  });

  test('H6 a pick that a worker wrote down before it was lost holds, and another one is told so', async () => {
    const { dispatchId, a, b, points } = await twoPhones();
    await untilWaiting(house, dispatchId, 'recipient');
    await house.db.insert(schema.recipientChoices).values({ dispatchId, revision: 1, contactPointId: points[0]!, chosenBy: 'agent-1' });
    expect(await say(house, dispatchId, contract.chooseRecipient, { contactPointId: points[1]!, ...by })).toBe('CHOICE_ALREADY_MADE');
    expect(await untilWaiting(house, dispatchId, 'receipt')).toMatchObject({ contactPointId: points[0] });
    expect([onPhone(a).length, onPhone(b).length]).toEqual([1, 0]);
    expect(await say(house, dispatchId, contract.chooseRecipient, { contactPointId: points[1]!, ...by })).toBe('CHOICE_ALREADY_MADE');
  });

  test('R94 H6 it holds also against another person who picks the same', async () => {
    const { dispatchId, points } = await twoPhones();
    await untilWaiting(house, dispatchId, 'recipient');
    await house.db.insert(schema.recipientChoices).values({ dispatchId, revision: 1, contactPointId: points[0]!, chosenBy: 'agent-1' });
    expect(await say(house, dispatchId, contract.chooseRecipient, { contactPointId: points[0]!, ...by })).toBe('CHOICE_ALREADY_MADE');
    expect(await untilWaiting(house, dispatchId, 'receipt')).toMatchObject({ contactPointId: points[0] });
    const [choice] = await house.db.select().from(schema.recipientChoices).where(eq(schema.recipientChoices.dispatchId, dispatchId));
    expect(choice).toMatchObject({ chosenBy: 'agent-1' });
  });

  test('H6 H12 it holds also when that worker had handed the message over', async () => {
    const { dispatchId, points } = await twoPhones();
    const { verdict } = await untilWaiting(house, dispatchId, 'recipient');
    const [contactPointId, other] = [points[0]!, points[1]!];
    await house.db.insert(schema.recipientChoices).values({ dispatchId, revision: 1, contactPointId, chosenBy: 'agent-1' });
    const sent = { ...verdict!, ask: false, channelId: whatsapp, contactPointId };
    const attempt = {
      id: uuidv7(),
      dispatchId,
      attemptNo: 1,
      generation: 1,
      revision: 1,
      state: 'accepted',
      channelId: whatsapp,
      contactPointId,
      verdict: sent,
    } as const;
    await house.db.insert(schema.attempts).values(attempt);
    expect(await say(house, dispatchId, contract.chooseRecipient, { contactPointId: other, ...by })).toBe('CHOICE_ALREADY_MADE');
  });

  test('R46 a pick that is unknown, another client’s or no longer usable is refused with fresh candidates, and the wait goes on', async () => {
    const { dispatchId, clientId, points } = await twoPhones();
    await untilWaiting(house, dispatchId, 'recipient');
    const foreign = await phoneClient();
    expect(await say(house, dispatchId, contract.chooseRecipient, { contactPointId: uuidv7(), ...by })).toBe('CHOICE_INVALID');
    expect(await say(house, dispatchId, contract.chooseRecipient, { contactPointId: foreign.point, ...by })).toBe('CHOICE_INVALID');
    await house.db.insert(schema.blocks).values({ id: uuidv7(), clientId, channelId: whatsapp, contactPointId: points[0], origin: 'provider' });
    const error = await runOf(house, dispatchId)
      .executeUpdate(contract.chooseRecipient, { args: [{ contactPointId: points[0]!, ...by }] })
      .catch((one: { cause: { type: string; details: [{ candidates: { contactPointId: string; usable: boolean; reasons: string[] }[] }] } }) => one);
    expect(error).toMatchObject({ cause: { type: 'CHOICE_INVALID' } });
    const { candidates } = (error as { cause: { details: [{ candidates: { contactPointId: string; usable: boolean; reasons: string[] }[] }] } }).cause
      .details[0];
    expect(candidates.find((one) => one.contactPointId === points[0])).toMatchObject({ usable: false, reasons: ['CHANNEL_BLOCKED'] });
    expect(await untilWaiting(house, dispatchId, 'recipient')).toMatchObject({ state: 'awaiting_recipient' });
    expect(await say(house, dispatchId, contract.chooseRecipient, { contactPointId: points[1]!, ...by })).toBe('taken');
    await untilWaiting(house, dispatchId, 'receipt');
  });

  test('R3 the signal works for any other UI; a bad pick by signal is noted and the wait goes on', async () => {
    const { dispatchId, points } = await twoPhones();
    await untilWaiting(house, dispatchId, 'recipient');
    await runOf(house, dispatchId).signal(contract.chooseRecipientSignal, { contactPointId: uuidv7(), ...by });
    await until(async () => (await eventsOf(dispatchId)).includes('recipient.refused'), { what: 'the refused pick in the timeline' });
    await untilWaiting(house, dispatchId, 'recipient');
    await runOf(house, dispatchId).signal(contract.chooseRecipientSignal, { contactPointId: points[0]!, ...by });
    expect(await untilWaiting(house, dispatchId, 'receipt')).toMatchObject({ contactPointId: points[0] });
  });

  test('R45 nobody chooses in time: expired, nothing is sent', async () => {
    const { dispatchId, a, b } = await twoPhones(chat(), { deadlines: { choiceMs: 300 } });
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'expired', endReason: 'CHOICE_EXPIRED' });
    expect([...onPhone(a), ...onPhone(b)]).toHaveLength(0);
  });

  test('R45 the chooser is dismissed: cancelled, nothing is sent', async () => {
    const { dispatchId, a, b } = await twoPhones();
    await untilWaiting(house, dispatchId, 'recipient');
    expect(await say(house, dispatchId, contract.cancel, by)).toBe('taken');
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'cancelled', endReason: 'CANCELLED_BY_STAFF' });
    expect([...onPhone(a), ...onPhone(b)]).toHaveLength(0);
  });

  test('R36 R38 one selected phone: always that one, whatever was used before', async () => {
    const [old, now] = [freshPhone(), freshPhone()];
    const { clientId, points } = await addClient(house, [
      { kind: 'phone', value: old },
      { kind: 'phone', value: now, selected: true },
    ]);
    for (const point of points) await openWindow(house, whatsapp, point);
    const dispatchId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: close });
    await untilWaiting(house, dispatchId, 'receipt');
    expect([onPhone(old).length, onPhone(now).length]).toEqual([0, 1]);
  });

  test('R68 a choice can turn free text into TEMPLATE_REQUIRED: the dispatch then needs a template', async () => {
    await addTemplate(house, { channelId: whatsapp, origin: 'registered', name: 'hello_r68', body: 'Hello {{1}}', variables: [{ name: '1', type: 'text' }] });
    const [a, b] = [freshPhone(), freshPhone()];
    const { clientId, points } = await addClient(house, [
      { kind: 'phone', value: a },
      { kind: 'phone', value: b },
    ]);
    await openWindow(house, whatsapp, points[0]!);
    const dispatchId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: close });
    const row = await untilWaiting(house, dispatchId, 'recipient');
    expect(row.verdict!.candidates.map((one) => one.templateRequired)).toEqual([false, true]);
    expect(await say(house, dispatchId, contract.chooseRecipient, { contactPointId: points[1]!, ...by })).toBe('taken');
    await untilWaiting(house, dispatchId, 'template');
    expect([...onPhone(a), ...onPhone(b)]).toHaveLength(0);
  });

  test('R95 R84 the client writes while the choice is open: the pick leads to a decision and nothing is sent; restart as email passes', async () => {
    const { dispatchId, clientId, a, b, points } = await twoPhones();
    await untilWaiting(house, dispatchId, 'recipient');
    await clientWrites(house, whatsapp, { kind: 'phone', value: a });
    expect(await say(house, dispatchId, contract.chooseRecipient, { contactPointId: points[0]!, ...by })).toBe('taken');
    const row = await untilWaiting(house, dispatchId, 'decision');
    expect(row).toMatchObject({ state: 'awaiting_decision' });
    expect(row.verdict!.refusals.map((one) => one.code)).toEqual(['ACTIVE_THREAD_APPEARED']);
    expect([...onPhone(a), ...onPhone(b)]).toHaveLength(0);

    await addPoint(clientId, 'email', 'race@example.test');
    const revision = await addRevision(house.db, dispatchId, {
      channelId: email,
      contactPointId: null,
      recipientPolicy: 'ask',
      content: mail('By mail'),
      templateVersion: null,
      disposition: null,
      tagIds: [],
      createdBy: 'agent-2',
    });
    expect(await say(house, dispatchId, contract.restart, { revision, ...by })).toBe('taken');
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'completed' });
    expect(onMail('race@example.test')).toHaveLength(1);
  });
});

async function addPoint(clientId: string, kind: 'email' | 'phone', value: string): Promise<string> {
  const id = uuidv7();
  await house.db.insert(schema.contactPoints).values({ id, clientId, kind, value, address: value, position: 9 });
  return id;
}

describeWithTemporal('refusals and races', () => {
  test('R13 R14 an active thread rejects WhatsApp and lets email pass', async () => {
    const { clientId, phone } = await phoneClient();
    await addPoint(clientId, 'email', 'r14@example.test');
    await clientWrites(house, whatsapp, { kind: 'phone', value: phone });
    const chatId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: close });
    expect(await untilEnded(house, chatId)).toMatchObject({ state: 'rejected', endReason: 'ACTIVE_THREAD' });
    const mailId = await submit(house, { clientId, channelId: email });
    expect(await untilEnded(house, mailId)).toMatchObject({ state: 'completed' });
    expect(onPhone(phone)).toHaveLength(0);
  });

  test('R12 a block that falls while the dispatch backs off stops it before the next attempt', async () => {
    const { clientId } = await addClient(house, [{ kind: 'email', value: 'busy-1+block@example.test' }]);
    const slow = await addEmailChannel(house, { ...quickPolicy, retry: { deadlineMs: 20_000, initialMs: 2_000, maximumMs: 2_000 } });
    const dispatchId = await submit(house, { clientId, channelId: slow });
    await untilWaiting(house, dispatchId, 'retry');
    await house.db.insert(schema.blocks).values({ id: uuidv7(), clientId, channelId: null, contactPointId: null, origin: 'staff' });
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'failed', endReason: 'CLIENT_BLOCKED' });
    expect(onMail('busy-1+block@example.test')).toHaveLength(0);
  });

  test('R97 fifty submits of a service key to one client with transfer: one is sent, 49 are rejected with the code', async () => {
    await house.db.insert(schema.transferTargets).values({ type: 'group', id: 'r97', name: 'R97' });
    const { clientId, phone } = await phoneClient();
    const disposition = { kind: 'transfer', target: { type: 'group', id: 'r97' } } as const;
    const ids = await Promise.all(
      Array.from({ length: 50 }, () => submit(house, { clientId, channelId: whatsapp, content: chat(), disposition, role: 'service' })),
    );
    const sent = await until(
      async () => {
        const rows = await Promise.all(ids.map((id) => find(house, id)));
        const rejected = rows.filter((row) => row.state === 'rejected');
        return rejected.length === 49 ? rows.filter((row) => row.state !== 'rejected') : null;
      },
      { deadlineMs: 40_000, what: '49 dispatches to be rejected' },
    );
    expect(sent).toHaveLength(1);
    const reasons = new Set((await Promise.all(ids.map((id) => find(house, id)))).filter((row) => row.state === 'rejected').map((row) => row.endReason));
    for (const reason of reasons) expect(['ACTIVE_THREAD', 'ACTIVE_THREAD_APPEARED']).toContain(reason);
    expect(onPhone(phone)).toHaveLength(1);
  });

  test('R106 the template is edited while the dispatch waits: the old text goes out and its hash verifies', async () => {
    const templateId = await addTemplate(house, {
      channelId: null,
      origin: 'own',
      name: 'r106',
      subject: 'S',
      body: 'Old {{ who }}',
      variables: [{ name: 'who', type: 'text' }],
    });
    const { clientId } = await addClient(house, [
      { kind: 'email', value: 'r106a@example.test' },
      { kind: 'email', value: 'r106b@example.test' },
    ]);
    const { points } = { points: (await house.db.select().from(schema.contactPoints).where(eq(schema.contactPoints.clientId, clientId))).map((one) => one.id) };
    const dispatchId = await submit(house, {
      clientId,
      channelId: email,
      content: { kind: 'template', templateId, variables: { who: 'text' } },
      templateVersion: 1,
    });
    await untilWaiting(house, dispatchId, 'recipient');
    await house.db
      .insert(schema.templateVersions)
      .values({ templateId, version: 2, subject: 'S', body: 'New {{ who }}', variables: [{ name: 'who', type: 'text' }] });
    await house.db.update(schema.templates).set({ currentVersion: 2 }).where(eq(schema.templates.id, templateId));
    await say(house, dispatchId, contract.chooseRecipient, { contactPointId: points[0]!, ...by });
    await untilEnded(house, dispatchId);
    const { mails } = (await house.control('GET', '/mails?to=r106a@example.test')) as { mails: { text: string }[] };
    expect(mails[0]!.text.trim()).toBe('Old text');
    const [revision] = await house.db.select().from(schema.dispatchRevisions).where(eq(schema.dispatchRevisions.dispatchId, dispatchId));
    expect(revision!.renderedSha256).toMatch(/^[0-9a-f]{64}$/);
  });

  test('R106 the template is paused while the dispatch waits: it then needs a template', async () => {
    const templateId = await addTemplate(house, { channelId: null, origin: 'own', name: 'r106p', subject: 'S', body: 'Text' });
    const { clientId, points } = await addClient(house, [
      { kind: 'email', value: 'r106c@example.test' },
      { kind: 'email', value: 'r106d@example.test' },
    ]);
    const dispatchId = await submit(house, { clientId, channelId: email, content: { kind: 'template', templateId, variables: {} }, templateVersion: 1 });
    await untilWaiting(house, dispatchId, 'recipient');
    await house.db.update(schema.templates).set({ status: 'paused' }).where(eq(schema.templates.id, templateId));
    await say(house, dispatchId, contract.chooseRecipient, { contactPointId: points[0]!, ...by });
    expect(await untilWaiting(house, dispatchId, 'template')).toMatchObject({ state: 'needs_template' });
  });

  test('X2 with the scope `channel` a thread on one channel does not stop another', async () => {
    const other = await addWhatsappChannel(house, quickPolicy, '700800900');
    const { clientId, phone, point } = await phoneClient();
    await openWindow(house, other, point);
    await house.db.insert(schema.settings).values({ key: 'activeThreadScope', value: 'channel' });
    try {
      await clientWrites(house, whatsapp, { kind: 'phone', value: phone });
      const refused = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: close });
      expect(await untilEnded(house, refused)).toMatchObject({ state: 'rejected', endReason: 'ACTIVE_THREAD' });
      const passed = await submit(house, { clientId, channelId: other, content: chat(), disposition: close });
      await untilWaiting(house, passed, 'receipt');
    } finally {
      await house.db.delete(schema.settings);
    }
  });
});

describeWithTemporal('failures and doubt', () => {
  test('R101 429 with 7 s: the next attempt comes no sooner', async () => {
    const { clientId, phone } = await phoneClient('0429');
    const dispatchId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: close });
    await untilWaiting(house, dispatchId, 'retry');
    await untilWaiting(house, dispatchId, 'receipt');
    const [first, second] = await attemptsOf(house, dispatchId);
    expect(first).toMatchObject({ state: 'refused_temporary', reason: 'RATE_LIMITED', generation: 1 });
    expect(second).toMatchObject({ state: 'accepted', generation: 2 });
    expect(second!.startedAt.getTime() - first!.finishedAt!.getTime()).toBeGreaterThanOrEqual(7_000);
    expect(onPhone(phone)).toHaveLength(1);
  });

  test('R101 550: one attempt, failed, with meaning and raw code in the history', async () => {
    const { clientId } = await addClient(house, [{ kind: 'email', value: 'bounce+r101@example.test' }]);
    const dispatchId = await submit(house, { clientId, channelId: email });
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'failed', endReason: 'NOT_ON_MESSENGER', messageStatus: 'failed' });
    expect(await attemptsOf(house, dispatchId)).toHaveLength(1);
    const [message] = await house.db.select().from(schema.messages).where(eq(schema.messages.dispatchId, dispatchId));
    expect(message).toMatchObject({ failureReason: 'NOT_ON_MESSENGER', status: 'failed' });
    expect(message!.failure!.provider.code).toContain('5.1.1');
    const again = await submit(house, { clientId, channelId: email });
    expect(await untilEnded(house, again)).toMatchObject({ state: 'rejected', endReason: 'RECIPIENT_UNDELIVERABLE' });
  });

  test('R101 retryNow cuts the back-off short, abandon ends it, cancel comes too late', async () => {
    const slow = await addEmailChannel(house, { ...quickPolicy, retry: { deadlineMs: 120_000, initialMs: 50_000, maximumMs: 50_000 } });
    const { clientId } = await addClient(house, [{ kind: 'email', value: 'busy-1+now@example.test' }]);
    const dispatchId = await submit(house, { clientId, channelId: slow });
    await untilWaiting(house, dispatchId, 'retry');
    expect(await say(house, dispatchId, contract.cancel, by)).toBe('TOO_LATE');
    expect(await say(house, dispatchId, contract.setDisposition, { disposition: close, ...by })).toBe('NOT_WAITING');
    expect(await say(house, dispatchId, contract.retryNow, by)).toBe('taken');
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'completed' });

    const other = await addClient(house, [{ kind: 'email', value: 'busy-9+abandon@example.test' }]);
    const abandoned = await submit(house, { clientId: other.clientId, channelId: slow });
    await untilWaiting(house, abandoned, 'retry');
    expect(await say(house, abandoned, contract.abandon, by)).toBe('taken');
    expect(await untilEnded(house, abandoned)).toMatchObject({ state: 'failed', endReason: 'ABANDONED' });
  });

  test('R101 retries end with the deadline: RETRIES_EXHAUSTED', async () => {
    const { clientId } = await addClient(house, [{ kind: 'email', value: 'busy-999@example.test' }]);
    const dispatchId = await submit(house, { clientId, channelId: email, deadlines: { retryMs: 2_000 } });
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'failed', endReason: 'RETRIES_EXHAUSTED' });
    expect(onMail('busy-999@example.test')).toHaveLength(0);
  });

  test('R99 WhatsApp accepts and drops the line: no second hand-over, the dispatch waits for the outcome, a late receipt releases it', async () => {
    const { clientId, phone } = await phoneClient('0001');
    const dispatchId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: close });
    const row = await untilWaiting(house, dispatchId, 'outcome');
    expect(row).toMatchObject({ state: 'outcome_unknown', inDoubt: true });
    expect(onPhone(phone)).toHaveLength(1);
    await report(house, dispatchId, 'delivered');
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'completed', inDoubt: false, messageStatus: 'delivered', dispositionStatus: 'done' });
    expect(onPhone(phone)).toHaveLength(1);
    expect(await attemptsOf(house, dispatchId)).toMatchObject([{ state: 'reconciled_sent' }]);
  });

  test('R99 email in doubt is repeated with the same Message-ID and bytes, and flagged', async () => {
    const { clientId } = await addClient(house, [{ kind: 'email', value: 'drop+r99@example.test' }]);
    const dispatchId = await submit(house, { clientId, channelId: email });
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'completed', possibleDuplicate: true });
    const copies = onMail('drop+r99@example.test');
    expect(copies).toHaveLength(2);
    expect(new Set(copies.map((one) => one.contentSha256)).size).toBe(1);
    expect(new Set(copies.map((one) => one.messageId)).size).toBe(1);
    expect(await attemptsOf(house, dispatchId)).toMatchObject([
      { state: 'resent_possible_duplicate', generation: 1 },
      { state: 'accepted', generation: 1 },
    ]);
  });

  test('R99 a person says what became of it: sent concludes, not_sent tries again under a new key', async () => {
    const parking = await addEmailChannel(house, { ...quickPolicy, onUnknown: 'park' });
    const one = await addClient(house, [{ kind: 'email', value: 'drop+sent@example.test' }]);
    const sent = await submit(house, { clientId: one.clientId, channelId: parking });
    await untilWaiting(house, sent, 'outcome');
    expect(await say(house, sent, contract.resolveOutcome, { outcome: 'sent', sendEpoch: 1, ...by })).toBe('taken');
    expect(await untilEnded(house, sent)).toMatchObject({ state: 'completed' });
    expect(onMail('drop+sent@example.test')).toHaveLength(1);

    const two = await addClient(house, [{ kind: 'email', value: 'drop+not@example.test' }]);
    const notSent = await submit(house, { clientId: two.clientId, channelId: parking });
    await untilWaiting(house, notSent, 'outcome');
    expect(await say(house, notSent, contract.resolveOutcome, { outcome: 'not_sent', sendEpoch: 1, ...by })).toBe('taken');
    expect(await untilEnded(house, notSent)).toMatchObject({ state: 'completed' });
    expect(await attemptsOf(house, notSent)).toMatchObject([
      { state: 'reconciled_not_sent', generation: 1 },
      { state: 'accepted', generation: 2 },
    ]);
  });

  test('R96 the transfer target is gone: one hand-over, "sent, not transferred" is shown, setDisposition repairs it', async () => {
    const { clientId, phone } = await phoneClient();
    const disposition = { kind: 'transfer', target: { type: 'group', id: 'nobody' } } as const;
    const dispatchId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition });
    const row = await untilWaiting(house, dispatchId, 'disposition');
    expect(row).toMatchObject({ state: 'disposing', dispositionStatus: 'failed', dispositionReason: 'TRANSFER_TARGET_UNKNOWN', messageStatus: 'wired' });
    expect(await say(house, dispatchId, contract.setDisposition, { disposition, ...by })).toBe('TRANSFER_TARGET_UNKNOWN');
    await untilWaiting(house, dispatchId, 'disposition');
    expect(await say(house, dispatchId, contract.setDisposition, { disposition: close, ...by })).toBe('taken');
    expect(await untilWaiting(house, dispatchId, 'receipt')).toMatchObject({ dispositionStatus: 'done' });
    expect(onPhone(phone)).toHaveLength(1);
  });

  test('R80 the client wrote since the thread was claimed: it stays active and unassigned', async () => {
    const { clientId, phone } = await phoneClient();
    await house.control('POST', '/faults', { channel: 'whatsapp', recipient: phone.replace('+', ''), do: { delayMs: 1_000 } });
    const dispatchId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: close });
    await until(async () => (await find(house, dispatchId)).state === 'sending', { what: 'the send to begin' });
    await clientWrites(house, whatsapp, { kind: 'phone', value: phone });
    const row = await untilWaiting(house, dispatchId, 'receipt');
    expect(row).toMatchObject({ dispositionStatus: 'failed', dispositionReason: 'CLIENT_WROTE' });
    expect(await threadOf(house, dispatchId)).toMatchObject({ status: 'active', assigneeId: null });
  });

  test('R68 a refusal by receipt that the window is closed asks staff for a template; the re-send stays in the thread and disposes once', async () => {
    const templateId = await addTemplate(house, { channelId: whatsapp, origin: 'registered', name: 'late', body: 'Come back' });
    const { clientId, phone } = await phoneClient();
    const dispatchId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: close });
    await untilWaiting(house, dispatchId, 'receipt');
    const thread = await threadOf(house, dispatchId);
    await report(house, dispatchId, 'failed', { class: 'outside_window', scope: 'recipient', provider: { code: '131047' } });
    expect(await untilWaiting(house, dispatchId, 'template')).toMatchObject({ state: 'needs_template', messageStatus: 'wired' });
    const revision = await addRevision(house.db, dispatchId, {
      channelId: whatsapp,
      contactPointId: null,
      recipientPolicy: 'ask',
      content: { kind: 'template', templateId, variables: {} },
      templateVersion: 1,
      disposition: close,
      tagIds: [],
      createdBy: 'agent-2',
    });
    expect(await say(house, dispatchId, contract.provideTemplate, { revision, ...by })).toBe('taken');
    await untilWaiting(house, dispatchId, 'receipt');
    expect(await threadOf(house, dispatchId)).toMatchObject({ id: thread!.id, status: 'closed' });
    await report(house, dispatchId, 'delivered');
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'completed', messageStatus: 'delivered' });
    expect(onPhone(phone)).toHaveLength(2);
    expect((await eventsOf(dispatchId)).filter((one) => one === 'disposition.applied')).toHaveLength(1);
    const timeline = await house.db.select().from(schema.events).where(eq(schema.events.dispatchId, dispatchId));
    const provided = timeline.filter((one) => one.type === 'template.provided');
    expect(provided.map((one) => one.data)).toEqual([{ templateId, revision, by: 'agent-2' }]);
  });

  test('R97 the thread of a failed send is given back closed, with the failed message', async () => {
    const { clientId } = await phoneClient('0026');
    const dispatchId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: close });
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'failed', endReason: 'NOT_ON_MESSENGER' });
    const thread = await threadOf(house, dispatchId);
    expect(thread).toMatchObject({ status: 'closed' });
    const messages = await house.db.select().from(schema.messages).where(eq(schema.messages.threadId, thread!.id));
    expect(messages).toMatchObject([{ status: 'failed', failureReason: 'NOT_ON_MESSENGER' }]);
  });
});
