import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { eq, sql } from 'drizzle-orm';
import type { Database, Queryable } from '../../../../db/connect.js';
import { contactPoints, dispatches, dispatchRevisions, idempotencyKeys, outbox } from '../../../../db/schema/index.js';
import { putTransferTarget } from '../../../../db/staff.js';
import { createTemplate, setTemplateStatus } from '../../../../db/templates.js';
import { dispatchWorkflowId } from '../../../../workflows/dispatch-message.contract.js';
import { until } from '../../../support/stack.js';
import { addChannel, addClient, emailBody, emailConfig, newKey, type Role, startTestApi, type TestApi, whatsappConfig } from '../../support.js';

let api: TestApi;
let email: string;
let whatsapp: string;
let client: string;

beforeAll(async () => {
  api = await startTestApi();
  email = (await addChannel(api, 'email')).id;
  whatsapp = (await addChannel(api, 'whatsapp')).id;
  client = await addClient(api, ['email', 'one@example.test'], ['phone', '+12125550101'], ['phone', '+12125550102']);
  await putTransferTarget(api.db, { type: 'group', id: 'billing', name: 'Billing' });
});
afterAll(() => api.close());
beforeEach(() => {
  api.temporal.starts = [];
  api.temporal.onStart = async () => {};
});

const submit = (body: object, role: Role = 'service', key: string = newKey()) => api.as(role).post('/v1/dispatches').set('Idempotency-Key', key).send(body);
const whatsappBody = (change: object = {}): object => ({
  clientId: client,
  channelId: whatsapp,
  content: { kind: 'text', text: 'Hello' },
  disposition: { kind: 'close' },
  ...change,
});
const email1 = (change: object = {}, content: object = {}): object => ({
  clientId: client,
  channelId: email,
  content: { kind: 'text', subject: 'Order 1', text: 'It is ready.', ...content },
  ...change,
});
const countDispatches = async (): Promise<number> => (await api.db.select({ n: sql<number>`count(*)::int` }).from(dispatches))[0]!.n;

/** A transaction that is open until it is given up. */
function hold(work: (tx: Queryable) => Promise<void>, db: Database = api.db): { begun: Promise<void>; giveUp(): Promise<void> } {
  let begin = (): void => {};
  let end = (): void => {};
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const ended = new Promise<void>((resolve) => (end = resolve));
  const held = db.transaction(async (tx) => {
    await work(tx);
    begin();
    await ended;
    throw new Error('given up');
  });
  const over = held.catch(() => {});
  return {
    begun: Promise.race([begun, held]),
    giveUp: () => {
      end();
      return over;
    },
  };
}

/** The answer is this refusal, and no dispatch came to be. */
async function expectRefused(body: object, status: number, code: string, pointer?: string, role: Role = 'service'): Promise<void> {
  const before = await countDispatches();
  const answer = await submit(body, role);
  expect({ status: answer.status, code: answer.body.code, type: answer.type }).toEqual({ status, code, type: 'application/problem+json' });
  if (pointer !== undefined) expect((answer.body.errors as { pointer: string }[]).map((one) => one.pointer)).toContain(pointer);
  expect(await countDispatches()).toBe(before);
}

