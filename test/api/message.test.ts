import { ServiceError, WorkflowUpdateRPCTimeoutOrCancelledError } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { and, eq } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import { attempts, dispatches, dispatchRevisions, events, installation, recipientChoices } from '../../db/schema/index.js';
import { createTemplate } from '../../db/templates.js';
import { addChannel, addClient, emailBody, newKey, noSuchRun, refusedUpdate, type Role, startTestApi, type TestApi } from './support.js';

let api: TestApi;
let email: string;
let whatsapp: string;
let client: string;

beforeAll(async () => {
  api = await startTestApi({ limits: { messageMs: 300 } });
  email = (await addChannel(api, 'email')).id;
  whatsapp = (await addChannel(api, 'whatsapp')).id;
  client = await addClient(api, ['email', 'one@example.test'], ['phone', '+12125550101']);
});
afterAll(() => api.close());
beforeEach(() => {
  api.temporal.updates = [];
  api.temporal.onUpdate = async () => ({ state: 'checking', waitingFor: null });
});

const submit = async (body: object = emailBody(client, email)): Promise<string> => {
  const answer = await api.as('agent').post('/v1/dispatches').set('Idempotency-Key', newKey()).send(body);
  if (answer.status !== 202) throw new Error(answer.text);
  return answer.body.id as string;
};
const onWhatsapp = { clientId: '', channelId: '', content: { kind: 'text', text: 'Hello' }, disposition: { kind: 'close' } };
const submitWhatsapp = () => submit({ ...onWhatsapp, clientId: client, channelId: whatsapp });
const say = (id: string, message: string, body: object = {}, role: Role = 'agent', key?: string) => {
  const request = api.as(role).post(`/v1/dispatches/${id}/${message}`);
  return (key === undefined ? request : request.set('Idempotency-Key', key)).send(body);
};
const end = (id: string, state: 'completed' | 'expired' | 'failed' | 'cancelled', endReason: string | null = null) =>
  api.db.update(dispatches).set({ state, endReason, endedAt: new Date() }).where(eq(dispatches.id, id));
const revisionsOf = (id: string) => api.db.select().from(dispatchRevisions).where(eq(dispatchRevisions.dispatchId, id)).orderBy(dispatchRevisions.revision);

const missing = '0199c0de-0000-7000-8000-000000000001';

