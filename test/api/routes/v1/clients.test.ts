import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eq } from 'drizzle-orm';
import { contactPointChannels, contactPoints, dispatches } from '../../../../db/schema/index.js';
import { addChannel, emailBody, newKey, type Role, startTestApi, type TestApi } from '../../support.js';

let api: TestApi;
let channel: string;

beforeAll(async () => {
  api = await startTestApi();
  channel = (await addChannel(api, 'email')).id;
});
afterAll(() => api.close());

const create = (contactPointsGiven: object[], role: Role = 'service', name = 'Client 1') =>
  api.as(role).post('/v1/clients').send({ name, contactPoints: contactPointsGiven });
let number = 0;
const phone = (): string => `+1213555${String((number += 1)).padStart(4, '0')}`;
const mail = (): string => `c${(number += 1)}@example.test`;
const missing = '0199c0de-0000-7000-8000-000000000001';
const values = (body: { contactPoints: { value: string }[] }): string[] => body.contactPoints.map((one) => one.value);

describe('POST /v1/clients', () => {
  test('R30 R34 201 several of one kind, in the order given, each selected or not', async () => {
    const [a, b, c] = [phone(), phone(), mail()];
    const answer = await create([
      { kind: 'phone', value: a },
      { kind: 'phone', value: b, selected: true },
      { kind: 'email', value: c },
    ]);
    expect(answer.status).toBe(201);
    expect(answer.headers['location']).toBe(`/v1/clients/${answer.body.id}`);
    expect(answer.body.contactPoints).toMatchObject([
      { kind: 'phone', value: a, position: 0, selected: false },
      { kind: 'phone', value: b, position: 1, selected: true },
      { kind: 'email', value: c, position: 2, selected: false },
    ]);
    expect((await api.as('reader').get(`/v1/clients/${answer.body.id}`)).body).toEqual(answer.body);
  });

  test('R117 409 a contact point has one owner, however it is spelled, and nothing is half written', async () => {
    await create([{ kind: 'phone', value: '+44 7700 900123' }]);
    const own = mail();
    const second = await create([
      { kind: 'email', value: own },
      { kind: 'phone', value: '0044 (7700) 900-123' },
    ]);
    expect([second.status, second.body.code, second.body.errors[0].pointer]).toEqual([409, 'CONTACT_POINT_TAKEN', '/contactPoints/1/value']);
    expect(await api.db.select().from(contactPoints).where(eq(contactPoints.value, own))).toEqual([]);
    const twice = mail();
    expect(
      (
        await create([
          { kind: 'email', value: twice },
          { kind: 'email', value: twice.toUpperCase() },
        ])
      ).body.code,
    ).toBe('CONTACT_POINT_TAKEN');
  });

  test('R117 twenty at once: one owner', async () => {
    const value = phone();
    const statuses = (await Promise.all(Array.from({ length: 20 }, () => create([{ kind: 'phone', value }])))).map((one) => one.status);
    expect(statuses.toSorted()).toEqual([201, ...Array.from({ length: 19 }, () => 409)]);
  });

  test.each([
    ['R28 six digits', { kind: 'phone', value: '555 010' }, 'PHONE_TOO_SHORT'],
    ['R28 sixteen digits', { kind: 'phone', value: '+1234567890123456' }, 'PHONE_TOO_LONG'],
    ['no plus and no default country', { kind: 'phone', value: '213 555 0199' }, 'CONTACT_POINT_INVALID'],
    ['no mail address', { kind: 'email', value: 'a@b' }, 'CONTACT_POINT_INVALID'],
    ['a blank external id', { kind: 'external_id', value: ' ' }, 'CONTACT_POINT_INVALID'],
  ])('422 %s', async (_what, point, code) => {
    const answer = await create([point]);
    expect([answer.status, answer.body.code, answer.body.errors[0].pointer]).toEqual([422, code, '/contactPoints/0/value']);
  });

  test.each([
    ['no name', { contactPoints: [] }, '/name'],
    ['a blank name', { name: '  ' }, '/name'],
    ['a name of 201 characters', { name: 'x'.repeat(201) }, '/name'],
    ['a name of two lines', { name: 'Anna\r\nadmin' }, '/name'],
    ['a name that turns the text around', { name: 'Anna \u202ennA' }, '/name'],
    ['an unknown kind', { name: 'x', contactPoints: [{ kind: 'fax', value: '1' }] }, '/contactPoints/0/kind'],
    ['51 contact points', { name: 'x', contactPoints: Array.from({ length: 51 }, () => ({ kind: 'email', value: 'a@example.test' })) }, '/contactPoints'],
    ['an unknown field', { name: 'x', createdAt: '2020-01-01' }, '/createdAt'],
  ])('400 %s', async (_what, body, pointer) => {
    const answer = await api.as('service').post('/v1/clients').send(body);
    expect([answer.status, answer.body.code, answer.body.errors[0].pointer]).toEqual([400, 'INVALID_REQUEST', pointer]);
  });

  test('401 and 403', async () => {
    expect((await api.anonymous.post('/v1/clients').send({ name: 'x' })).status).toBe(401);
    expect((await create([], 'reader')).status).toBe(403);
  });
});

