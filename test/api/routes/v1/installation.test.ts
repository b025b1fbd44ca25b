import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eq, sql } from 'drizzle-orm';
import supertest from 'supertest';
import { apiKeys, staff } from '../../../../db/schema/index.js';
import { defaultBccPattern } from '../../../../domain/content.js';
import { addChannel, addClient, newKey, type Role, startTestApi, type TestApi } from '../../support.js';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

const missing = '0199c0de-0000-7000-8000-000000000001';
const withKey = (key: string) => supertest(api.app).get('/v1/clients').set('Authorization', `Bearer ${key}`);

describe('keys', () => {
  const make = (body: object, role: Role = 'admin') => api.as(role).post('/v1/api-keys').send(body);

  test('POST /v1/api-keys 201 shown once, stored as a hash', async () => {
    const { status, body } = await make({ name: 'Shop', scopes: ['read'] });
    expect([status, body.scopes, body.staffId, body.revokedAt]).toEqual([201, ['read'], null, null]);
    expect((await withKey(body.key)).status).toBe(200);
    const secret = (body.key as string).split('.')[1]!;
    expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
    const list = await api.as('admin').get('/v1/api-keys');
    expect(list.text).toContain(body.prefix);
    expect(list.text).not.toContain(secret);
    const [row] = await api.db.execute<{ text: string }>(sql`select row_to_json(k)::text as text from api_keys k where id = ${body.id}`);
    expect(row?.text).not.toContain(secret);
    expect(api.logged()).not.toContain(secret);
  });

  test('a key of a person has the scopes of the role', async () => {
    const { body } = await make({ name: 'Agent', staffId: api.staff.agent.id });
    expect((await withKey(body.key)).status).toBe(200);
    expect((await supertest(api.app).get('/v1/api-keys').set('Authorization', `Bearer ${body.key}`)).status).toBe(403);
  });

  test('400, 403, 404', async () => {
    expect((await make({ name: 'x' })).body.errors[0].pointer).toBe('/scopes');
    expect((await make({ name: 'x', scopes: ['root'] })).status).toBe(400);
    expect((await make({ name: 'x', scopes: ['read'], staffId: api.staff.agent.id })).status).toBe(400);
    expect((await make({ name: 'x', staffId: missing })).status).toBe(404);
    for (const role of ['agent', 'supervisor', 'service', 'reader'] as const) {
      expect((await make({ name: 'x', scopes: ['read'] }, role)).status).toBe(403);
      expect((await api.as(role).get('/v1/api-keys')).status).toBe(403);
    }
  });

  test('DELETE /v1/api-keys/{id} 204 it is refused from the next request on; harmless when repeated', async () => {
    const { body } = await make({ name: 'Gone', scopes: ['read'] });
    expect((await withKey(body.key)).status).toBe(200);
    expect((await api.as('admin').delete(`/v1/api-keys/${body.id}`)).status).toBe(204);
    expect((await withKey(body.key)).status).toBe(401);
    const [first] = await api.db.select().from(apiKeys).where(eq(apiKeys.id, body.id));
    expect((await api.as('admin').delete(`/v1/api-keys/${body.id}`)).status).toBe(204);
    expect((await api.db.select().from(apiKeys).where(eq(apiKeys.id, body.id)))[0]?.revokedAt).toEqual(first?.revokedAt);
    expect((await api.as('admin').delete(`/v1/api-keys/${missing}`)).status).toBe(404);
  });

  test('a key that has run out, and one whose person has left, are refused', async () => {
    const { body } = await make({ name: 'Short', scopes: ['read'] });
    await api.db
      .update(apiKeys)
      .set({ revokedAt: sql`now() + interval '1 hour'` as never })
      .where(eq(apiKeys.id, body.id));
    expect((await withKey(body.key)).status).toBe(200);
    await api.db
      .update(apiKeys)
      .set({ revokedAt: sql`now() - interval '1 second'` as never })
      .where(eq(apiKeys.id, body.id));
    expect((await withKey(body.key)).status).toBe(401);
    const { body: person } = await api.as('admin').post('/v1/staff').send({ name: 'Leaver', role: 'agent' });
    const { body: theirs } = await make({ name: 'Leaver', staffId: person.id });
    expect((await withKey(theirs.key)).status).toBe(200);
    await api.db
      .update(staff)
      .set({ archivedAt: sql`now()` as never })
      .where(eq(staff.id, person.id));
    expect((await withKey(theirs.key)).status).toBe(401);
  });
});