describe('every message', () => {
  const plain = ['cancel', 'retry-now', 'abandon'];
  const all: [string, object][] = [
    ...plain.map((one): [string, object] => [one, {}]),
    ['recipient-choice', { contactPointId: missing }],
    ['resolve-outcome', { outcome: 'sent' }],
    ['disposition', { disposition: { kind: 'close' } }],
    ['restart', { channelId: missing }],
    ['change-channel', { channelId: missing }],
    ['provide-template', { templateId: missing }],
  ];

  test.each(plain)('%s: 200 reaches the workflow in the name of the caller', async (message) => {
    const id = await submit();
    api.temporal.onUpdate = async () => ({ state: 'sending', waitingFor: 'retry' });
    const answer = await say(id, message);
    expect([answer.status, answer.body]).toEqual([200, { dispatchId: id, state: 'sending', waitingFor: 'retry' }]);
    expect(api.temporal.updates).toMatchObject([{ workflowId: `dispatch/${id}`, args: [{ actorId: api.staff.agent.id }] }]);
  });

  test.each(all)('%s: 400, 401, 403, 404', async (message, body) => {
    const id = await submit();
    const unknown = await say(id, message, { ...body, actorId: missing });
    expect([unknown.status, unknown.body.code]).toEqual([400, 'INVALID_REQUEST']);
    expect((await api.anonymous.post(`/v1/dispatches/${id}/${message}`).send(body)).status).toBe(401);
    expect((await say(id, message, body, 'reader')).status).toBe(403);
    api.temporal.onUpdate = (update) => Promise.reject(noSuchRun(update.workflowId));
    const nowhere = await say(missing, message, body);
    expect([nowhere.status, nowhere.body.code]).toEqual([404, 'NOT_FOUND']);
    expect((await say('x', message, body)).status).toBe(404);
  });

  test.each(all.filter(([message]) => !['restart', 'change-channel', 'provide-template', 'disposition'].includes(message)))(
    '%s: 503 when Temporal does not answer, to be repeated with the same key',
    async (message, body) => {
      const id = await submit();
      for (const failure of [new ServiceError('14 UNAVAILABLE'), new Error('4 DEADLINE_EXCEEDED')]) {
        api.temporal.onUpdate = () => Promise.reject(failure);
        const answer = await say(id, message, body);
        expect([answer.status, answer.body.code, answer.headers['retry-after']]).toEqual([503, 'UNAVAILABLE', '2']);
        expect(answer.body.detail).toContain('same Idempotency-Key');
      }
    },
  );

  test('R101 while an attempt is under way the 503 says that its end is waited for', async () => {
    const id = await submit();
    await api.db.update(dispatches).set({ state: 'sending' }).where(eq(dispatches.id, id));
    const late = () => Promise.reject(new WorkflowUpdateRPCTimeoutOrCancelledError('Deadline exceeded'));
    api.temporal.onUpdate = late;
    for (const message of ['abandon', 'change-channel']) {
      const answer = await say(id, message, message === 'abandon' ? {} : { channelId: email });
      expect([answer.status, answer.body.code, answer.headers['retry-after']]).toEqual([503, 'UNAVAILABLE', '2']);
      expect(answer.body.detail).toMatch(/^An attempt is under way, .* same Idempotency-Key/);
    }
    await api.db.update(dispatches).set({ waitingFor: 'retry' }).where(eq(dispatches.id, id));
    expect((await say(id, 'abandon')).body.detail).toMatch(/could not be reached/);
  });

  test('H6 under the same key something else is a message of its own, and is not told the answer of the first', async () => {
    const id = await submit();
    for (const contactPointId of [missing, missing, api.staff.agent.id]) await say(id, 'recipient-choice', { contactPointId }, 'service', 'k1');
    await say(id, 'recipient-choice', { contactPointId: missing, onBehalfOf: api.staff.supervisor.id }, 'service', 'k1');
    const [first, again, ...others] = api.temporal.updates.map((update) => update.updateId);
    expect(again).toBe(first);
    expect(new Set([first, ...others]).size).toBe(3);
  });

  test('H6 a repeat with the same key is the same update; another caller’s or another message’s is not', async () => {
    const id = await submit();
    await say(id, 'cancel', {}, 'agent', 'k1');
    await say(id, 'cancel', {}, 'agent', 'k1');
    await say(id, 'cancel', {}, 'supervisor', 'k1');
    await say(id, 'abandon', {}, 'agent', 'k1');
    await say(id, 'cancel');
    await say(id, 'cancel');
    const ids = api.temporal.updates.map((update) => update.updateId);
    expect(ids[0]).toBe(ids[1]);
    expect(new Set(ids).size).toBe(5);
  });

  test('a service key acts for a person where its scope allows it, and that is on record', async () => {
    const id = await submit();
    const lent = await say(id, 'cancel', { onBehalfOf: api.staff.supervisor.id }, 'service');
    expect(lent.status).toBe(200);
    expect(api.temporal.updates[0]?.args).toEqual([{ actorId: api.staff.supervisor.id }]);
    const [entry] = await api.db
      .select()
      .from(events)
      .where(and(eq(events.dispatchId, id), eq(events.type, 'message.on_behalf')));
    expect(entry?.data).toEqual({ message: 'cancel', by: api.staff.supervisor.id, keyId: api.service.service.id });
    expect((await say(id, 'cancel', { onBehalfOf: api.staff.admin.id }, 'agent')).status).toBe(403);
    expect((await say(id, 'cancel', { onBehalfOf: missing }, 'service')).status).toBe(400);
  });
});