describe('POST /v1/dispatches', () => {
  describe('202', () => {
    test('R1 an accepted message becomes exactly one workflow execution, named by its dispatch', async () => {
      const answer = await submit(emailBody(client, email));
      expect(answer.status).toBe(202);
      expect(answer.headers['location']).toBe(`/v1/dispatches/${answer.body.id}`);
      expect(answer.body).toMatchObject({ state: 'accepted', clientId: client, channelId: email, sender: { id: api.service.service.id, role: 'service' } });
      expect(api.temporal.starts.map((start) => start.options.workflowId)).toEqual([dispatchWorkflowId(answer.body.id)]);
      expect(api.temporal.starts[0]).toMatchObject({ type: 'dispatchMessage', options: { taskQueue: 'test' } });
      const [row] = await api.db.select().from(dispatches).where(eq(dispatches.id, answer.body.id));
      expect(row?.runId).toBe(`run-of-${dispatchWorkflowId(answer.body.id)}`);
      expect(answer.body.temporalUrl).toContain(encodeURIComponent(dispatchWorkflowId(answer.body.id)));
    });

    test('R116 ids and options of the start carry no address and no text', async () => {
      await submit(email1({}, { text: 'CANARY-TEXT', subject: 'CANARY-SUBJECT', bcc: ['canary@example.test'] }));
      expect(JSON.stringify(api.temporal.starts)).not.toMatch(/CANARY|example\.test/i);
      expect(api.logged()).not.toMatch(/CANARY|one@example\.test/);
    });

    test('R113 H4 with Temporal away the message is accepted all the same, and its start waits in the outbox', async () => {
      const lone = await startTestApi({ limits: { inlineRestMs: 300 } });
      const channel = await addChannel(lone, 'email');
      const to = await addClient(lone, ['email', 'one@example.test']);
      const send = () => lone.as('service').post('/v1/dispatches').set('Idempotency-Key', newKey()).send(emailBody(to, channel.id));
      lone.temporal.onStart = () => Promise.reject(new Error('14 UNAVAILABLE'));
      const first = await send();
      // After a failure nothing is tried for a while: a server that is down must not hold up every submit.
      const second = await send();
      expect([first.status, second.status, lone.temporal.starts.length]).toEqual([202, 202, 1]);
      const waiting = await lone.db.select({ id: outbox.dispatchId, kind: outbox.kind }).from(outbox).orderBy(outbox.id);
      expect(waiting).toEqual([first, second].map((one) => ({ id: one.body.id, kind: 'start' })));
      lone.temporal.onStart = async () => {};
      const third = await until(
        async () => {
          const answer = await send();
          return lone.temporal.starts.length > 1 ? answer : null;
        },
        { what: 'starts to be tried again' },
      );
      expect(await lone.db.select().from(outbox).where(eq(outbox.dispatchId, third.body.id))).toEqual([]);
      await lone.close();
    });

    test('R113 the message is durable before anything is started', async () => {
      let seen = 0;
      const lone = await startTestApi({ checkpoint: async () => void (seen = await count()) });
      const count = async (): Promise<number> => (await lone.db.select({ n: sql<number>`count(*)::int` }).from(outbox))[0]!.n;
      lone.temporal.onStart = async () => expect(seen).toBe(1);
      const to = await addClient(lone, ['email', 'one@example.test']);
      const answer = await lone
        .as('service')
        .post('/v1/dispatches')
        .set('Idempotency-Key', newKey())
        .send(emailBody(to, (await addChannel(lone, 'email')).id));
      expect([answer.status, seen, lone.temporal.starts.length, await count()]).toEqual([202, 1, 1, 0]);
      await lone.close();
    });

    test('R2 X7 what was asked is frozen as revision 1', async () => {
      const { body } = await submit(whatsappBody({ recipientPolicy: 'priority', tagIds: ['vip'], deadlines: { choiceSeconds: 60, retrySeconds: 30 } }));
      const [revision] = await api.db.select().from(dispatchRevisions).where(eq(dispatchRevisions.dispatchId, body.id));
      expect(revision).toMatchObject({
        revision: 1,
        channelId: whatsapp,
        recipientPolicy: 'priority',
        content: { kind: 'text', text: 'Hello' },
        disposition: { kind: 'close' },
        tagIds: ['vip'],
      });
      const { deadlines } = (await api.as('reader').get(`/v1/dispatches/${body.id}`)).body;
      expect(deadlines).toEqual({ choiceMs: 60_000, decisionMs: 86_400_000, outcomeMs: 604_800_000, retryMs: 30_000 });
    });

    test('people park, services do not; onBehalfOf makes the person the sender and keeps who submitted', async () => {
      const own = await submit(email1(), 'agent');
      expect(own.body.sender).toEqual({ id: api.staff.agent.id, role: 'agent' });
      const lent = await submit(email1({ onBehalfOf: api.staff.agent.id }), 'service');
      expect(lent.body).toMatchObject({ sender: { id: api.staff.agent.id, role: 'agent' }, submittedBy: api.service.service.id });
      const bare = await submit(email1());
      const rows = await api.db.select({ id: dispatches.id, parks: dispatches.parks }).from(dispatches);
      const parks = (id: string) => rows.find((row) => row.id === id)?.parks;
      expect([parks(own.body.id), parks(lent.body.id), parks(bare.body.id)]).toEqual([true, true, false]);
    });

    test('R117 five spellings of one number are one client', async () => {
      const spellings = ['+1 303 555 0123', '+1 (303) 555-0123', '+1.303.555.0123', '001 303 555 0123', '+13035550123'];
      const answers = [];
      for (const phone of spellings)
        answers.push(await submit({ to: { phone }, content: { kind: 'text', text: 'Hi' }, channelId: whatsapp, disposition: { kind: 'close' } }));
      expect(answers.map((one) => one.status)).toEqual([202, 202, 202, 202, 202]);
      expect(new Set(answers.map((one) => one.body.clientId)).size).toBe(1);
      const owners = await api.db.select().from(contactPoints).where(eq(contactPoints.value, '+13035550123'));
      expect(owners).toHaveLength(1);
    });

    test('R117 twenty messages at once to a new address make one client', async () => {
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => submit({ ...email1(), clientId: undefined, to: { email: 'New.Client@Example.TEST' } })),
      );
      expect(new Set(answers.map((one) => one.status))).toEqual(new Set([202]));
      expect(new Set(answers.map((one) => one.body.clientId)).size).toBe(1);
      const [point] = await api.db.select().from(contactPoints).where(eq(contactPoints.value, 'new.client@example.test'));
      expect(point?.address).toBe('New.Client@example.test');
    });

    test('a client is found by an external id too', async () => {
      const known = await addClient(api, ['external_id', 'crm-77']);
      const { body } = await submit({ to: { externalId: 'crm-77' }, content: { kind: 'text', text: 'Hi' }, disposition: { kind: 'close' } });
      expect(body.clientId).toBe(known);
    });
  });

  describe('the key contract', () => {
    test('R98 H5 the same key and body give the same dispatch, also written in another order', async () => {
      const key = newKey();
      const first = await submit(email1(), 'service', key);
      const again = await submit(email1(), 'service', key);
      const reordered = await submit(Object.fromEntries(Object.entries(email1()).toReversed()), 'service', key);
      expect([again.status, reordered.status]).toEqual([202, 202]);
      expect([again.body.id, reordered.body.id]).toEqual([first.body.id, first.body.id]);
      expect(api.temporal.starts).toHaveLength(1);
    });

    test('R98 H5 the same key with another body is refused', async () => {
      const key = newKey();
      await submit(email1(), 'service', key);
      const other = await submit(email1({}, { text: 'Something else' }), 'service', key);
      expect([other.status, other.body.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
    });

    test('R98 a key belongs to its caller', async () => {
      const key = newKey();
      const mine = await submit(email1(), 'service', key);
      const theirs = await submit(email1(), 'agent', key);
      expect(theirs.status).toBe(202);
      expect(theirs.body.id).not.toBe(mine.body.id);
    });

    test('R98 a repeat is answered as the first was, whatever has changed at the door since', async () => {
      const made = await createTemplate(
        api.db,
        { channelId: null, origin: 'own', name: 'repeat', language: 'en', status: 'approved' },
        { subject: 'Hi', header: null, body: 'Hello', footer: null, variables: [], textOnly: true },
      );
      const templateId = made.kind === 'created' ? made.id : '';
      const key = newKey();
      const body = { clientId: client, channelId: email, content: { kind: 'template', templateId } };
      const first = await submit(body, 'service', key);
      await setTemplateStatus(api.db, templateId, 'paused');
      const again = await submit(body, 'service', key);
      expect([first.status, again.status, again.body.id]).toEqual([202, 202, first.body.id]);
      await expectRefused(body, 422, 'TEMPLATE_NOT_APPROVED', '/content/templateId');
    });

    test('R98 100 identical submits at once: one dispatch, one start', async () => {
      const before = await countDispatches();
      const key = newKey();
      // A caller that is told to come back does so, with the same key.
      const persist = () =>
        until(
          async () => {
            const answer = await submit(email1(), 'service', key);
            expect([202, 409, 503]).toContain(answer.status);
            return answer.status === 202 ? (answer.body.id as string) : null;
          },
          { deadlineMs: 40_000, what: 'the submit to be taken' },
        );
      const ids = await Promise.all(Array.from({ length: 100 }, persist));
      expect(new Set(ids).size).toBe(1);
      expect(await countDispatches()).toBe(before + 1);
      expect(api.temporal.starts).toHaveLength(1);
    });

    test('R98 a twin whose first one does not commit in time is told to come back', async () => {
      const key = newKey();
      const first = hold(
        async (tx) => void (await tx.insert(idempotencyKeys).values({ principal: api.service.service.id, key, bodyHash: 'x', dispatchId: client })),
      );
      await first.begun;
      const twin = await submit(email1(), 'service', key);
      await first.giveUp();
      expect([twin.status, twin.body.code]).toEqual([409, 'SUBMIT_IN_PROGRESS']);
      expect(Number(twin.headers['retry-after'])).toBeGreaterThan(0);
      expect((await submit(email1(), 'service', key)).status).toBe(202);
    });
  });

  describe('400', () => {
    test('a missing or unreadable key', async () => {
      const missing = await api.as('service').post('/v1/dispatches').send(email1());
      expect([missing.status, missing.body.code]).toEqual([400, 'IDEMPOTENCY_KEY_REQUIRED']);
      for (const key of ['with space', 'ключ', 'x'.repeat(256)]) {
        const answer = await api
          .as('service')
          .post('/v1/dispatches')
          .set('Idempotency-Key', encodeURI(key).length === key.length ? key : 'a b')
          .send(email1());
        expect([answer.status, answer.body.code]).toEqual([400, 'INVALID_REQUEST']);
      }
      expect((await submit(email1(), 'service', 'x'.repeat(255))).status).toBe(202);
    });

    test.each([
      ['nobody to send to', { clientId: undefined }, '/clientId'],
      ['two to send to', { to: { phone: '+12125550101' } }, '/clientId'],
      ['two ways in to', { clientId: undefined, to: { phone: '+12125550101', email: 'a@example.test' } }, '/to'],
      ['an unknown field', { state: 'completed' }, '/state'],
      ['a role of one’s own choice', { senderId: 'x', role: 'admin' }, '/role'],
      ['no content', { content: undefined }, '/content'],
      ['an unknown kind of content', { content: { kind: 'fax' } }, '/content/kind'],
      ['an unknown field in the content', { content: { kind: 'text', text: 'a', html: '<b>' } }, '/content/html'],
      ['an unknown disposition', { disposition: { kind: 'keep' } }, '/disposition/kind'],
      ['a broken id', { channelId: 'x' }, '/channelId'],
      ['a subject of two lines', { content: { kind: 'text', text: 'a', subject: 'a\r\nBcc: b@example.test' } }, '/content/subject'],
      ['a subject that turns around', { content: { kind: 'text', text: 'a', subject: 'a\u202eb' } }, '/content/subject'],
      ['more than 50 tags', { tagIds: Array.from({ length: 51 }, (_, n) => `t${n}`) }, '/tagIds'],
      ['a deadline of 0', { deadlines: { choiceSeconds: 0 } }, '/deadlines/choiceSeconds'],
      ['a deadline beyond 30 days', { deadlines: { decisionSeconds: 2_592_001 } }, '/deadlines/decisionSeconds'],
      ['a fraction of a second', { deadlines: { retrySeconds: 1.5 } }, '/deadlines/retrySeconds'],
      ['a number too large', { deadlines: { retrySeconds: 1e300 } }, '/deadlines/retrySeconds'],
      ['a NUL character', { tagIds: ['a\0b'] }, '/tagIds/0'],
      ['half a character', { tagIds: ['\ud800'] }, '/tagIds/0'],
      ['explicit without a contact point', { recipientPolicy: 'explicit' }, '/contactPointId'],
      ['a contact point without explicit', { contactPointId: '0199c0de-0000-7000-8000-000000000001' }, '/contactPointId'],
      ['an unknown member of staff', { onBehalfOf: '0199c0de-0000-7000-8000-000000000001' }, '/onBehalfOf'],
    ])('%s', async (_what, change, pointer) => {
      await expectRefused(email1(change), 400, 'INVALID_REQUEST', pointer);
    });

    test('R64 a template carries no text', async () => {
      await expectRefused(email1({ content: { kind: 'template', templateId: email, text: 'mine' } }), 400, 'INVALID_REQUEST', '/content/text');
    });

    test('X7 explicit names a contact point of a client that is named', async () => {
      const body = { to: { email: 'x@example.test' }, content: { kind: 'text', text: 'a', subject: 'b' }, recipientPolicy: 'explicit', contactPointId: client };
      await expectRefused(body, 400, 'INVALID_REQUEST', '/contactPointId');
    });
  });

  describe('401 and 403', () => {
    test('nobody, and those whose scope is another one', async () => {
      const anonymous = await api.anonymous.post('/v1/dispatches').set('Idempotency-Key', newKey()).send(email1());
      expect([anonymous.status, anonymous.body.code]).toEqual([401, 'UNAUTHENTICATED']);
      await expectRefused(email1(), 403, 'ROLE_NOT_ALLOWED', undefined, 'reader');
    });

    test('only a service key with the scope acts for somebody else', async () => {
      await expectRefused(email1({ onBehalfOf: api.staff.admin.id }), 403, 'ROLE_NOT_ALLOWED', undefined, 'agent');
      await expectRefused(email1({ onBehalfOf: api.staff.agent.id }), 403, 'ROLE_NOT_ALLOWED', undefined, 'admin');
      const { body } = await api
        .as('admin')
        .post('/v1/api-keys')
        .send({ name: 'Without the scope', scopes: ['read', 'send', 'clients'] });
      const answer = await api.anonymous
        .post('/v1/dispatches')
        .set({ Authorization: `Bearer ${body.key}`, 'Idempotency-Key': newKey() })
        .send(email1({ onBehalfOf: api.staff.agent.id }));
      expect([answer.status, answer.body.code]).toEqual([403, 'ROLE_NOT_ALLOWED']);
    });
  });

  describe('404', () => {
    const missing = '0199c0de-0000-7000-8000-000000000001';
    test.each([
      ['client', { clientId: missing }, '/clientId'],
      ['channel', { channelId: missing }, '/channelId'],
      ['template', { content: { kind: 'template', templateId: missing } }, '/content/templateId'],
    ])('an unknown %s', async (_what, change, pointer) => {
      await expectRefused(email1(change), 404, 'NOT_FOUND', pointer);
    });
  });

  describe('413', () => {
    test('a body of more than a mebibyte', async () => {
      const answer = await submit(email1({}, { text: 'x'.repeat(1024 * 1024) }));
      expect([answer.status, answer.body.code]).toEqual([413, 'BODY_TOO_LARGE']);
    });
  });

  describe('422', () => {
    test.each([
      ['R28 six digits', { phone: '+1 555 01' }, 'PHONE_TOO_SHORT', '/to/phone'],
      ['R28 sixteen digits', { phone: '+1234567890123456' }, 'PHONE_TOO_LONG', '/to/phone'],
      ['R28 no number at all', { phone: 'call me' }, 'CONTACT_POINT_INVALID', '/to/phone'],
      ['no mail address', { email: 'nobody' }, 'CONTACT_POINT_INVALID', '/to/email'],
      ['a mail address with a line break', { email: 'a@example.test\r\nBcc: b@example.test' }, 'CONTACT_POINT_INVALID', '/to/email'],
    ])('%s', async (_what, to, code, pointer) => {
      await expectRefused({ ...email1({ clientId: undefined }), to }, 422, code, pointer);
    });

    test('R28 R116 what is wrong with a contact point is told, and its value is not', async () => {
      const refused = await submit({ ...email1({ clientId: undefined }), to: { phone: '030 901 820' } });
      expect(refused.body).toMatchObject({ code: 'CONTACT_POINT_INVALID', detail: expect.stringMatching(/begin with \+/), errors: [{ pointer: '/to/phone' }] });
      expect(refused.body.errors[0].detail).toBe(refused.body.detail);
      expect(refused.text).not.toMatch(/901/);
    });

    test.each([
      ['R75 X12 email without a subject', { subject: undefined }, 'SUBJECT_REQUIRED', '/content/subject'],
      ['R75 X12 email with a blank subject', { subject: ' \t ' }, 'SUBJECT_REQUIRED', '/content/subject'],
      ['an empty text', { text: ' \n ' }, 'CONTENT_EMPTY', '/content/text'],
      ['a text longer than the channel carries', { text: 'x'.repeat(100_001) }, 'TEXT_TOO_LONG', '/content/text'],
      ['R74 a sender that is not connected', { from: 'other@example.test' }, 'FROM_NOT_CONNECTED', '/content/from'],
      ['R73 X16 a blind copy with a plus', { bcc: ['fine@example.test', 'a+b@x.com'] }, 'BCC_INVALID', '/content/bcc/1'],
      ['R73 X16 a blind copy with four labels', { bcc: ['a@b.c.d.com'] }, 'BCC_INVALID', '/content/bcc/0'],
      ['R73 X16 a blind copy in other letters', { bcc: ['иван@example.test'] }, 'BCC_INVALID', '/content/bcc/0'],
      ['R73 X16 a blind copy with a top domain of one letter', { bcc: ['x@y.c'] }, 'BCC_INVALID', '/content/bcc/0'],
    ])('%s', async (_what, content, code, pointer) => {
      await expectRefused(email1({}, content), 422, code, pointer);
    });

    test('R74 a connected mailbox and R73 a plain blind copy pass', async () => {
      expect((await submit(email1({}, { from: 'Sales@example.test', bcc: ['log_in.x-1@mail.example.test'] }))).status).toBe(202);
    });

    test('R71 blind copies exist on email only', async () => {
      await expectRefused(whatsappBody({ content: { kind: 'text', text: 'a', bcc: ['x@example.test'] } }), 422, 'BCC_NOT_SUPPORTED', '/content/bcc');
    });

    test('all that is wrong is told at once', async () => {
      const { body } = await submit(email1({ disposition: { kind: 'close' } }, { subject: '', text: '', from: 'x@example.test' }));
      expect((body.errors as { code: string }[]).map((one) => one.code)).toEqual([
        'CONTENT_EMPTY',
        'SUBJECT_REQUIRED',
        'FROM_NOT_CONNECTED',
        'DISPOSITION_NOT_ALLOWED',
      ]);
    });

    test('R77 email takes no disposition', async () => {
      await expectRefused(email1({ disposition: { kind: 'close' } }), 422, 'DISPOSITION_NOT_ALLOWED', '/disposition');
    });

    test('R79 a channel with threads needs one', async () => {
      await expectRefused(whatsappBody({ disposition: undefined }), 422, 'DISPOSITION_REQUIRED', '/disposition');
    });

    describe('without a channel', () => {
      const open = (change: object = {}, content: object = {}): object => ({
        clientId: client,
        content: { kind: 'text', text: 'Hello', ...content },
        ...change,
      });
      const close = { disposition: { kind: 'close' } };
      const nobody = { disposition: { kind: 'transfer', target: { type: 'group', id: 'nobody' } } };
      const codesOf = (answer: { body: { errors?: { code: string }[] } }) => answer.body.errors?.map((one) => one.code);

      test.each([
        ['R75 R79 fit for neither an email nor a thread', {}, {}, ['DISPOSITION_REQUIRED', 'SUBJECT_REQUIRED'], '/disposition'],
        ['R75 R79 and with the blank subject of an email', {}, { subject: ' ' }, ['DISPOSITION_REQUIRED', 'SUBJECT_REQUIRED'], '/content/subject'],
        ['R75 R79 by phone', { clientId: undefined, to: { phone: '+13035550188' } }, {}, ['DISPOSITION_REQUIRED', 'SUBJECT_REQUIRED'], '/disposition'],
        ['R75 R79 by email', { clientId: undefined, to: { email: 'x@example.test' } }, {}, ['SUBJECT_REQUIRED', 'DISPOSITION_REQUIRED'], '/content/subject'],
        ['R71 R77 blind copies and a disposition', close, { subject: 'S', bcc: ['a@b.cd'] }, ['BCC_NOT_SUPPORTED', 'DISPOSITION_NOT_ALLOWED'], '/disposition'],
        [
          'R71 R75 blind copies without a subject',
          {},
          { bcc: ['a@b.cd'] },
          ['SUBJECT_REQUIRED', 'BCC_NOT_SUPPORTED', 'DISPOSITION_REQUIRED'],
          '/content/subject',
        ],
        ['an empty text, whatever else there is', {}, { subject: 'S', text: ' ' }, ['CONTENT_EMPTY'], '/content/text'],
        ['R82 nobody to pass the thread to', nobody, {}, ['TRANSFER_TARGET_UNKNOWN', 'SUBJECT_REQUIRED', 'DISPOSITION_NOT_ALLOWED'], '/disposition/target'],
        ['R81 for a service to keep the thread', { disposition: { kind: 'assign_self' } }, { subject: 'S' }, ['DISPOSITION_NOT_ALLOWED'], '/disposition'],
      ])('422 %s', async (_what, change, content, codes, pointer) => {
        await expectRefused(open(change, content), 422, codes[0]!, pointer);
        expect(codesOf(await submit(open(change, content)))).toEqual(codes);
      });

      test('R75 R79 what one of the two can carry is left to the verdict', async () => {
        const bodies = [
          open({}, { subject: 'S' }),
          open(close),
          open(close, { subject: 'S' }),
          open({}, { subject: 'S', from: 'not-known@example.test', bcc: ['a@b.cd'] }),
        ];
        for (const body of bodies) expect((await submit(body)).status).toBe(202);
      });

      test('R86 R98 what is refused says for which way, makes no client, and keeps no key: the same one serves the corrected message', async () => {
        const key = newKey();
        const body = open({ clientId: undefined, to: { email: 'refused-first@example.test' } });
        const refused = await submit(body, 'service', key);
        expect(refused.body).toMatchObject({ code: 'SUBJECT_REQUIRED', detail: 'As an email: Give the email a subject.' });
        expect(refused.body.errors[1].detail).toMatch(/^On any other channel: /);
        expect(await api.db.select().from(contactPoints).where(eq(contactPoints.value, 'refused-first@example.test'))).toEqual([]);
        const content = { kind: 'text', text: 'Hello', subject: 'S' };
        expect((await submit({ ...body, content }, 'service', key)).status).toBe(202);
      });

      test('every channel that can be connected is one of the two', () => {
        const configs: Record<string, object> = { email: emailConfig, whatsapp: whatsappConfig };
        for (const { type, configSchema, capabilities } of api.deps.channels.list()) {
          const { subject, bcc, opensThread } = capabilities(configSchema.parse(configs[type]));
          expect([type, subject, bcc]).toEqual([type, !opensThread, !opensThread]);
        }
      });
    });

    test('R81 only agents assign to themselves', async () => {
      const body = whatsappBody({ disposition: { kind: 'assign_self' } });
      for (const role of ['supervisor', 'admin', 'service'] as const) await expectRefused(body, 422, 'DISPOSITION_NOT_ALLOWED', '/disposition', role);
      expect((await submit(body, 'agent')).status).toBe(202);
    });

    test('R82 X14 a transfer goes to a target that exists', async () => {
      const to = (type: string, id: string) => whatsappBody({ disposition: { kind: 'transfer', target: { type, id }, comment: 'Please' } });
      await expectRefused(to('group', 'nobody'), 422, 'TRANSFER_TARGET_UNKNOWN', '/disposition/target');
      await expectRefused(to('employee', 'billing'), 422, 'TRANSFER_TARGET_UNKNOWN', '/disposition/target');
      expect((await submit(to('group', 'billing'))).status).toBe(202);
      expect((await submit(to('employee', api.staff.agent.id))).status).toBe(202);
    });
  });

  describe('templates', () => {
    const add = async (change: Partial<Parameters<typeof createTemplate>[1]>, text: Partial<Parameters<typeof createTemplate>[2]> = {}): Promise<string> => {
      const made = await createTemplate(
        api.db,
        { channelId: whatsapp, origin: 'registered', name: newKey(), language: 'en', status: 'approved', ...change },
        { subject: null, header: null, body: 'Hello', footer: null, variables: [], textOnly: true, ...text },
      );
      if (made.kind !== 'created') throw new Error(made.kind);
      return made.id;
    };
    const withTemplate = (templateId: string, variables?: object, change: object = {}) =>
      whatsappBody({ content: { kind: 'template', templateId, variables }, ...change });

    test('R62 R106 the version in force is frozen at the door', async () => {
      const templateId = await add({});
      const { body } = await submit(withTemplate(templateId));
      expect((await api.as('reader').get(`/v1/dispatches/${body.id}`)).body.content).toMatchObject({ templateId, templateVersion: 1 });
    });

    test('R66 every variable is mandatory, blank counts as missing', async () => {
      const templateId = await add(
        {},
        {
          variables: [
            { name: 'a', type: 'text' },
            { name: 'b', type: 'text' },
          ],
        },
      );
      await expectRefused(withTemplate(templateId), 422, 'VARIABLE_MISSING', '/content/variables/b');
      await expectRefused(withTemplate(templateId, { a: 'x', b: ' ' }), 422, 'VARIABLE_MISSING', '/content/variables/b');
      expect((await submit(withTemplate(templateId, { a: 'x', b: 'y' }))).status).toBe(202);
    });

    test('R65 a value off the list, no calendar date, and a variable that is not there', async () => {
      const templateId = await add(
        {},
        {
          variables: [
            { name: 'when', type: 'date' },
            { name: 'what', type: 'select', values: ['red'] },
          ],
        },
      );
      await expectRefused(withTemplate(templateId, { when: '2026-02-30', what: 'red' }), 422, 'VARIABLE_INVALID', '/content/variables/when');
      await expectRefused(withTemplate(templateId, { when: '2026-02-28', what: 'blue' }), 422, 'VARIABLE_INVALID', '/content/variables/what');
      await expectRefused(withTemplate(templateId, { when: '2026-02-28', what: 'red', more: '1' }), 422, 'VARIABLE_INVALID', '/content/variables/more');
    });

    test('R69 one that is not approved, of another channel, or on a channel without them', async () => {
      await expectRefused(withTemplate(await add({ status: 'pending' })), 422, 'TEMPLATE_NOT_APPROVED', '/content/templateId');
      const other = (await addChannel(api, 'whatsapp')).id;
      await expectRefused(withTemplate(await add({ channelId: other })), 422, 'TEMPLATE_NOT_SUPPORTED', '/content/templateId');
      await expectRefused(email1({ content: { kind: 'template', templateId: await add({}) } }), 422, 'TEMPLATE_NOT_SUPPORTED', '/content/templateId');
    });
  });

  describe('503', () => {
    test('a database that does not answer in time', async () => {
      const slow = await startTestApi({ limits: { requestMs: 150 } });
      const channel = await addChannel(slow, 'email');
      const to = await addClient(slow, ['email', 'x@example.test']);
      const lock = hold(async (tx) => void (await tx.execute(sql`lock table settings in access exclusive mode`)), slow.db);
      await lock.begun;
      const answer = await slow.as('service').post('/v1/dispatches').set('Idempotency-Key', newKey()).send(emailBody(to, channel.id));
      await lock.giveUp();
      expect([answer.status, answer.body.code, answer.headers['retry-after']]).toEqual([503, 'UNAVAILABLE', '2']);
      await slow.close();
    });
  });
});

