import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { addChannel, addClient, newKey, startTestApi, type TestApi } from '../../../../support.js';

let api: TestApi;

beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

const target = { type: 'group', id: 'night-shift', name: 'Night shift' };
const path = '/v1/transfer-targets/group/night-shift';
const listed = async () => (await api.as('reader').get('/v1/transfer-targets?type=group')).body.items;

describe('DELETE /v1/transfer-targets/{type}/{id}', () => {
  test('R82 204 it is gone from the list and refused at the door, also when repeated, and back when it is put again', async () => {
    await api.as('admin').post('/v1/transfer-targets').send(target);
    await api
      .as('admin')
      .post('/v1/transfer-targets')
      .send({ ...target, id: 'day-shift' });
    expect([await api.as('admin').delete(path), await api.as('admin').delete(path)].map((one) => one.status)).toEqual([204, 204]);
    expect(await listed()).toEqual([{ ...target, id: 'day-shift' }]);

    const body = {
      clientId: await addClient(api, ['phone', '+12135550199']),
      channelId: (await addChannel(api, 'whatsapp')).id,
      content: { kind: 'text', text: 'Hello' },
      disposition: { kind: 'transfer', target: { type: target.type, id: target.id } },
    };
    const refused = await api.as('agent').post('/v1/dispatches').set('Idempotency-Key', newKey()).send(body);
    expect([refused.status, refused.body.code]).toEqual([422, 'TRANSFER_TARGET_UNKNOWN']);

    await api.as('admin').post('/v1/transfer-targets').send(target);
    expect(await listed()).toContainEqual(target);
    expect((await api.as('agent').post('/v1/dispatches').set('Idempotency-Key', newKey()).send(body)).status).toBe(202);
  });

  test('403 an agent, who may only read them', async () => {
    expect((await api.as('agent').delete(path)).body.code).toBe('ROLE_NOT_ALLOWED');
  });

  test.each(['/v1/transfer-targets/group/nobody', '/v1/transfer-targets/employee/night-shift', '/v1/transfer-targets/club/night-shift'])(
    '404 %s',
    async (missing) => {
      expect((await api.as('admin').delete(missing)).body.code).toBe('NOT_FOUND');
    },
  );
});