describe('POST /v1/dispatches/{id}/recipient-choice', () => {
  test('R42 R94 200 the pick goes in as an update', async () => {
    const id = await submit();
    expect((await say(id, 'recipient-choice', { contactPointId: missing })).status).toBe(200);
    expect(api.temporal.updates).toMatchObject([{ name: 'chooseRecipient', args: [{ actorId: api.staff.agent.id, contactPointId: missing }] }]);
  });

  test('R46 R94 422 a bad pick is refused at once with the fresh candidates', async () => {
    const id = await submit();
    const candidates = [{ contactPointId: missing, usable: false, reasons: ['CHANNEL_BLOCKED'] }];
    api.temporal.onUpdate = () => Promise.reject(refusedUpdate('CHOICE_INVALID', { candidates }));
    const answer = await say(id, 'recipient-choice', { contactPointId: missing });
    expect([answer.status, answer.body.code, answer.body.candidates]).toEqual([422, 'CHOICE_INVALID', candidates]);
  });

  test('R42 an id means the same in capitals', async () => {
    const id = await submit();
    const shouted = missing.toUpperCase();
    expect((await say(id.toUpperCase(), 'recipient-choice', { contactPointId: shouted })).status).toBe(200);
    expect(api.temporal.updates.at(-1)).toMatchObject({ workflowId: `dispatch/${id}`, args: [{ contactPointId: missing }] });
  });

  test('R94 409 the second pick', async () => {
    const id = await submit();
    api.temporal.onUpdate = () => Promise.reject(refusedUpdate('CHOICE_ALREADY_MADE'));
    const answer = await say(id, 'recipient-choice', { contactPointId: missing });
    expect([answer.status, answer.body.code]).toEqual([409, 'CHOICE_ALREADY_MADE']);
  });

  test('H6 late picks are told from the row what became of the choice', async () => {
    api.temporal.onUpdate = (update) => Promise.reject(noSuchRun(update.workflowId));
    const pick = async (id: string) => (await say(id, 'recipient-choice', { contactPointId: missing })).body.code as string;
    const expired = await submit();
    await end(expired, 'expired', 'CHOICE_EXPIRED');
    const chosen = await submit();
    await api.db.insert(recipientChoices).values({ dispatchId: chosen, revision: 1, contactPointId: missing, chosenBy: 'someone' });
    await end(chosen, 'completed');
    const straight = await submit();
    await end(straight, 'completed');
    const fresh = await submit();
    expect([await pick(expired), await pick(chosen), await pick(straight), await pick(fresh)]).toEqual([
      'CHOICE_EXPIRED',
      'CHOICE_ALREADY_MADE',
      'NOT_WAITING',
      'NOT_WAITING',
    ]);
  });

  test('H6 a pick that meets a cancel is told of the cancel, whatever was chosen before it', async () => {
    for (const failure of [(id: string) => noSuchRun(id), () => refusedUpdate('AcceptedUpdateCompletedWorkflow')]) {
      api.temporal.onUpdate = (update) => Promise.reject(failure(update.workflowId));
      for (const chosen of [false, true]) {
        const id = await submit();
        if (chosen) await api.db.insert(recipientChoices).values({ dispatchId: id, revision: 1, contactPointId: missing, chosenBy: 'someone' });
        await end(id, 'cancelled', 'CANCELLED_BY_STAFF');
        const answer = await say(id, 'recipient-choice', { contactPointId: missing });
        expect([answer.status, answer.body.code, answer.body.detail]).toEqual([409, 'NOT_WAITING', 'The dispatch was cancelled; nothing was sent.']);
      }
    }
  });

  describe('R94 H6 a second pick', () => {
    const chosenAt = new Date('2026-03-01T09:30:00.000Z');
    const picked = async (chosenBy: string, more: object = {}): Promise<string> => {
      const id = await submit();
      await api.db
        .update(dispatches)
        .set({ state: 'sending', ...more })
        .where(eq(dispatches.id, id));
      await api.db.insert(recipientChoices).values({ dispatchId: id, revision: 1, contactPointId: missing, chosenBy, chosenAt });
      return id;
    };
    const ended = { state: 'completed', endedAt: new Date() };
    const another = '0199c0de-0000-7000-8000-000000000002';
    const byRun = () => Promise.reject(refusedUpdate('CHOICE_ALREADY_MADE'));
    const byRow = ({ workflowId }: { workflowId: string }) => Promise.reject(noSuchRun(workflowId));
    const answers = [
      ['by its run', byRun, {}],
      ['from the row', byRow, ended],
      ['from the row, when its run does not answer', () => Promise.reject(new ServiceError('8 RESOURCE_EXHAUSTED')), {}],
    ] as const;

    test.each(answers)('409 is told what was chosen, by whom and when, %s', async (_by, onUpdate, more) => {
      const id = await picked(api.staff.agent.id, more);
      api.temporal.onUpdate = onUpdate;
      const choice = { contactPointId: missing, chosenBy: api.staff.agent.id, chosenAt: chosenAt.toISOString() };
      for (const [role, contactPointId] of [
        ['supervisor', missing],
        ['agent', another],
      ] as const) {
        const answer = await say(id, 'recipient-choice', { contactPointId }, role);
        expect([answer.status, answer.body.code, answer.body.choice]).toEqual([409, 'CHOICE_ALREADY_MADE', choice]);
      }
    });

    test.each(answers)('200 the same pick of the same person is the first one again, %s', async (_by, onUpdate, more) => {
      const id = await picked(api.staff.agent.id, more);
      api.temporal.onUpdate = onUpdate;
      const state = 'state' in more ? more.state : 'sending';
      for (const [role, body] of [
        ['agent', {}],
        ['service', { onBehalfOf: api.staff.agent.id }],
      ] as const) {
        const answer = await say(id, 'recipient-choice', { contactPointId: missing, ...body }, role);
        expect([answer.status, answer.body]).toEqual([200, { dispatchId: id, state, waitingFor: null }]);
      }
      expect(await api.db.select().from(recipientChoices).where(eq(recipientChoices.dispatchId, id))).toHaveLength(1);
    });

    test('409 while the first one is not on record yet, and of a pick for another revision, nothing is told', async () => {
      api.temporal.onUpdate = byRun;
      const bare = await say(await submit(), 'recipient-choice', { contactPointId: missing });
      expect([bare.status, bare.body.code, bare.body.choice]).toEqual([409, 'CHOICE_ALREADY_MADE', undefined]);
      const id = await picked(api.staff.agent.id);
      await api.db.insert(dispatchRevisions).values({ ...(await revisionsOf(id))[0]!, revision: 2 });
      await api.db.update(dispatches).set({ revision: 2 }).where(eq(dispatches.id, id));
      const before = await say(id, 'recipient-choice', { contactPointId: missing });
      expect([before.status, before.body.code, before.body.choice]).toEqual([409, 'CHOICE_ALREADY_MADE', undefined]);
    });
  });

  test('it is not held to the caller’s rate', async () => {
    const busy = await startTestApi({ limits: { requestsPerMinute: 1 } });
    const statuses = [];
    for (let n = 0; n < 3; n++) statuses.push((await busy.as('agent').get('/v1/clients')).status);
    expect(statuses).toEqual([200, 429, 429]);
    expect((await busy.as('agent').post(`/v1/dispatches/${missing}/recipient-choice`).send({ contactPointId: missing })).status).toBe(200);
    await busy.close();
  });
});

