import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import supertest from 'supertest';
import { createApp } from '../../api/app.js';
import { connectDatabase } from '../../db/connect.js';
import { until } from '../support/stack.js';
import { addChannel, addClient, emailBody, newKey, startTestApi, type TestApi } from './support.js';

let api: TestApi;
let email: string;
let client: string;
beforeAll(async () => {
  api = await startTestApi();
  email = (await addChannel(api, 'email')).id;
  client = await addClient(api, ['email', 'one@example.test']);
});
afterAll(() => api.close());

const raw = (body: string, type = 'application/json') => api.as('agent').post('/v1/clients').set('Content-Type', type).send(body);

const sendBytes = (body: Buffer, headers: Record<string, string>) =>
  api
    .as('agent')
    .post('/v1/clients')
    .set({ 'Content-Type': 'application/json', ...headers })
    .serialize((bytes) => bytes as never)
    .send(body);

describe('what cannot be answered is a problem', () => {
  test('404 an unknown path', async () => {
    const answer = await api.anonymous.get('/v1/nothing');
    expect([answer.status, answer.type, answer.body]).toEqual([
      404,
      'application/problem+json',
      {
        type: 'urn:waybill:problem:NOT_FOUND',
        title: 'Not found',
        status: 404,
        detail: expect.stringContaining('/docs'),
        instance: `urn:uuid:${answer.headers['x-request-id']}`,
        code: 'NOT_FOUND',
      },
    ]);
  });

  test('405 another method, with those that there are', async () => {
    const answer = await api.anonymous.put('/v1/clients');
    expect([answer.status, answer.body.code, answer.headers['allow']]).toEqual([405, 'INVALID_REQUEST', 'POST, GET']);
  });

  test.each([
    ['broken JSON', '{"name":', 400],
    ['a bare text', '"name"', 400],
    ['nothing', '', 400],
    ['a list', '[]', 400],
    ['null', 'null', 400],
    ['a NUL character', '{"name":"a\\u0000b"}', 400],
    ['half a character', '{"name":"a\\ud800b"}', 400],
    ['a name of a field with a NUL character', '{"a\\u0000b":1}', 400],
    ['a field of every object', '{"name":"x","__proto__":{"admin":true}}', 400],
    ['another field of every object', '{"name":"x","constructor":{"prototype":{}}}', 400],
    ['a number beyond all numbers', '{"name":1e999}', 400],
    ['deep nesting', `{"name":${'['.repeat(5_000)}${']'.repeat(5_000)}}`, 400],
    ['broken UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]).toString('latin1'), 400],
  ])('400 %s', async (_what, body, status) => {
    const answer = await raw(body);
    expect([answer.status, answer.body.code, answer.type]).toEqual([status, 'INVALID_REQUEST', 'application/problem+json']);
  });

  test('415 no JSON, an unknown character set, an unknown packing', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/json; charset=klingon']) {
      const answer = await raw('{"name":"x"}', type);
      expect([type, answer.status, answer.body.code]).toEqual([type, 415, 'INVALID_REQUEST']);
    }
    const packed = await api.as('agent').post('/v1/clients').set('Content-Type', 'application/json').set('Content-Encoding', 'x-strange').send('{}');
    expect([packed.status, packed.body.code]).toEqual([415, 'INVALID_REQUEST']);
  });

  test('400 bytes that are no UTF-8, whole or packed, are not mended behind the caller’s back', async () => {
    const broken = Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0x61, 0xff, 0xfe]), Buffer.from('"}')]);
    for (const [body, headers] of [
      [broken, {}],
      [gzipSync(broken), { 'Content-Encoding': 'gzip' }],
    ] as [Buffer, Record<string, string>][]) {
      const answer = await sendBytes(body, headers);
      expect([answer.status, answer.body.code, answer.body.errors]).toEqual([400, 'INVALID_REQUEST', [{ pointer: '', detail: 'The body is not UTF-8.' }]]);
    }
    expect((await sendBytes(Buffer.from('{"name":"Grüße 😀"}'), {})).status).toBe(201);
    const other = await sendBytes(Buffer.from('{"name":"x"}', 'utf16le'), { 'Content-Type': 'application/json; charset=utf-16le' });
    expect([other.status, other.body.code]).toEqual([415, 'INVALID_REQUEST']);
  });

  test.each(['gzip', 'deflate', 'br'])('400 a body that is not packed as %s although it says so', async (packing) => {
    const answer = await sendBytes(Buffer.from('{"name":"x"}'), { 'Content-Encoding': packing });
    expect([answer.status, answer.body.code, answer.body.errors]).toEqual([
      400,
      'INVALID_REQUEST',
      [{ pointer: '', detail: 'The body is not packed as its Content-Encoding says.' }],
    ]);
  });

  test.each(['%ff', '%00%ff', '%', '%zz', '%00', 'x'])('404 /v1/clients/%s: an id that cannot be read names nothing', async (id) => {
    const answer = await api.as('agent').get(`/v1/clients/${id}`);
    expect([answer.status, answer.body.code]).toEqual([404, 'NOT_FOUND']);
  });

  test('413 told before the body is read to its end', async () => {
    const answer = await raw(`{"name":"${'x'.repeat(2 * 1024 * 1024)}"}`);
    expect([answer.status, answer.body.code]).toEqual([413, 'BODY_TOO_LARGE']);
  });

  test.each([
    '/v1/clients/%',
    '/v1/clients/%zz',
    '/v1/clients/%ff',
    '/v1/clients/%00%ff',
    '/v1/clients/%00',
    '/v1/clients/..%2f..%2fetc',
    '/v1/clients?limit=%',
    '/v1/clients?phone=%00',
    '/v1/clients?limit[]=1',
    '/v1/clients?limit=1&limit=2',
    '/v1/clients?__proto__=1',
    '/v1/dispatches?cursor=%ff',
  ])('%s is refused, not stumbled over', async (path) => {
    const answer = await api.as('agent').get(path);
    expect([400, 404]).toContain(answer.status);
    expect(answer.type).toBe('application/problem+json');
  });

  test('400 an answer is not many times its request, however much is wrong', async () => {
    const strange = Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`field${n}`, n]));
    const answer = await api
      .as('agent')
      .post('/v1/clients')
      .send({ name: 'A', ...strange });
    expect(answer.status).toBe(400);
    expect(answer.body.errors).toHaveLength(100);
  });

  test('whatever is sent, the answer is no fault of ours', async () => {
    const paths = [
      '/v1/dispatches',
      '/v1/clients',
      `/v1/clients/${client}/contact-points`,
      `/v1/clients/${client}/blocks`,
      '/v1/channels',
      '/v1/templates',
      '/v1/settings',
      '/v1/api-keys',
      `/v1/dispatches/${client}/restart`,
      `/v1/dispatches/${client}/recipient-choice`,
    ];
    const fields = [
      'name',
      'clientId',
      'to',
      'content',
      'kind',
      'text',
      'value',
      'contactPoints',
      'channelId',
      'config',
      'policy',
      'variables',
      'body',
      'scopes',
      'disposition',
      'target',
      'deadlines',
      'subject',
      'bcc',
    ];
    const { node } = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        fc.string({ unit: 'binary' }),
        fc.double(),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.constantFrom('text', 'email', 'phone', 'template', 'close', client, email),
        tie('object'),
        fc.array(tie('node'), { maxLength: 3 }),
      ),
      object: fc.dictionary(fc.oneof(fc.constantFrom(...fields), fc.string()), tie('node'), { maxKeys: 6 }),
    }));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), node, async (path, body) => {
        const request = path === '/v1/settings' ? api.as('admin').patch(path) : api.as('admin').post(path);
        const answer = await request.set('Idempotency-Key', newKey()).set('Content-Type', 'application/json').send(JSON.stringify(body));
        expect(answer.status).toBeLessThan(500);
        if (answer.status >= 400) expect(answer.body.code).toEqual(expect.any(String));
      }),
      { numRuns: 150 },
    );
  });

  test('500 a fault of ours tells nothing of its inside, to the caller or to the log', async () => {
    const broken = await startTestApi({
      secretBox: {
        seal: () => Promise.reject(),
        open: () => {
          throw new Error('the cause');
        },
      } as never,
    });
    const { id } = await addChannelRow(broken);
    const answer = await broken
      .as('agent')
      .post('/v1/dispatches')
      .set('Idempotency-Key', newKey())
      .send({ ...emailBody(client, id), to: { email: 'canary@example.test' }, clientId: undefined });
    expect([answer.status, answer.body.code]).toEqual([500, 'INTERNAL']);
    expect(answer.text).not.toMatch(/the cause|node_modules|\.ts/);
    expect(broken.logged()).toContain('the cause');
    expect(broken.logged()).toContain(answer.headers['x-request-id']);
    expect(broken.logged()).not.toContain('canary');
    await broken.close();
  });
});

