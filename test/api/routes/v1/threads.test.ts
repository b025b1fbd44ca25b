import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { messages, threads } from '../../../../db/schema/index.js';
import { addChannel, addClient, type Role, startTestApi, type TestApi } from '../../support.js';

let api: TestApi;
let channel: string;
let client: string;

beforeAll(async () => {
  api = await startTestApi();
  channel = (await addChannel(api, 'email')).id;
  client = await addClient(api, ['email', 'one@example.test']);
});
afterAll(() => api.close());

async function addThread(change: Partial<typeof threads.$inferInsert> = {}): Promise<string> {
  const id = uuidv7();
  await api.db
    .insert(threads)
    .values({ id, clientId: client, channelId: channel, channelType: 'email', scopeKey: `test/${id}`, status: 'active', origin: 'outbound', ...change });
  return id;
}
const addMessage = (threadId: string, change: Partial<typeof messages.$inferInsert> = {}) =>
  api.db.insert(messages).values({ id: uuidv7(), threadId, direction: 'outgoing', text: 'Hello', status: 'sent', ...change });
const missing = '0199c0de-0000-7000-8000-000000000001';

describe('GET /v1/threads', () => {
  test('200 filters and pages, newest first', async () => {
    const own = await addClient(api, ['email', 'two@example.test']);
    const ids = [
      await addThread({ clientId: own }),
      await addThread({ clientId: own, status: 'closed', assigneeId: api.staff.agent.id }),
      await addThread({ clientId: own }),
    ];
    const list = async (query: object) =>
      (
        await api
          .as('reader')
          .get('/v1/threads')
          .query({ clientId: own, ...query })
      ).body;
    expect((await list({})).items.map((one: { id: string }) => one.id)).toEqual(ids.toReversed());
    const first = await list({ limit: 2 });
    expect((await list({ limit: 2, cursor: first.nextCursor })).items.map((one: { id: string }) => one.id)).toEqual([ids[0]]);
    expect((await list({ status: 'closed' })).items).toHaveLength(1);
    expect((await list({ assigneeId: api.staff.agent.id })).items).toHaveLength(1);
    expect((await list({ channelType: 'whatsapp' })).items).toHaveLength(0);
    expect((await api.as('reader').get('/v1/threads').query({ status: 'lost' })).status).toBe(400);
  });
});

describe('GET /v1/threads/{id}', () => {
  test('R72 X17 200 staff see who was copied blindly, services do not', async () => {
    const id = await addThread({ status: 'closed' });
    await addMessage(id, { bcc: ['audit@example.test'], subject: 'Order', authorId: api.staff.supervisor.id });
    for (const path of [`/v1/threads/${id}`, `/v1/threads/${id}/messages`]) {
      for (const role of ['agent', 'supervisor', 'admin'] as const) expect((await api.as(role).get(path)).text).toContain('audit@example.test');
      for (const role of ['service', 'reader'] as const) expect((await api.as(role).get(path)).text).not.toContain('audit@example.test');
    }
  });

  test('R8 an outgoing message carries its mark and its author’s own name', async () => {
    const id = await addThread();
    await addMessage(id, { authorId: api.staff.supervisor.id });
    const { body } = await api.as('agent').get(`/v1/threads/${id}`);
    expect(body.messages.items).toMatchObject([
      { direction: 'outgoing', authorId: api.staff.supervisor.id, author: { name: 'A supervisor', role: 'supervisor' } },
    ]);
  });

  test('R87 a failed message tells reason and raw code, also in a closed thread', async () => {
    const id = await addThread({ status: 'closed' });
    await addMessage(id, {
      status: 'failed',
      failureReason: 'NOT_ON_MESSENGER',
      failure: { class: 'not_on_channel', scope: 'recipient', provider: { code: '131026', message: 'Undeliverable' } },
    });
    const { body } = await api.as('agent').get(`/v1/threads/${id}`);
    expect(body.messages.items[0]).toMatchObject({
      status: 'failed',
      failureReason: 'NOT_ON_MESSENGER',
      failure: { provider: { code: '131026', message: 'Undeliverable' } },
    });
  });

  test('200 a long history comes in pages', async () => {
    const id = await addThread();
    for (let n = 0; n < 5; n++) await addMessage(id, { text: `${n}`, direction: 'inbound' });
    const first = await api.as('agent').get(`/v1/threads/${id}/messages`).query({ limit: 3 });
    const second = await api.as('agent').get(`/v1/threads/${id}/messages`).query({ limit: 3, cursor: first.body.nextCursor });
    expect([...first.body.items, ...second.body.items].map((one: { text: string }) => one.text)).toEqual(['4', '3', '2', '1', '0']);
    expect(second.body.nextCursor).toBeNull();
  });

  test('404', async () => {
    for (const path of [missing, `${missing}/messages`, 'x']) expect((await api.as('reader').get(`/v1/threads/${path}`)).status).toBe(404);
  });
});

describe('POST /v1/threads/{id}/close', () => {
  const close = (id: string, role: Role) => api.as(role).post(`/v1/threads/${id}/close`);

  test('200 closed once; who comes second is told who was first', async () => {
    const id = await addThread({ assigneeId: api.staff.agent.id });
    const first = await close(id, 'agent');
    expect([first.status, first.body.status, first.body.closedBy]).toEqual([200, 'closed', api.staff.agent.id]);
    const second = await close(id, 'supervisor');
    expect([second.status, second.body.closedBy, second.body.closedAt]).toEqual([200, api.staff.agent.id, first.body.closedAt]);
  });

  test('403 an agent leaves the threads of others alone; supervisors and services do not', async () => {
    const of = (assigneeId: string | null) => addThread({ assigneeId });
    const theirs = await of(api.staff.supervisor.id);
    expect((await close(theirs, 'agent')).status).toBe(403);
    expect((await api.as('agent').get(`/v1/threads/${theirs}`)).body.status).toBe('active');
    expect((await close(await of(null), 'agent')).status).toBe(200);
    expect((await close(await of(api.staff.agent.id), 'supervisor')).status).toBe(200);
    expect((await close(await of(api.staff.agent.id), 'service')).status).toBe(200);
    expect((await close(await of(null), 'reader')).status).toBe(403);
  });

  test('404', async () => {
    expect((await close(missing, 'supervisor')).status).toBe(404);
  });
});