describe('a run that cannot answer', () => {
  test.each([
    ['the run is gone', (workflowId: string) => noSuchRun(workflowId)],
    ['the run ended while the message was under way', () => refusedUpdate('AcceptedUpdateCompletedWorkflow')],
    ['the server lost the call', () => new ServiceError('13 INTERNAL')],
  ])('R85 409 TOO_LATE for a dispatch that has ended: %s', async (_what, failure) => {
    const id = await submit();
    await end(id, 'completed');
    api.temporal.onUpdate = (update) => Promise.reject(failure(update.workflowId));
    for (const message of ['cancel', 'abandon', 'retry-now']) {
      const answer = await say(id, message);
      expect([answer.status, answer.body.code]).toEqual([409, 'TOO_LATE']);
    }
  });

  test('409 NOT_WAITING for one that is not started yet', async () => {
    const id = await submit();
    api.temporal.onUpdate = (update) => Promise.reject(noSuchRun(update.workflowId));
    for (const message of ['cancel', 'retry-now', 'abandon']) expect((await say(id, message)).body.code).toBe('NOT_WAITING');
  });

  test('503 for one that waits while its run is not there: the reconciler brings it back', async () => {
    const id = await submit();
    await api.db.update(dispatches).set({ state: 'awaiting_recipient', waitingFor: 'recipient' }).where(eq(dispatches.id, id));
    api.temporal.onUpdate = (update) => Promise.reject(noSuchRun(update.workflowId));
    expect((await say(id, 'recipient-choice', { contactPointId: missing })).status).toBe(503);
    expect((await say(id, 'cancel')).status).toBe(503);
  });

  test('R101 an accepted message is neither cancelled nor abandoned, as the row knows', async () => {
    const id = await submit();
    await api.db.update(dispatches).set({ state: 'sending' }).where(eq(dispatches.id, id));
    await api.db.insert(attempts).values({ id: uuidv7(), dispatchId: id, attemptNo: 1, state: 'accepted', generation: 1, revision: 1 });
    api.temporal.onUpdate = (update) => Promise.reject(noSuchRun(update.workflowId));
    expect((await say(id, 'cancel')).body.code).toBe('TOO_LATE');
    expect((await say(id, 'abandon')).body.code).toBe('TOO_LATE');
  });
});

