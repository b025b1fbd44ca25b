import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { addClient, addEmailChannel, addKey, buildHouse, call, type House, untilEnded } from '../support/house.js';
import { describeWithTemporal, startProcess } from '../support/stack.js';

describeWithTemporal('bin/waybill', () => {
  let house: House;

  beforeAll(async () => {
    house = await buildHouse({ withWorker: false });
  });
  afterAll(async () => await house?.tear());

  test('R1 API and worker in one process: a submit goes all the way, SIGTERM drains both and leaves nothing', async () => {
    const channelId = await addEmailChannel(house);
    const { key } = await addKey(house, { scopes: ['read', 'send'] });
    const { clientId } = await addClient(house, [{ kind: 'email', value: 'slow-700+waybill@example.test' }]);
    const waybill = await startProcess({ entry: 'bin/waybill.js', env: house.env, ready: /worker ready/ });
    const content = { kind: 'text', subject: 'One process', text: 'Hello' };
    const submit = () => call(house, key, 'POST', '/v1/dispatches', { clientId, channelId, content }, { 'idempotency-key': uuidv7() });
    const first = await submit();
    expect(first.status).toBe(202);
    expect(await untilEnded(house, first.body['id'] as unknown as string)).toMatchObject({ state: 'completed' });

    const second = await submit();
    expect(await waybill.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    await expect(call(house, key, 'GET', '/healthz')).rejects.toThrow();
    // What was accepted before the end is taken up by whoever comes next.
    const next = await startProcess({ entry: 'bin/waybill.js', env: house.env, ready: /worker ready/ });
    expect(await untilEnded(house, second.body['id'] as unknown as string)).toMatchObject({ state: 'completed', possibleDuplicate: false });
    expect(house.handedOver({ channel: 'email' })).toHaveLength(2);
    expect(await next.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('%s to a worker that is still starting ends it cleanly: there is nothing to drain yet', async (signal) => {
    const env = { ...house.env, TEMPORAL_ADDRESS: '127.0.0.1:1' };
    const worker = await startProcess({ entry: 'bin/worker.js', env, ready: /the worker waits for it/ });
    expect(await worker.kill(signal)).toEqual({ code: 0, signal: null });
  });
});
