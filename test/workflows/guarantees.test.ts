import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eq, sql } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import * as schema from '../../db/schema/index.js';
import { addRevision } from '../../db/submit.js';
import { ladder } from '../../domain/channel.js';
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
  say,
  submit,
  untilEnded,
  untilWaiting,
} from '../support/house.js';
import { describeWithTemporal, until } from '../support/stack.js';

const by = { actorId: 'agent-2' };
const close = { kind: 'close' } as const;

describeWithTemporal('guarantees', () => {
  let house: House;
  let email: string;
  let whatsapp: string;

  beforeAll(async () => {
    house = await buildHouse();
    email = await addEmailChannel(house);
    whatsapp = await addWhatsappChannel(house, { ...quickPolicy, receiptWindowMs: 20_000 });
    await house.control('PUT', '/receipt-behaviour', { mode: 'none' });
  });
  afterAll(async () => await house?.tear());

  async function phoneClient(window = true): Promise<{ clientId: string; phone: string; point: string }> {
    const phone = freshPhone();
    const { clientId, points } = await addClient(house, [{ kind: 'phone', value: phone }]);
    if (window) await openWindow(house, whatsapp, points[0]!);
    return { clientId, phone, point: points[0]! };
  }
  const onPhone = (phone: string) => house.handedOver({ recipient: phone.replace('+', '') });
  const onMail = (address: string) => house.handedOver({ recipient: address });

  test('R96 the disposition fails three times: it is repeated alone, the provider is called once', async () => {
    await house.db.execute(sql`create sequence closing`);
    await house.db.execute(
      sql`create function refuse_closing() returns trigger language plpgsql as $$ begin if nextval('closing') <= 3 then raise exception 'not now'; end if; return new; end $$`,
    );
    await house.db.execute(
      sql`create trigger refuse_closing before update on threads for each row when (new.status = 'closed' and old.status <> 'closed') execute function refuse_closing()`,
    );
    try {
      const { clientId, phone } = await phoneClient();
      const dispatchId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: close });
      expect(await untilWaiting(house, dispatchId, 'receipt')).toMatchObject({ dispositionStatus: 'done' });
      expect(onPhone(phone)).toHaveLength(1);
      expect(house.sandbox.journal.list({ recipient: phone.replace('+', '') })).toHaveLength(1);
      const [row] = await house.db.execute<{ tries: string }>(sql`select last_value as tries from closing`);
      expect(Number(row!.tries)).toBe(4);
    } finally {
      await house.db.execute(sql`drop function refuse_closing cascade`);
    }
  });

  test('H1 H2 the ledger says `sending`, for everybody to read, before the provider has the message', async () => {
    const patient = ladder({ connectMs: 500, replyMs: 8_000, exchangeMs: 10_000, heartbeatMs: 1_000 });
    const channelId = await addEmailChannel(house, { ...quickPolicy, ladder: patient });
    const { clientId } = await addClient(house, [{ kind: 'email', value: 'slow-4000+h1@example.test' }]);
    const dispatchId = await submit(house, { clientId, channelId });
    await until(() => onMail('slow-4000+h1@example.test').length === 1, { what: 'the provider to have the message' });
    expect(await attemptsOf(house, dispatchId)).toMatchObject([{ attemptNo: 1, state: 'sending' }]);
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'completed', possibleDuplicate: false });
  });

  test('H13 R12 a block that falls between the check and the claim is seen by the claim: nothing is sent', async () => {
    const { clientId } = await addClient(house, [{ kind: 'email', value: 'h13@example.test' }]);
    // The content is frozen after the check and before the claim.
    await house.db.execute(
      sql`create function block_late() returns trigger language plpgsql as $$ begin insert into blocks (id, client_id, origin) select gen_random_uuid(), client_id, 'staff' from dispatches where id = new.dispatch_id; return new; end $$`,
    );
    await house.db.execute(
      sql`create trigger block_late before update on dispatch_revisions for each row when (new.rendered is not null and old.rendered is null) execute function block_late()`,
    );
    try {
      const dispatchId = await submit(house, { clientId, channelId: email });
      expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'rejected', endReason: 'CLIENT_BLOCKED' });
      expect(await attemptsOf(house, dispatchId)).toEqual([]);
      expect(onMail('h13@example.test')).toHaveLength(0);
    } finally {
      await house.db.execute(sql`drop function block_late cascade`);
    }
  });

  test('H13 R106 content that was altered after it was frozen is not sent', async () => {
    const slow = await addEmailChannel(house, { ...quickPolicy, retry: { deadlineMs: 60_000, initialMs: 50_000, maximumMs: 50_000 } });
    const { clientId } = await addClient(house, [{ kind: 'email', value: 'busy-1+h13@example.test' }]);
    const dispatchId = await submit(house, { clientId, channelId: slow, content: mail('As it was accepted') });
    await untilWaiting(house, dispatchId, 'retry');
    await house.db.execute(
      sql`update dispatch_revisions set rendered = jsonb_set(rendered, '{text}', '"As it was altered"') where dispatch_id = ${dispatchId}`,
    );
    expect(await say(house, dispatchId, contract.retryNow, by)).toBe('taken');
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'failed', endReason: 'CONTENT_REJECTED' });
    expect(onMail('busy-1+h13@example.test')).toHaveLength(0);
  });

  test('R35 R37 R39 several emails, one selected: that one without asking, though earlier mail went to another', async () => {
    const { clientId, points } = await addClient(house, [
      { kind: 'email', value: 'old@example.test' },
      { kind: 'email', value: 'new@example.test' },
    ]);
    await house.db.update(schema.contactPoints).set({ selected: true }).where(eq(schema.contactPoints.id, points[0]!));
    await untilEnded(house, await submit(house, { clientId, channelId: email }));
    await house.db.update(schema.contactPoints).set({ selected: false }).where(eq(schema.contactPoints.id, points[0]!));
    await house.db.update(schema.contactPoints).set({ selected: true }).where(eq(schema.contactPoints.id, points[1]!));
    const row = await untilEnded(house, await submit(house, { clientId, channelId: email }));
    expect(row).toMatchObject({ state: 'completed', contactPointId: points[1] });
    expect([onMail('old@example.test').length, onMail('new@example.test').length]).toEqual([1, 1]);
    expect(row.verdict!.warnings.map((one) => one.code)).toContain('OTHER_NUMBER_SELECTED');
  });

  test('R30 R41 the chooser lists all contact points of the kind, the unusable one with its reason', async () => {
    const { clientId, points } = await addClient(house, [
      { kind: 'email', value: 'r41a@example.test' },
      { kind: 'phone', value: freshPhone() },
      { kind: 'email', value: 'r41b@example.test' },
    ]);
    await house.db.insert(schema.blocks).values({ id: uuidv7(), clientId, channelId: email, contactPointId: points[2]!, origin: 'provider' });
    const dispatchId = await submit(house, { clientId, channelId: email });
    const row = await untilWaiting(house, dispatchId, 'recipient');
    expect(row.verdict!.candidates).toMatchObject([
      { contactPointId: points[0], usable: true, reasons: [] },
      { contactPointId: points[2], usable: false, reasons: ['CHANNEL_BLOCKED'] },
    ]);
    await say(house, dispatchId, contract.cancel, by);
    await untilEnded(house, dispatchId);
  });

  test('R61 R62 a channel that requires templates refuses text; R67 an optional one takes it', async () => {
    const strict = await addWhatsappChannel(house, { ...quickPolicy, receiptWindowMs: 300, templatePolicy: 'required' }, '111222333');
    const templateId = await addTemplate(house, {
      channelId: strict,
      origin: 'registered',
      name: 'r61',
      body: 'Dear {{name}}',
      variables: [{ name: 'name', type: 'text' }],
    });
    const one = await phoneClient();
    await openWindow(house, strict, one.point);
    const refused = await submit(house, { clientId: one.clientId, channelId: strict, content: chat(), disposition: close });
    expect(await untilEnded(house, refused)).toMatchObject({ state: 'rejected', endReason: 'TEMPLATE_REQUIRED' });
    const content = { kind: 'template', templateId, variables: { name: 'you' } } as const;
    const taken = await submit(house, { clientId: one.clientId, channelId: strict, content, templateVersion: 1, disposition: close });
    expect(await untilEnded(house, taken)).toMatchObject({ state: 'completed' });
    const optional = await submit(house, { clientId: (await phoneClient()).clientId, channelId: whatsapp, content: chat('Typed'), disposition: close });
    await untilWaiting(house, optional, 'receipt');
  });

  test('R69 a template is required and none is approved: nothing can be sent, and the sender is told so', async () => {
    const bare = await addWhatsappChannel(house, quickPolicy, '444555666');
    const { clientId, phone } = await phoneClient(false);
    const dispatchId = await submit(house, { clientId, channelId: bare, content: chat(), disposition: close });
    const row = await untilEnded(house, dispatchId);
    expect(row).toMatchObject({ state: 'rejected', endReason: 'TEMPLATE_REQUIRED' });
    expect(row.verdict!.refusals.map((one) => one.code)).toContain('NO_APPROVED_TEMPLATE');
    expect(onPhone(phone)).toHaveLength(0);
  });

  test('R70 passthrough: typed text goes out; refused by the provider, the failure stands in the history', async () => {
    const open = await addWhatsappChannel(
      house,
      { ...quickPolicy, templateEnforcement: 'passthrough', templatePolicy: 'required', receiptWindowMs: 300 },
      '777888999',
    );
    const { clientId, phone } = await phoneClient(false);
    await house.control('POST', '/faults', { channel: 'whatsapp', recipient: phone, count: 1, do: { status: 400, code: 132012, details: 'differs' } });
    const dispatchId = await submit(house, { clientId, channelId: open, content: chat('Typed'), disposition: close });
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'failed', endReason: 'TEMPLATE_MISMATCH' });
    const [message] = await house.db.select().from(schema.messages).where(eq(schema.messages.dispatchId, dispatchId));
    expect(message).toMatchObject({ status: 'failed', failureReason: 'TEMPLATE_MISMATCH', failure: { provider: { code: '132012' } } });
  });

  test('R87 a refusal by receipt after the dispatch has ended stands in the history of the closed thread', async () => {
    const { clientId } = await phoneClient();
    const dispatchId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: close });
    await untilWaiting(house, dispatchId, 'receipt');
    await report(house, dispatchId, 'sent');
    await untilEnded(house, dispatchId);
    await report(house, dispatchId, 'failed', { class: 'not_on_channel', scope: 'recipient', provider: { code: '131026' } });
    const message = await until(
      async () => {
        const [row] = await house.db.select().from(schema.messages).where(eq(schema.messages.dispatchId, dispatchId));
        return row!.status === 'failed' ? row : null;
      },
      { what: 'the failure in the history' },
    );
    expect(message).toMatchObject({ failureReason: 'NOT_ON_MESSENGER', failure: { provider: { code: '131026' } } });
    expect(await find(house, dispatchId)).toMatchObject({ state: 'completed', messageStatus: 'failed' });
  });

  test('H10 the To address is refused for now and a BCC accepted: the next attempt names the To address alone', async () => {
    const { clientId } = await addClient(house, [{ kind: 'email', value: 'h10@example.test' }]);
    await house.control('POST', '/faults', { channel: 'email', recipient: 'h10@example.test', count: 1, do: { reply: '451 4.7.1 later', at: 'rcpt' } });
    const dispatchId = await submit(house, { clientId, channelId: email, content: mail('H10', { bcc: ['audit@example.test'] }) });
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'completed' });
    expect(await attemptsOf(house, dispatchId)).toMatchObject([{ state: 'refused_temporary' }, { state: 'accepted' }]);
    expect(onMail('audit@example.test')).toHaveLength(1);
    expect(onMail('h10@example.test').filter((one) => one.recipients.includes('audit@example.test'))).toHaveLength(0);
    expect(onMail('h10@example.test')).toHaveLength(1);
  });

  test('H8 X2 twenty inbound messages and twenty sends at once: never two open threads in a scope', async () => {
    const { clientId, phone } = await phoneClient();
    await Promise.all([
      ...Array.from({ length: 20 }, () => submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: close, role: 'service' })),
      ...Array.from({ length: 20 }, () => clientWrites(house, whatsapp, { kind: 'phone', value: phone })),
    ]);
    const open = await house.db
      .select()
      .from(schema.threads)
      .where(sql`client_id = ${clientId} and status <> 'closed'`);
    expect(open).toHaveLength(1);
    const inbound = await house.db
      .select()
      .from(schema.messages)
      .where(sql`direction = 'inbound' and thread_id in (select id from threads where client_id = ${clientId})`);
    expect(inbound).toHaveLength(20);
  });

  test('H7 R103 a receipt that comes before the provider’s answer, repeated and out of order, gives the same status', async () => {
    const { clientId, phone } = await phoneClient();
    await house.control('POST', '/faults', { channel: 'whatsapp', recipient: phone, count: 1, do: { delayMs: 1_000 } });
    const dispatchId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: close });
    await until(async () => (await attemptsOf(house, dispatchId)).length === 1, { what: 'the attempt' });
    for (const status of ['read', 'sent', 'delivered', 'read', 'sent'] as const) await report(house, dispatchId, status);
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'completed' });
    await until(async () => (await find(house, dispatchId)).messageStatus === 'read', { what: 'the status to be read' });
    expect(onPhone(phone)).toHaveLength(1);
  });

  test('R10 R11 X6 a phone that never wrote is reached by a channel that may write first, with a template', async () => {
    const templateId = await addTemplate(house, { channelId: whatsapp, origin: 'registered', name: 'cold', body: 'Welcome' });
    const { clientId, phone } = await phoneClient(false);
    const dispatchId = await submit(house, {
      clientId,
      channelId: whatsapp,
      content: { kind: 'template', templateId, variables: {} },
      templateVersion: 1,
      disposition: close,
    });
    await untilWaiting(house, dispatchId, 'receipt');
    expect(onPhone(phone)).toHaveLength(1);
  });

  test('R16 a channel that is disabled while the dispatch waits stops it', async () => {
    const other = await addEmailChannel(house);
    const { clientId, points } = await addClient(house, [
      { kind: 'email', value: 'r16a@example.test' },
      { kind: 'email', value: 'r16b@example.test' },
    ]);
    const dispatchId = await submit(house, { clientId, channelId: other });
    await untilWaiting(house, dispatchId, 'recipient');
    await house.db.update(schema.channels).set({ enabled: false }).where(eq(schema.channels.id, other));
    await say(house, dispatchId, contract.chooseRecipient, { contactPointId: points[0]!, ...by });
    const row = await untilWaiting(house, dispatchId, 'decision');
    expect(row.verdict!.refusals.map((one) => one.code)).toEqual(['CHANNEL_DISABLED']);
    expect(await say(house, dispatchId, contract.cancel, by)).toBe('taken');
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'cancelled' });
  });

  test('R99 R101 a change of channel that is asked for while an attempt is under way is refused when that attempt ends in doubt', async () => {
    const phone = freshPhone();
    const { clientId, points } = await addClient(house, [
      { kind: 'phone', value: phone },
      { kind: 'email', value: 'r99change@example.test' },
    ]);
    await openWindow(house, whatsapp, points[0]!);
    await house.control('POST', '/faults', { channel: 'whatsapp', recipient: phone, count: 1, do: { drop: 'after', delayMs: 1_000 } });
    const dispatchId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: close });
    await until(async () => (await attemptsOf(house, dispatchId)).length === 1, { what: 'the attempt' });
    const revision = await addRevision(house.db, dispatchId, {
      channelId: email,
      contactPointId: null,
      recipientPolicy: 'ask',
      content: mail(),
      templateVersion: null,
      disposition: null,
      tagIds: [],
      createdBy: 'agent-2',
    });
    expect(await say(house, dispatchId, contract.changeChannel, { revision, ...by })).toBe('NOT_WAITING');
    await untilWaiting(house, dispatchId, 'outcome');
    expect(onMail('r99change@example.test')).toHaveLength(0);
    expect(onPhone(phone)).toHaveLength(1);
  });

  test.each([
    ["{% render '/etc/hostname' %}", 'a file of the machine'],
    ["{% include 'package.json' %}", 'a file of the project'],
    ['{{ who.constructor }}', 'what is not its own'],
    ['{% for i in (1..100000000) %}{{ who }}{% endfor %}', 'more than it may take'],
  ])('R106 a stored template cannot read %s', async (body) => {
    const templateId = await addTemplate(house, {
      channelId: null,
      origin: 'own',
      name: uuidv7(),
      subject: 'S',
      body,
      variables: [{ name: 'who', type: 'text' }],
    });
    const address = `${uuidv7()}@example.test`;
    const { clientId } = await addClient(house, [{ kind: 'email', value: address }]);
    const dispatchId = await submit(house, {
      clientId,
      channelId: email,
      content: { kind: 'template', templateId, variables: { who: 'x' } },
      templateVersion: 1,
    });
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'failed', endReason: 'VARIABLE_INVALID' });
    expect(onMail(address)).toHaveLength(0);
  });
});