describe('POST /v1/dispatches/{id}/resolve-outcome', () => {
  test('R99 H14 200 carries the epoch in force when the person decided', async () => {
    const id = await submit();
    await api.db
      .insert(installation)
      .values({ id: 1, sendEpoch: 7 })
      .onConflictDoUpdate({ target: installation.id, set: { sendEpoch: 7 } });
    await say(id, 'resolve-outcome', { outcome: 'resend' });
    expect(api.temporal.updates).toMatchObject([{ name: 'resolveOutcome', args: [{ actorId: api.staff.agent.id, outcome: 'resend', sendEpoch: 7 }] }]);
    expect((await say(id, 'resolve-outcome', { outcome: 'lost' })).status).toBe(400);
  });
});

describe('POST /v1/dispatches/{id}/disposition', () => {
  test('R96 200 the repair reaches the workflow; a target that is not there does not', async () => {
    const id = await submitWhatsapp();
    const repair = { kind: 'transfer', target: { type: 'employee', id: api.staff.agent.id } };
    expect((await say(id, 'disposition', { disposition: repair })).status).toBe(200);
    expect(api.temporal.updates).toMatchObject([{ name: 'setDisposition', args: [{ actorId: api.staff.agent.id, disposition: repair }] }]);
    const gone = await say(id, 'disposition', { disposition: { ...repair, target: { type: 'group', id: 'gone' } } });
    expect([gone.status, gone.body.code]).toEqual([422, 'TRANSFER_TARGET_UNKNOWN']);
  });
});

