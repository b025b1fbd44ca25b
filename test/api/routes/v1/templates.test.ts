import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { addChannel, addClient, newKey, type Role, startTestApi, type TestApi } from '../../support.js';

let api: TestApi;
let whatsapp: string;
let email: string;

beforeAll(async () => {
  api = await startTestApi();
  whatsapp = (await addChannel(api, 'whatsapp')).id;
  email = (await addChannel(api, 'email')).id;
});
afterAll(() => api.close());

const missing = '0199c0de-0000-7000-8000-000000000001';
const own = (change: object = {}): object => ({
  origin: 'own',
  name: newKey(),
  language: 'en',
  body: 'Hello {{ name }}',
  variables: [{ name: 'name', type: 'text' }],
  ...change,
});
const registered = (change: object = {}): object => ({
  origin: 'registered',
  channelId: whatsapp,
  name: newKey(),
  language: 'en_GB',
  body: 'Hello {{1}}',
  variables: [{ name: '1', type: 'text' }],
  ...change,
});
const create = (body: object, role: Role = 'admin') => api.as(role).post('/v1/templates').send(body);
describe('POST /v1/templates', () => {
  test('R60 R65 201 header, footer and typed variables', async () => {
    const variables = [
      { name: 'name', type: 'text' },
      { name: 'size', type: 'select', values: ['S', 'L'] },
      { name: 'day', type: 'date' },
    ];
    const given = own({ subject: 'For {{ name }}', header: 'Dear {{ name }}', body: '{{ size }} on {{ day }}', footer: 'Yours', variables });
    const answer = await create(given);
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({ ...given, channelId: null, status: 'approved', version: 1, textOnly: true });
    expect((await api.as('reader').get(`/v1/templates/${answer.body.id}`)).body).toEqual(answer.body);
    expect((await create(registered({ status: 'pending' }))).body).toMatchObject({ channelId: whatsapp, status: 'pending' });
  });

  test.each([
    ['a variable that is not declared', own({ body: 'Hi {{ name }} {{ surname }}' }), '/body'],
    ['one that is not declared in the subject', own({ subject: '{{ order }}' }), '/subject'],
    ['no Liquid', own({ body: 'Hi {{ name' }), '/body'],
    ['an unknown filter', own({ body: '{{ name | steal }}' }), '/body'],
    ['a file of this machine', own({ body: "{% render 'package.json' %}{{ name }}" }), '/body'],
    ['a registered placeholder that is not declared', registered({ channelId: missing, body: '{{1}} {{2}}' }), '/body'],
    ['a registered one without a channel', registered({ channelId: null }), '/channelId'],
    ['one of ours with a channel', own({ channelId: missing }), '/channelId'],
    ['a list without values', own({ variables: [{ name: 'name', type: 'select' }] }), '/variables/0/values'],
    ['values without a list', own({ variables: [{ name: 'name', type: 'text', values: ['a'] }] }), '/variables/0/values'],
    [
      'a variable named twice',
      own({
        variables: [
          { name: 'name', type: 'text' },
          { name: 'name', type: 'date' },
        ],
      }),
      '/variables',
    ],
    ['an empty body', own({ body: '' }), '/body'],
    ['no language', own({ language: 'English please' }), '/language'],
  ])('400 %s', async (_what, body, pointer) => {
    const answer = await create(body);
    expect([answer.status, answer.body.code, answer.body.errors[0].pointer]).toEqual([400, 'INVALID_REQUEST', pointer]);
  });

  test('400 a second one of that name and language; 403; 404', async () => {
    const body = own();
    await create(body);
    expect((await create(body)).body.errors[0].pointer).toBe('/name');
    expect((await create({ ...body, language: 'de' })).status).toBe(201);
    expect((await create(own(), 'supervisor')).status).toBe(403);
    expect((await create(registered({ channelId: missing }))).status).toBe(404);
  });
});

describe('POST /v1/templates/{id}/versions', () => {
  test('R106 201 an edit is a new version; what was accepted keeps the old one', async () => {
    const { body } = await create(own({ subject: 'Hi', body: 'Old text', variables: [] }));
    const client = await addClient(api, ['email', 'one@example.test']);
    const sent = await api
      .as('service')
      .post('/v1/dispatches')
      .set('Idempotency-Key', newKey())
      .send({ clientId: client, channelId: email, content: { kind: 'template', templateId: body.id } });
    const edited = await api.as('admin').post(`/v1/templates/${body.id}/versions`).send({ subject: 'Hi', body: 'New text' });
    expect([edited.status, edited.body.version, edited.body.body]).toEqual([201, 2, 'New text']);
    const versionOf = async (id: string): Promise<number> => (await api.as('reader').get(`/v1/dispatches/${id}`)).body.content.templateVersion;
    expect(await versionOf(sent.body.id)).toBe(1);
    const later = await api
      .as('service')
      .post('/v1/dispatches')
      .set('Idempotency-Key', newKey())
      .send({ clientId: client, channelId: email, content: { kind: 'template', templateId: body.id } });
    expect(await versionOf(later.body.id)).toBe(2);
  });

  test('R106 twenty edits at once are twenty versions', async () => {
    const { body } = await create(own());
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        api
          .as('admin')
          .post(`/v1/templates/${body.id}/versions`)
          .send({ body: `Text ${n}` }),
      ),
    );
    expect(new Set(answers.map((one) => one.status))).toEqual(new Set([201]));
    expect((await api.as('reader').get(`/v1/templates/${body.id}`)).body.version).toBe(21);
  });

  test('400, 403, 404', async () => {
    const { body } = await create(own());
    const add = (id: string, text: object, role: Role = 'admin') => api.as(role).post(`/v1/templates/${id}/versions`).send(text);
    expect((await add(body.id, { body: '{{ who }}' })).body.errors[0].pointer).toBe('/body');
    expect((await add(body.id, { body: 'a', name: 'b' })).status).toBe(400);
    expect((await add(body.id, { body: 'a' }, 'agent')).status).toBe(403);
    expect((await add(missing, { body: 'a' })).status).toBe(404);
  });
});

describe('PATCH /v1/templates/{id}', () => {
  test('R59 200 paused and approved again', async () => {
    const { body } = await create(registered());
    const set = (id: string, status: string, role: Role = 'admin') => api.as(role).patch(`/v1/templates/${id}`).send({ status });
    expect((await set(body.id, 'paused')).body.status).toBe('paused');
    expect((await set(body.id, 'approved')).body.status).toBe('approved');
    expect((await set(body.id, 'lost')).status).toBe(400);
    expect((await set(body.id, 'paused', 'agent')).status).toBe(403);
    expect((await set(missing, 'paused')).status).toBe(404);
  });
});

test('GET /v1/templates 200 filters and pages', async () => {
  const { body } = await create(registered({ status: 'rejected' }));
  const list = async (query: object) => (await api.as('reader').get('/v1/templates').query(query)).body.items.map((one: { id: string }) => one.id) as string[];
  expect(await list({ channelId: whatsapp, status: 'rejected' })).toEqual([body.id]);
  expect(await list({ origin: 'own', limit: 100 })).not.toContain(body.id);
  expect(await list({ limit: 1 })).toEqual([body.id]);
  expect((await api.as('reader').get('/v1/templates').query({ origin: 'stolen' })).status).toBe(400);
  expect((await api.as('reader').get(`/v1/templates/${missing}`)).status).toBe(404);
});