describe('GET /v1/dispatches', () => {
  test('200 filters, newest first, walks in pages without a gap', async () => {
    const to = await addClient(api, ['email', 'pages@example.test']);
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.push((await submit(email1({ clientId: to }), n === 0 ? 'agent' : 'service')).body.id);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page = await api
        .as('reader')
        .get('/v1/dispatches')
        .query({ clientId: to, limit: 2, ...(cursor ? { cursor } : {}) });
      expect(page.status).toBe(200);
      expect(page.body.items.length).toBeLessThanOrEqual(2);
      seen.push(...(page.body.items as { id: string }[]).map((one) => one.id));
      cursor = page.body.nextCursor;
    } while (cursor !== null);
    expect(seen).toEqual(ids.toReversed());
    const count = async (query: object) =>
      (
        await api
          .as('reader')
          .get('/v1/dispatches')
          .query({ clientId: to, ...query })
      ).body.items.length as number;
    expect(await count({ senderId: api.staff.agent.id })).toBe(1);
    expect(await count({ channelId: whatsapp })).toBe(0);
    expect(await count({ state: 'accepted' })).toBe(5);
    expect(await count({ waitingFor: 'recipient' })).toBe(0);
    expect(await count({ createdAfter: new Date(Date.now() + 60_000).toISOString() })).toBe(0);
    expect(await count({ createdBefore: new Date(Date.now() + 60_000).toISOString() })).toBe(5);
  });

  test.each([
    ['limit', '0'],
    ['limit', '101'],
    ['limit', '1e400'],
    ['limit', 'x'],
    ['cursor', 'made-up'],
    ['cursor', Buffer.from('2026-01-01 00:00:00+00|x').toString('base64url')],
    ...['2026-02-30 00:00:00+00', '0000-01-01 00:00:00+00', '2026-01-01 00:00:00+24:00', '-1', '1e9', '99999999999999999', ''].map((at) => [
      'cursor',
      Buffer.from(`${at}|0199c0de-0000-7000-8000-000000000001`).toString('base64url'),
    ]),
    ['createdAfter', '0000-01-01T00:00:00Z'],
    ['createdAfter', '9999-12-31T23:59:59-23:59'],
    ['createdBefore', '2026-02-30T00:00:00Z'],
    ['createdBefore', '2026-01-01T00:00:00+24:00'],
    ['state', 'lost'],
    ['clientId', '1'],
    ['createdAfter', 'yesterday'],
    ['unknown', '1'],
    ['senderId', 'a\0b'],
  ])('400 %s=%j', async (name, value) => {
    const answer = await api
      .as('reader')
      .get('/v1/dispatches')
      .query({ [name]: value });
    expect([answer.status, answer.body.code, answer.body.errors]).toEqual([
      400,
      'INVALID_REQUEST',
      [{ pointer: `/${name}`, in: 'query', detail: expect.any(String) }],
    ]);
  });

  test('200 the edges of what can be asked: whatever a cursor of ours may hold, and the first and last instants', async () => {
    const cursorOf = (at: string): string => Buffer.from(`${at}|ffffffff-ffff-ffff-ffff-ffffffffffff`).toString('base64url');
    const asked = (query: object) => api.as('reader').get('/v1/dispatches').query(query);
    expect([(await asked({ cursor: cursorOf('0') })).body.items, (await asked({ cursor: cursorOf('9'.repeat(16)), limit: 1 })).body.items.length]).toEqual([
      [],
      1,
    ]);
    expect((await asked({ createdAfter: '0001-01-01T00:00:00Z', createdBefore: '9999-12-31T23:59:59.999Z', limit: 1 })).body.items).toHaveLength(1);
  });
});

describe('GET /v1/dispatches/{id}', () => {
  test('R72 200 tells everything; blind copies are for staff alone', async () => {
    const { body } = await submit(email1({}, { bcc: ['audit@example.test'] }));
    const forStaff = await api.as('agent').get(`/v1/dispatches/${body.id}`);
    const forService = await api.as('reader').get(`/v1/dispatches/${body.id}`);
    expect(forStaff.body.content.bcc).toEqual(['audit@example.test']);
    expect(JSON.stringify(forService.body)).not.toContain('audit@');
    expect(JSON.stringify(body)).not.toContain('audit@');
    expect(forService.body.timeline.map((one: { type: string }) => one.type)).toEqual(['dispatch.accepted']);
  });

  test('404 unknown and unreadable ids answer alike', async () => {
    for (const id of ['0199c0de-0000-7000-8000-000000000001', 'x', '1', '..%2f', '%00']) {
      const answer = await api.as('reader').get(`/v1/dispatches/${id}`);
      expect([answer.status, answer.body.code]).toEqual([404, 'NOT_FOUND']);
    }
  });
});