describe('a new revision', () => {
  test('R85 R101 a change of channel takes over what is not named, and needs what the new channel needs', async () => {
    const id = await submitWhatsapp();
    const bare = await say(id, 'change-channel', { channelId: email });
    expect([bare.status, bare.body.code, bare.body.errors[0].pointer]).toEqual([422, 'SUBJECT_REQUIRED', '/content/subject']);
    expect(await revisionsOf(id)).toHaveLength(1);
    const done = await say(id, 'change-channel', { channelId: email, content: { kind: 'text', text: 'Hello', subject: 'News' } });
    expect(done.status).toBe(200);
    expect((await revisionsOf(id))[1]).toMatchObject({
      revision: 2,
      channelId: email,
      contactPointId: null,
      recipientPolicy: 'ask',
      disposition: null,
      content: { text: 'Hello', subject: 'News' },
      createdBy: api.staff.agent.id,
    });
    expect(api.temporal.updates).toMatchObject([{ name: 'changeChannel', args: [{ actorId: api.staff.agent.id, revision: 2 }] }]);
  });

  test('R79 a channel with threads asks for the disposition that email did not have', async () => {
    const id = await submit();
    const bare = await say(id, 'restart', { channelId: whatsapp });
    expect([bare.status, bare.body.code]).toEqual([422, 'DISPOSITION_REQUIRED']);
    expect((await say(id, 'restart', { channelId: whatsapp, disposition: { kind: 'assign_self' } })).status).toBe(200);
    expect((await revisionsOf(id))[1]).toMatchObject({ channelId: whatsapp, disposition: { kind: 'assign_self' }, content: { text: 'It is ready.' } });
  });

  test('X7 a contact point that is named makes the recipient explicit; one of the channel before does not follow', async () => {
    const id = await submit({ ...onWhatsapp, clientId: client, channelId: whatsapp, recipientPolicy: 'explicit', contactPointId: missing });
    await say(id, 'restart', { channelId: whatsapp });
    await say(id, 'restart', { channelId: whatsapp, contactPointId: missing });
    expect((await revisionsOf(id)).slice(1)).toMatchObject([
      { contactPointId: null, recipientPolicy: 'ask' },
      { contactPointId: missing, recipientPolicy: 'explicit' },
    ]);
  });

  test('R77 email takes no disposition on a restart either', async () => {
    const id = await submit();
    expect((await say(id, 'restart', { channelId: email, disposition: { kind: 'close' } })).body.code).toBe('DISPOSITION_NOT_ALLOWED');
    expect((await say(id, 'restart', { channelId: missing })).status).toBe(404);
  });

  test('R66 R106 a template is given with its variables, and its version is frozen', async () => {
    const made = await createTemplate(
      api.db,
      { channelId: whatsapp, origin: 'registered', name: 'hello', language: 'en', status: 'approved' },
      { subject: null, header: null, body: 'Hello {{name}}', footer: null, variables: [{ name: 'name', type: 'text' }], textOnly: true },
    );
    const templateId = made.kind === 'created' ? made.id : '';
    const id = await submitWhatsapp();
    const bare = await say(id, 'provide-template', { templateId });
    expect([bare.status, bare.body.code, bare.body.errors[0].pointer]).toEqual([422, 'VARIABLE_MISSING', '/variables/name']);
    expect((await say(id, 'provide-template', { templateId, variables: { name: 'x' } })).status).toBe(200);
    expect((await revisionsOf(id))[1]).toMatchObject({
      channelId: whatsapp,
      templateVersion: 1,
      content: { kind: 'template', templateId, variables: { name: 'x' } },
      disposition: { kind: 'close' },
    });
    expect(api.temporal.updates).toMatchObject([{ name: 'provideTemplate', args: [{ revision: 2 }] }]);
  });

  test('R43 R68 a person’s pick holds for the template that is given after it, and for no other channel', async () => {
    const made = await createTemplate(
      api.db,
      { channelId: whatsapp, origin: 'registered', name: 'after_a_pick', language: 'en', status: 'approved' },
      { subject: null, header: null, body: 'Hello', footer: null, variables: [], textOnly: true },
    );
    const id = await submitWhatsapp();
    await api.db.insert(recipientChoices).values({ dispatchId: id, revision: 1, contactPointId: missing, chosenBy: api.staff.agent.id });
    expect((await say(id, 'provide-template', { templateId: made.kind === 'created' ? made.id : '' })).status).toBe(200);
    expect((await say(id, 'restart', { channelId: whatsapp })).status).toBe(200);
    const picks = await api.db.select().from(recipientChoices).where(eq(recipientChoices.dispatchId, id)).orderBy(recipientChoices.revision);
    expect(picks).toMatchObject([
      { revision: 1, contactPointId: missing, chosenBy: api.staff.agent.id },
      { revision: 2, contactPointId: missing, chosenBy: api.staff.agent.id },
    ]);
    expect(picks[1]!.chosenAt).toEqual(picks[0]!.chosenAt);
  });

  test('409 nothing is added to a dispatch that has ended', async () => {
    const id = await submitWhatsapp();
    await end(id, 'failed');
    for (const message of ['restart', 'change-channel']) expect((await say(id, message, { channelId: whatsapp })).body.code).toBe('TOO_LATE');
    expect(await revisionsOf(id)).toHaveLength(1);
  });
});
