import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eq, sql } from 'drizzle-orm';
import { findChannel } from '../../../../db/channels.js';
import { channels } from '../../../../db/schema/index.js';
import { emailConfig, type Role, startTestApi, type TestApi, whatsappConfig } from '../../support.js';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

const create = (change: object = {}, role: Role = 'admin') =>
  api
    .as(role)
    .post('/v1/channels')
    .send({ type: 'whatsapp', provider: 'meta_cloud', name: 'WhatsApp', config: whatsappConfig, ...change });
const secretsOf = async (id: string): Promise<Record<string, unknown>> => {
  const row = (await findChannel(api.db, id))!;
  return api.deps.secretBox.open(id, { credentials: row.credentials!, credentialsKey: row.credentialsKey! }) as Record<string, unknown>;
};
const secrets = /token-of-the-tests|app-secret-of-the-tests|verify-token-of-the-tests|inbound-secret-of-the-tests/;
const missing = '0199c0de-0000-7000-8000-000000000001';

describe('POST /v1/channels', () => {
  test('201 credentials are sealed from the first write and never shown', async () => {
    const answer = await create();
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({
      type: 'whatsapp',
      enabled: true,
      hasCredentials: true,
      paused: null,
      webhookUrl: `http://api.test/webhooks/${answer.body.id}`,
    });
    expect(answer.body.config).toEqual({ phoneNumberId: whatsappConfig.phoneNumberId, baseUrl: whatsappConfig.baseUrl, apiVersion: 'v23.0' });
    for (const role of ['reader', 'admin'] as const) {
      for (const path of ['/v1/channels', `/v1/channels/${answer.body.id}`]) expect((await api.as(role).get(path)).text).not.toMatch(secrets);
    }
    const [row] = await api.db.execute<{ text: string }>(
      sql`select encode(credentials, 'escape') || config::text as text from channels where id = ${answer.body.id}`,
    );
    expect(row?.text).not.toMatch(secrets);
    expect(await secretsOf(answer.body.id)).toEqual({
      accessToken: whatsappConfig.accessToken,
      appSecrets: whatsappConfig.appSecrets,
      verifyToken: whatsappConfig.verifyToken,
    });
    expect(api.logged()).not.toMatch(secrets);
  });

  test('201 a ladder is completed from its inner steps, the rest of the policy is the type’s default', async () => {
    const answer = await create({ policy: { ladder: { connectMs: 300, replyMs: 400, exchangeMs: 1_000, heartbeatMs: 500 }, onUnknown: 'resend' } });
    expect(answer.body.policy).toMatchObject({
      ladder: { exchangeMs: 1_000, sendDeadlineMs: 1_500, startToCloseMs: 2_500 },
      onUnknown: 'resend',
      maxInFlight: 20,
    });
  });

  test.each([
    ['an unknown provider', { provider: 'fax' }, '/provider'],
    ['a missing credential', { config: { ...whatsappConfig, accessToken: undefined } }, '/config/accessToken'],
    ['a wrong field', { config: { ...whatsappConfig, phoneNumberId: 'x' } }, '/config/phoneNumberId'],
    ['an unknown field of the configuration', { config: { ...whatsappConfig, more: 1 } }, '/config/more'],
    ['an unknown field of the policy', { policy: { retries: 3 } }, '/policy/retries'],
    [
      'an inner time-out that is longer than the outer',
      { policy: { ladder: { connectMs: 2_000, replyMs: 10, exchangeMs: 1_000, heartbeatMs: 500 } } },
      '/policy/ladder',
    ],
  ])('400 %s', async (_what, change, pointer) => {
    const answer = await create(change);
    expect([answer.status, answer.body.code, answer.body.errors[0].pointer]).toEqual([400, 'INVALID_REQUEST', pointer]);
    expect(answer.text).not.toMatch(secrets);
  });

  test('403 only admins connect channels', async () => {
    for (const role of ['agent', 'supervisor', 'service', 'reader'] as const) expect((await create({}, role)).status).toBe(403);
  });
});

describe('PATCH /v1/channels/{id}', () => {
  const change = (id: string, body: object, role: Role = 'admin') => api.as(role).patch(`/v1/channels/${id}`).send(body);

  test('200 what is not named keeps its value, secrets included', async () => {
    const { body } = await create();
    const answer = await change(body.id, { config: { apiVersion: 'v24.0' } });
    expect([answer.status, answer.body.config.apiVersion]).toEqual([200, 'v24.0']);
    expect(await secretsOf(body.id)).toMatchObject({ accessToken: whatsappConfig.accessToken });
    await change(body.id, { config: { accessToken: 'another-token' } });
    expect(await secretsOf(body.id)).toMatchObject({ accessToken: 'another-token', verifyToken: whatsappConfig.verifyToken });
    expect((await api.as('reader').get(`/v1/channels/${body.id}`)).body.config).toEqual({
      phoneNumberId: whatsappConfig.phoneNumberId,
      baseUrl: whatsappConfig.baseUrl,
      apiVersion: 'v24.0',
    });
  });

  test('200 disabled, renamed, its policy changed step by step, its pause ended', async () => {
    const { body } = await create({ policy: { maxInFlight: 3 } });
    await api.db.update(channels).set({ pausedReason: 'CHANNEL_CONFIG', pausedAt: new Date() }).where(eq(channels.id, body.id));
    expect((await api.as('reader').get(`/v1/channels/${body.id}`)).body.paused.reason).toBe('CHANNEL_CONFIG');
    const answer = await change(body.id, { enabled: false, name: 'Old number', policy: { unknownWaitMs: 1 }, paused: false });
    expect(answer.body).toMatchObject({ enabled: false, name: 'Old number', paused: null, policy: { maxInFlight: 3, unknownWaitMs: 1 } });
  });

  test('400, 403, 404', async () => {
    const { body } = await create();
    expect((await change(body.id, {})).status).toBe(400);
    expect((await change(body.id, { type: 'email' })).status).toBe(400);
    expect((await change(body.id, { config: { phoneNumberId: '' } })).body.errors[0].pointer).toBe('/config/phoneNumberId');
    expect((await change(body.id, { enabled: false }, 'agent')).status).toBe(403);
    expect((await change(missing, { enabled: false })).status).toBe(404);
    expect((await api.as('reader').get(`/v1/channels/${missing}`)).status).toBe(404);
  });
});

test('GET /v1/channel-types 200 tells what each provider asks for, with its secrets marked as write-only', async () => {
  const { body } = await api.as('reader').get('/v1/channel-types');
  const whatsapp = body.items.find((one: { type: string }) => one.type === 'whatsapp');
  expect(whatsapp.config.properties.accessToken.writeOnly).toBe(true);
  expect(whatsapp.config.properties.phoneNumberId.writeOnly).toBeUndefined();
  expect((await create({ type: 'email', provider: 'smtp', config: emailConfig })).status).toBe(201);
});