describe('GET /v1/clients', () => {
  test('R117 200 the owner is found by any spelling', async () => {
    const { body } = await create([{ kind: 'phone', value: '+1 (646) 555-0111' }]);
    const found = await api.as('reader').get('/v1/clients').query({ phone: '+1.646.555.0111' });
    expect(found.body.items.map((one: { id: string }) => one.id)).toEqual([body.id]);
    expect((await api.as('reader').get('/v1/clients').query({ phone: '+1 646 555 0112' })).body.items).toEqual([]);
    expect(api.logged()).not.toMatch(/646\D*555|@example\.test/);
  });

  test('200 pages, newest first', async () => {
    const made: string[] = [];
    for (let n = 0; n < 3; n++) made.push((await create([])).body.id);
    const first = await api.as('reader').get('/v1/clients').query({ limit: 2 });
    const second = await api.as('reader').get('/v1/clients').query({ limit: 1, cursor: first.body.nextCursor });
    expect([...first.body.items, ...second.body.items].map((one: { id: string }) => one.id)).toEqual(made.toReversed());
  });

  test.each([
    ['half a number', { phone: '12' }, '/phone', 'PHONE_TOO_SHORT'],
    ['a plus alone', { phone: '+' }, '/phone', 'CONTACT_POINT_INVALID'],
    ['half an address', { email: 'a@' }, '/email', 'CONTACT_POINT_INVALID'],
    ['two ways to ask', { phone: '+12135550101', email: 'a@example.test' }, '/email', undefined],
  ])('400 %s: the parameter is named', async (_what, query, pointer, code) => {
    const answer = await api.as('reader').get('/v1/clients').query(query);
    expect([answer.status, answer.body.code, answer.body.errors]).toEqual([
      400,
      'INVALID_REQUEST',
      [{ pointer, in: 'query', detail: expect.any(String), ...(code ? { code } : {}) }],
    ]);
    expect(answer.body.detail).toContain('parameters');
  });
});

test('GET /v1/clients/{id} 404', async () => {
  expect((await api.as('reader').get(`/v1/clients/${missing}`)).status).toBe(404);
});