describe('authentication', () => {
  test('401 for everything that is no whole key in force', async () => {
    const { key } = api.staff.agent;
    const [prefix, secret] = key.split('.') as [string, string];
    const other = api.staff.admin.key.split('.')[1]!;
    const wrong = [
      '',
      'Bearer',
      `Bearer ${prefix}`,
      `Bearer ${prefix}.`,
      `Bearer ${prefix}.${other}`,
      `Bearer ${prefix}.${secret}x`,
      `Bearer ${prefix}.${secret.slice(0, -1)}`,
      `Basic ${key}`,
      key,
      `Bearer ${key} ${key}`,
      'Bearer wb_000000000000.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    ];
    for (const header of wrong) {
      const answer = await supertest(api.app).get('/v1/clients').set('Authorization', header);
      expect([header, answer.status, answer.body.code, answer.headers['www-authenticate']]).toEqual([header, 401, 'UNAUTHENTICATED', 'Bearer']);
    }
    expect((await supertest(api.app).get('/v1/clients').set('Authorization', `bearer ${key}`)).status).toBe(200);
  });

  test('429 an address that sends wrong keys is slowed down, while right ones go on', async () => {
    const slow = await startTestApi({ limits: { wrongKeysPerMinute: 3 } });
    const statuses = [];
    for (let n = 0; n < 5; n++) statuses.push((await supertest(slow.app).get('/v1/clients').set('Authorization', 'Bearer wrong')).status);
    expect(statuses).toEqual([401, 401, 401, 429, 429]);
    expect((await slow.as('agent').get('/v1/clients')).status).toBe(200);
    await slow.close();
  });

  test('429 with Retry-After beyond the rate of one caller; others are not touched', async () => {
    const slow = await startTestApi({ limits: { requestsPerMinute: 2 } });
    const answers = [];
    for (let n = 0; n < 3; n++) answers.push(await slow.as('agent').get('/v1/clients'));
    expect(answers.map((one) => one.status)).toEqual([200, 200, 429]);
    expect(answers[2]?.body.code).toBe('TOO_MANY_REQUESTS');
    expect(Number(answers[2]?.headers['retry-after'])).toBeGreaterThan(0);
    expect((await slow.as('supervisor').get('/v1/clients')).status).toBe(200);
    expect((await slow.anonymous.get('/healthz')).status).toBe(200);
    await slow.close();
  });
});

describe('staff', () => {
  test('POST and GET /v1/staff', async () => {
    const made = await api.as('admin').post('/v1/staff').send({ name: 'Agent 7', role: 'agent' });
    expect([made.status, made.body.role]).toEqual([201, 'agent']);
    expect((await api.as('reader').get('/v1/staff')).body.items.map((one: { id: string }) => one.id)).toContain(made.body.id);
    expect((await api.as('admin').post('/v1/staff').send({ name: 'x', role: 'owner' })).status).toBe(400);
    expect((await api.as('supervisor').post('/v1/staff').send({ name: 'x', role: 'admin' })).status).toBe(403);
  });
});

describe('settings', () => {
  const change = (body: object, role: Role = 'admin') => api.as(role).patch('/v1/settings').send(body);

  test('PATCH /v1/settings 200 changes what is named, and the door follows', async () => {
    const national = () =>
      api
        .as('agent')
        .post('/v1/clients')
        .send({ name: 'x', contactPoints: [{ kind: 'phone', value: '020 7946 0018' }] });
    expect((await national()).body.code).toBe('CONTACT_POINT_INVALID');
    const answer = await change({ defaultCountry: 'GB', choiceDeadlineSeconds: 60 });
    expect([answer.status, answer.body.defaultCountry, answer.body.choiceDeadlineSeconds, answer.body.activeThreadScope]).toEqual([200, 'GB', 60, 'client']);
    expect((await national()).body.contactPoints[0].value).toBe('+442079460018');
    expect((await api.as('reader').get('/v1/settings')).body).toEqual(answer.body);
    expect((await change({ defaultCountry: null })).body.defaultCountry).toBeNull();
    expect((await national()).body.code).toBe('CONTACT_POINT_INVALID');
  });

  test('400 and 403', async () => {
    for (const body of [{ activeThreadScope: 'team' }, { defaultCountry: 'England' }, { bccPattern: '(' }, { choiceDeadlineSeconds: 0 }, { unknown: 1 }])
      expect((await change(body)).status).toBe(400);
    expect((await change({ askWhenSeveralFilledIn: true }, 'supervisor')).status).toBe(403);
  });

  test.each([
    ['none at all', '('],
    ['look-ahead', '^(?!x).*@x\\.test$'],
    ['a back reference', '^(a)\\1$'],
    ['a group that is counted', '^(a{9}){9}$'],
    ['a repeat without measure', 'a{0,999}'.repeat(60)],
    ['many repeats', 'a{0,99}'.repeat(60)],
  ])('R73 X16 400 a BCC pattern that cannot be matched in time: %s', async (_what, bccPattern) => {
    const begun = performance.now();
    const answer = await change({ bccPattern });
    expect([answer.status, answer.body.errors[0].pointer]).toEqual([400, '/bccPattern']);
    expect(performance.now() - begun).toBeLessThan(2_000);
  });

  test('R73 X16 a pattern that would backtrack for ever holds up nobody', async () => {
    const email = (await addChannel(api, 'email')).id;
    const client = await addClient(api, ['email', 'backtrack@example.test']);
    expect((await change({ bccPattern: '^(a+)+$' })).status).toBe(200);
    const begun = performance.now();
    const bcc = Array.from({ length: 50 }, () => `${'a'.repeat(250)}!`);
    const content = { kind: 'text', subject: 'x', text: 'x', bcc };
    const answer = await api.as('agent').post('/v1/dispatches').set('Idempotency-Key', newKey()).send({ clientId: client, channelId: email, content });
    expect([answer.status, answer.body.code, answer.body.errors.length]).toEqual([422, 'BCC_INVALID', 50]);
    expect(performance.now() - begun).toBeLessThan(5_000);
    expect((await change({ bccPattern: defaultBccPattern })).status).toBe(200);
  });
});

describe('transfer targets', () => {
  test('X14 all five kinds are listed, staff as employees', async () => {
    for (const type of ['group', 'skill', 'bot', 'department'])
      expect(
        (
          await api
            .as('admin')
            .post('/v1/transfer-targets')
            .send({ type, id: `${type}-1`, name: type })
        ).status,
      ).toBe(201);
    await api.as('admin').post('/v1/transfer-targets').send({ type: 'group', id: 'group-1', name: 'Renamed' });
    const list = async (query: object = {}) => (await api.as('reader').get('/v1/transfer-targets').query(query)).body.items as { type: string; name: string }[];
    expect(new Set((await list()).map((one) => one.type))).toEqual(new Set(['employee', 'group', 'skill', 'bot', 'department']));
    expect(await list({ type: 'group' })).toEqual([{ type: 'group', id: 'group-1', name: 'Renamed' }]);
    expect((await api.as('admin').post('/v1/transfer-targets').send({ type: 'employee', id: 'x', name: 'x' })).status).toBe(400);
    expect((await api.as('agent').post('/v1/transfer-targets').send({ type: 'group', id: 'x', name: 'x' })).status).toBe(403);
  });
});

describe('POST /v1/dev-login', () => {
  test('404 where the installation does not allow it', async () => {
    expect((await api.anonymous.post('/v1/dev-login').send({ role: 'agent' })).status).toBe(404);
  });

  test('200 from this machine alone: a key that ends by itself', async () => {
    const open = await startTestApi({ devLogin: true });
    const { status, body } = await open.anonymous.post('/v1/dev-login').send({ role: 'supervisor' });
    expect([status, body.staff.id]).toEqual([200, open.staff.supervisor.id]);
    expect(Date.parse(body.expiresAt) - Date.now()).toBeLessThanOrEqual(12 * 3_600_000);
    expect((await supertest(open.app).get('/v1/clients').set('Authorization', `Bearer ${body.key}`)).status).toBe(200);
    const [row] = await open.db
      .select()
      .from(apiKeys)
      .where(eq(apiKeys.prefix, (body.key as string).split('.')[0]!));
    expect(row?.revokedAt?.toISOString()).toBe(body.expiresAt);
    expect((await open.anonymous.post('/v1/dev-login').send({ staffId: open.staff.agent.id })).body.staff.id).toBe(open.staff.agent.id);
    const host = '127.0.0.1:3080';
    const statusFor = async (headers: Record<string, string>): Promise<number> =>
      (await supertest(open.app).post('/v1/dev-login').set(headers).send({ role: 'agent' })).status;
    const elsewhere: Record<string, string>[] = [
      { 'X-Forwarded-For': '203.0.113.9' },
      { 'X-Real-IP': '203.0.113.9' },
      { Via: '1.1 proxy' },
      { Forwarded: 'for=203.0.113.9' },
      { Host: 'evil.example.test' },
      { Host: host, Origin: 'http://evil.example.test' },
      { Host: host, Origin: 'http://127.0.0.1:8080' },
      { Host: host, Origin: 'null' },
      { Host: host, 'Sec-Fetch-Site': 'cross-site' },
      { Host: host, 'Sec-Fetch-Site': 'same-site' },
    ];
    for (const headers of elsewhere) expect({ headers, status: await statusFor(headers) }).toEqual({ headers, status: 404 });
    // The page of the API's own documents.
    expect(await statusFor({ Host: host, Origin: `http://${host}`, 'Sec-Fetch-Site': 'same-origin' })).toBe(200);
    expect((await open.anonymous.post('/v1/dev-login').send({ staffId: missing })).status).toBe(404);
    expect((await open.anonymous.post('/v1/dev-login').send({})).status).toBe(400);
    await open.close();
  });
});

test('every role sees what its scope allows, and nothing beyond it', async () => {
  const client = await addClient(api, ['email', 'matrix@example.test']);
  const calls: [method: 'get' | 'post' | 'patch' | 'delete', path: string, allowed: Role[]][] = [
    ['get', `/v1/clients/${client}`, ['agent', 'supervisor', 'admin', 'service', 'reader']],
    ['get', '/v1/dispatches', ['agent', 'supervisor', 'admin', 'service', 'reader']],
    ['get', '/v1/settings', ['agent', 'supervisor', 'admin', 'service', 'reader']],
    ['post', '/v1/clients', ['agent', 'supervisor', 'admin', 'service']],
    ['post', `/v1/clients/${client}/contact-points`, ['agent', 'supervisor', 'admin', 'service']],
    ['post', `/v1/clients/${client}/blocks`, ['agent', 'supervisor', 'admin', 'service']],
    ['delete', `/v1/clients/${client}/blocks/${missing}`, ['agent', 'supervisor', 'admin', 'service']],
    ['post', '/v1/dispatches', ['agent', 'supervisor', 'admin', 'service']],
    ['post', `/v1/dispatches/${missing}/cancel`, ['agent', 'supervisor', 'admin', 'service']],
    ['post', `/v1/threads/${missing}/close`, ['agent', 'supervisor', 'admin', 'service']],
    ['post', '/v1/channels', ['admin']],
    ['patch', `/v1/channels/${missing}`, ['admin']],
    ['post', '/v1/templates', ['admin']],
    ['patch', `/v1/templates/${missing}`, ['admin']],
    ['post', '/v1/api-keys', ['admin']],
    ['delete', `/v1/api-keys/${missing}`, ['admin']],
    ['post', '/v1/staff', ['admin']],
    ['patch', '/v1/settings', ['admin']],
    ['post', '/v1/transfer-targets', ['admin']],
  ];
  for (const [method, path, allowed] of calls) {
    for (const role of ['agent', 'supervisor', 'admin', 'service', 'reader'] as const) {
      const { status } = await api.as(role)[method](path).send({});
      expect([method, path, role, status === 403]).toEqual([method, path, role, !allowed.includes(role)]);
    }
  }
});
