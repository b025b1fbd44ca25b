import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eq } from 'drizzle-orm';
import { dispatches } from '../../../../db/schema/index.js';
import { candidateReasons, refusals, warnings } from '../../../../domain/codes.js';
import { endReasons } from '../../../../domain/dispatch.js';
import { providerReasons } from '../../../../domain/failure.js';
import { addChannel, addClient, emailBody, newKey, startTestApi, type TestApi } from '../../support.js';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

describe('GET /v1/codes', () => {
  test('4.2 every code that a verdict, a problem, an attempt or an end may carry has one title and one detail', async () => {
    const { items, nextCursor } = (await api.as('reader').get('/v1/codes')).body;
    const of = (kind: string) => items.filter((one: { kind: string }) => one.kind === kind).map((one: { code: string }) => one.code);
    expect(of('refusal')).toEqual(Object.keys(refusals));
    expect(of('warning')).toEqual(Object.keys(warnings));
    expect(of('candidate_reason')).toEqual(Object.keys(candidateReasons));
    expect(of('provider_reason')).toEqual([...providerReasons]);
    expect(of('end_reason')).toEqual([...endReasons]);
    for (const { title, detail } of items) expect([title, detail]).toEqual([expect.stringMatching(/\w/), expect.stringMatching(/[.?]$/)]);
    expect(nextCursor).toBeNull();
  });

  test('401 for nobody, 200 for anybody with a key, whatever it may do', async () => {
    expect((await api.anonymous.get('/v1/codes')).status).toBe(401);
    const { body } = await api
      .as('admin')
      .post('/v1/api-keys')
      .send({ name: 'Clients alone', scopes: ['clients'] });
    expect((await api.anonymous.get('/v1/codes').set('Authorization', `Bearer ${body.key}`)).status).toBe(200);
  });

  test('a code that a newer version has written spoils no answer', async () => {
    const body = emailBody(await addClient(api, ['email', 'newer@example.test']), (await addChannel(api, 'email')).id);
    const { id } = (await api.as('agent').post('/v1/dispatches').set('Idempotency-Key', newKey()).send(body)).body;
    await api.db.update(dispatches).set({ state: 'failed', endReason: 'NOT_KNOWN_YET', endedAt: new Date() }).where(eq(dispatches.id, id));
    const listed = await api.as('reader').get('/v1/dispatches');
    expect([listed.status, listed.body.items[0].endReason]).toEqual([200, 'NOT_KNOWN_YET']);
  });
});