describe('contact points', () => {
  const withThree = async (): Promise<{ id: string; points: string[]; body: { contactPoints: { id: string; value: string }[] } }> => {
    const { body } = await create([
      { kind: 'phone', value: phone() },
      { kind: 'phone', value: phone() },
      { kind: 'phone', value: phone() },
    ]);
    return { id: body.id, points: body.contactPoints.map((one: { id: string }) => one.id), body };
  };
  const path = (id: string, point?: string): string => `/v1/clients/${id}/contact-points${point === undefined ? '' : `/${point}`}`;

  test('R32 201 one is added at a time, at the bottom', async () => {
    const { id, body } = await withThree();
    const value = mail();
    const answer = await api.as('agent').post(path(id)).send({ kind: 'email', value });
    expect([answer.status, values(answer.body)]).toEqual([201, [...values(body), value]]);
    expect((await api.as('agent').post(path(id)).send({ kind: 'email', value })).body.code).toBe('CONTACT_POINT_TAKEN');
    expect(
      (
        await api
          .as('agent')
          .post(path(id))
          .send([{ kind: 'email', value: mail() }])
      ).status,
    ).toBe(400);
    expect((await api.as('agent').post(path(missing)).send({ kind: 'email', value: mail() })).status).toBe(404);
    expect((await api.as('agent').post(path(id)).send({ kind: 'phone', value: '12' })).body.code).toBe('PHONE_TOO_SHORT');
  });

  test('R30 400 a client has as many contact points as a verdict can list, and no more', async () => {
    const points = Array.from({ length: 50 }, () => ({ kind: 'email', value: mail() }));
    const { body } = await create(points);
    const answer = await api.as('agent').post(path(body.id)).send({ kind: 'email', value: mail() });
    expect([answer.status, answer.body.code]).toEqual([400, 'INVALID_REQUEST']);
  });

  test('R32 twenty added at once keep an order without gaps', async () => {
    const { id } = await withThree();
    const given = Array.from({ length: 20 }, () => mail());
    await Promise.all(given.map((value) => api.as('agent').post(path(id)).send({ kind: 'email', value })));
    const { body } = await api.as('agent').get(`/v1/clients/${id}`);
    expect(body.contactPoints.map((one: { position: number }) => one.position)).toEqual(Array.from({ length: 23 }, (_, n) => n));
  });

  test('R33 200 moved to the top it has priority; the others keep their order', async () => {
    const { id, points } = await withThree();
    const [a, b, c] = points as [string, string, string];
    const order = async (point: string, position: number): Promise<string[]> =>
      (await api.as('agent').patch(path(id, point)).send({ position })).body.contactPoints.map((one: { id: string }) => one.id);
    expect(await order(c, 0)).toEqual([c, a, b]);
    expect(await order(a, 2)).toEqual([c, b, a]);
    expect(await order(b, 1)).toEqual([c, b, a]);
    expect(await order(c, 999)).toEqual([b, a, c]);
  });

  test('R34 200 selected and deselected', async () => {
    const { id, points } = await withThree();
    const first = await api.as('agent').patch(path(id, points[1])).send({ selected: true });
    expect(first.body.contactPoints.map((one: { selected: boolean }) => one.selected)).toEqual([false, true, false]);
    const second = await api.as('agent').patch(path(id, points[1])).send({ selected: false });
    expect(second.body.contactPoints.every((one: { selected: boolean }) => !one.selected)).toBe(true);
  });

  test('R92 a value is replaced here, and what was known of the old one goes with it', async () => {
    const { id, points } = await withThree();
    const point = points[0]!;
    await api.db
      .insert(contactPointChannels)
      .values({ contactPointId: point, channelId: channel, undeliverableReason: 'INVALID_ADDRESS', undeliverableAt: new Date() });
    const marks = () => api.db.select().from(contactPointChannels).where(eq(contactPointChannels.contactPointId, point));
    const [{ value: same }] = (await api.as('agent').get(`/v1/clients/${id}`)).body.contactPoints;
    expect((await api.as('agent').patch(path(id, point)).send({ value: same })).status).toBe(200);
    expect(await marks()).toHaveLength(1);
    const value = phone();
    const answer = await api.as('agent').patch(path(id, point)).send({ value });
    expect([answer.status, answer.body.contactPoints[0].value]).toEqual([200, value]);
    expect(await marks()).toEqual([]);
  });

  test('PATCH refusals', async () => {
    const { id, points } = await withThree();
    const other = await withThree();
    const change = (body: object, point = points[0]!, client = id) => api.as('agent').patch(path(client, point)).send(body);
    expect((await change({})).status).toBe(400);
    expect((await change({ position: -1 })).status).toBe(400);
    expect((await change({ kind: 'email' })).status).toBe(400);
    expect((await change({ value: '12' })).body.code).toBe('PHONE_TOO_SHORT');
    expect((await change({ value: other.body.contactPoints[0]!.value })).body.code).toBe('CONTACT_POINT_TAKEN');
    for (const foreign of [other.points[0]!, missing]) {
      expect((await change({ selected: true }, foreign)).status).toBe(404);
      expect((await change({ value: phone() }, foreign)).status).toBe(404);
    }
  });

  test('204 removed; the order closes up, and what was sent to it stays', async () => {
    const to = mail();
    const { body } = await create([
      { kind: 'phone', value: phone() },
      { kind: 'email', value: to },
      { kind: 'phone', value: phone() },
    ]);
    const point = body.contactPoints[1].id as string;
    const { body: sent } = await api.as('agent').post('/v1/dispatches').set('Idempotency-Key', newKey()).send(emailBody(body.id, channel));
    await api.db.update(dispatches).set({ contactPointId: point }).where(eq(dispatches.id, sent.id));
    expect((await api.as('agent').delete(path(body.id, point))).status).toBe(204);
    expect((await api.as('agent').delete(path(body.id, point))).status).toBe(404);
    const left = await api.as('agent').get(`/v1/clients/${body.id}`);
    expect(left.body.contactPoints.map((one: { position: number }) => one.position)).toEqual([0, 1]);
    expect((await api.as('agent').get(`/v1/dispatches/${sent.id}`)).body.contactPointId).toBeNull();
    expect((await create([{ kind: 'email', value: to }])).status).toBe(201);
  });
});