/** A channel whose credentials a broken box cannot open. */
async function addChannelRow(broken: TestApi): Promise<{ id: string }> {
  const sound = { ...broken, deps: { ...broken.deps, secretBox: api.deps.secretBox } };
  return await addChannel(sound, 'email');
}

describe('parts that do not answer', () => {
  test('503 a database that is away; the log tells what kind of fault it is, not what was asked', async () => {
    const away = connectDatabase({ url: 'postgres://nobody:x@127.0.0.1:1/none', max: 2, name: 'away' });
    const lines: string[] = [];
    const app = createApp({
      ...api.deps,
      db: away.db,
      metrics: new Registry(),
      logger: pino({ level: 'info' }, { write: (line: string) => void lines.push(line) }),
    });
    for (const path of ['/v1/clients', '/v1/dispatches', `/v1/dispatches/${client}/events`]) {
      const answer = await supertest(app).get(path).set('Authorization', `Bearer ${api.staff.agent.key}`);
      expect([answer.status, answer.body.code, answer.headers['retry-after']]).toEqual([503, 'UNAVAILABLE', '2']);
    }
    expect((await supertest(app).post(`/webhooks/${email}`).send('x')).status).toBe(503);
    expect((await supertest(app).get('/readyz')).body.errors).toMatchObject([{ pointer: '/database' }]);
    expect((await supertest(app).get('/healthz')).status).toBe(200);
    expect(lines.join('')).toContain('ECONNREFUSED');
    expect(lines.join('')).not.toContain(api.staff.agent.key.split('.')[0]);
    await away.close();
  });

  test('503 a statement that the server breaks off', async () => {
    const slow = await startTestApi();
    const lock = slow.db.transaction(async (tx) => {
      await tx.execute(sql`lock table clients in access exclusive mode`);
      const asked = slow
        .as('agent')
        .get('/v1/clients')
        .then((one) => one);
      const waiting = sql<{ pid: number }>`select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
      const { pid } = await until(async () => (await slow.db.execute<{ pid: number }>(waiting))[0], { what: 'the statement to wait' });
      await slow.db.execute(sql`select pg_terminate_backend(${pid})`);
      return await asked;
    });
    const answer = await lock;
    expect([answer.status, answer.body.code]).toEqual([503, 'UNAVAILABLE']);
    expect((await slow.as('agent').get('/v1/clients')).status).toBe(200);
    await slow.close();
  });

  test('503 readiness names the part that is silent; 200 once it is back', async () => {
    api.temporal.healthy = false;
    const answer = await api.anonymous.get('/readyz');
    expect([answer.status, answer.body.code, answer.body.errors.map((one: { pointer: string }) => one.pointer)]).toEqual([503, 'UNAVAILABLE', ['/temporal']]);
    api.temporal.healthy = true;
    expect((await api.anonymous.get('/readyz')).body).toEqual({ status: 'ready' });
    expect((await api.anonymous.get('/healthz')).body).toEqual({ status: 'ok' });
  });

  test('503 readiness goes off when the process is to end, while it lives on', async () => {
    const stopping = new AbortController();
    const ending = await startTestApi({ stopping: stopping.signal });
    expect((await ending.anonymous.get('/readyz')).status).toBe(200);
    stopping.abort();
    expect((await ending.anonymous.get('/readyz')).status).toBe(503);
    expect((await ending.anonymous.get('/healthz')).status).toBe(200);
    await ending.close();
  });
});

describe('what every answer carries', () => {
  test('headers that keep a browser from mistakes, and no word of what we run on', async () => {
    const { headers } = await api.as('agent').get('/v1/clients');
    expect(headers['content-security-policy']).toContain("script-src 'self'");
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store', 'x-frame-options': 'SAMEORIGIN' });
    expect(headers['x-powered-by']).toBeUndefined();
    expect(headers['access-control-allow-origin']).toBeUndefined();
  });

  test('figures are labelled by the pattern of the route, never by a URL', async () => {
    await api.as('agent').get(`/v1/clients/${client}`).query({ limit: 1 });
    await api.anonymous.get('/v1/secret-path');
    const { text } = await api.anonymous.get('/metrics');
    expect(text).toMatch(/waybill_http_request_seconds_count\{method="GET",route="\/v1\/clients\/\{id\}",status="\d+"\}/);
    expect(text).not.toMatch(new RegExp(`${client}|secret-path`));
  });

  test('the log tells route, status and key, no URL and no header', async () => {
    await api.as('agent').get('/v1/clients').query({ email: 'canary-in-url@example.test' });
    expect(api.logged()).toContain('"route":"/v1/clients"');
    expect(api.logged()).not.toMatch(/canary-in-url|Bearer|wb_[0-9a-f]{12}\./);
  });
});

describe('the documentation page', () => {
  test('200 from files of this installation alone', async () => {
    const page = await api.anonymous.get('/docs');
    expect([page.status, page.type]).toEqual([200, 'text/html']);
    const loaded = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]!);
    expect(loaded).toHaveLength(3);
    expect(page.text).not.toMatch(/<script(?![^>]*src=)/);
    for (const path of loaded) {
      expect(path).toMatch(/^\/docs\/assets\//);
      expect((await api.anonymous.get(path)).status).toBe(200);
    }
    expect((await api.anonymous.get('/docs/assets/start.js')).text).toContain('/openapi.json');
    for (const path of [
      '/docs/assets/',
      '/docs/assets/index.html',
      '/docs/assets/package.json',
      '/docs/assets/../../package.json',
      '/docs/assets/%2e%2e/package.json',
    ])
      expect((await api.anonymous.get(path)).status).toBe(404);
  });
});

describe('the codec for Temporal Web', () => {
  const path = '/a-path-that-nobody-guesses/decode';
  const origin = 'http://127.0.0.1:8233';
  const body = { payloads: [{ metadata: { encoding: Buffer.from('binary/encrypted').toString('base64') }, data: Buffer.from('hidden').toString('base64') }] };
  const start = () =>
    startTestApi({
      codec: {
        path: 'a-path-that-nobody-guesses',
        origins: [origin],
        decode: async (payloads) =>
          payloads.map((one) => ({ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(`clear ${Buffer.from(one.data ?? []).toString()}`) })),
      },
    });

  test('R105 200 for the UI’s own page on this machine', async () => {
    const coded = await start();
    const answer = await coded.anonymous.post(path).set('Origin', origin).send(body);
    expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([200, origin]);
    expect(answer.body).toEqual({
      payloads: [{ metadata: { encoding: Buffer.from('json/plain').toString('base64') }, data: Buffer.from('clear hidden').toString('base64') }],
    });
    const before = await coded.anonymous.options(path).set('Origin', origin).set('Access-Control-Request-Headers', 'content-type,x-namespace');
    expect([before.status, before.headers['access-control-allow-headers']]).toEqual([204, 'content-type, x-namespace, authorization']);
    await coded.close();
  });

  test('404 for everybody else, and there is nothing to encrypt with', async () => {
    const coded = await start();
    const others: Record<string, string>[] = [
      {},
      { Origin: 'http://evil.example.test' },
      { Origin: origin, 'X-Forwarded-For': '203.0.113.9' },
      { Origin: origin, Host: 'evil.example.test' },
    ];
    for (const headers of others) {
      const answer = await supertest(coded.app).post(path).set(headers).send(body);
      expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([404, undefined]);
    }
    expect((await coded.anonymous.post('/a-path-that-nobody-guesses/encode').set('Origin', origin).send(body)).status).toBe(404);
    expect((await coded.anonymous.post('/another-path/decode').set('Origin', origin).send(body)).status).toBe(404);
    expect((await coded.anonymous.post(path).set('Origin', origin).send({ payloads: 'x' })).status).toBe(400);
    expect((await api.anonymous.post(path).set('Origin', origin).send(body)).status).toBe(404);
    await coded.close();
  });
});