describe('blocks', () => {
  test('X1 a client is blocked on all channels, on one, or at one contact point; lifting ends it', async () => {
    const { body } = await create([{ kind: 'phone', value: phone() }]);
    const point = body.contactPoints[0].id as string;
    const block = (given: object, client: string = body.id) => api.as('supervisor').post(`/v1/clients/${client}/blocks`).send(given);
    const whole = await block({ reason: 'Asked us to stop' });
    expect([whole.status, whole.body]).toEqual([
      201,
      expect.objectContaining({ channelId: null, contactPointId: null, origin: 'staff', reason: 'Asked us to stop', createdBy: api.staff.supervisor.id }),
    ]);
    expect((await block({})).body.id).toBe(whole.body.id);
    const narrow = await block({ channelId: channel, contactPointId: point });
    expect(narrow.body).toMatchObject({ channelId: channel, contactPointId: point });
    const list = async () => (await api.as('reader').get(`/v1/clients/${body.id}/blocks`)).body.items.map((one: { id: string }) => one.id);
    expect(await list()).toEqual([whole.body.id, narrow.body.id]);
    expect((await api.as('supervisor').delete(`/v1/clients/${body.id}/blocks/${whole.body.id}`)).status).toBe(204);
    expect((await api.as('supervisor').delete(`/v1/clients/${body.id}/blocks/${whole.body.id}`)).status).toBe(404);
    expect(await list()).toEqual([narrow.body.id]);
    expect((await block({})).body.id).not.toBe(whole.body.id);
  });

  test('404 for what is not there, or another client’s', async () => {
    const { body } = await create([]);
    const { body: other } = await create([{ kind: 'phone', value: phone() }]);
    const block = (given: object, client: string) => api.as('supervisor').post(`/v1/clients/${client}/blocks`).send(given);
    expect((await block({}, missing)).status).toBe(404);
    expect((await block({ channelId: missing }, body.id)).body.errors[0].pointer).toBe('/channelId');
    expect((await block({ contactPointId: other.contactPoints[0].id }, body.id)).body.errors[0].pointer).toBe('/contactPointId');
    expect((await api.as('reader').get(`/v1/clients/${missing}/blocks`)).status).toBe(404);
  });
});
