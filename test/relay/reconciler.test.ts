import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { sql } from 'drizzle-orm';
import { reconcile } from '../../relay/reconciler.js';
import { addClient, addEmailChannel, buildHouse, find, type House, mail, runOf, submit, untilEnded, untilWaiting } from '../support/house.js';
import { describeWithTemporal, until } from '../support/stack.js';

const waiting = 12;

describeWithTemporal('the reconciler', () => {
  let house: House;
  const calls: string[] = [];
  beforeAll(async () => {
    // The worker's own does not come by.
    house = await buildHouse({ env: { WAYBILL_RECONCILE_INTERVAL_MS: '3600000' } });
  });
  afterAll(async () => await house?.tear());

  /** A round over all that are open, with the calls that it makes to Temporal. */
  async function round(): Promise<boolean> {
    calls.length = 0;
    await house.db.execute(sql`update dispatches set reconciled_at = null, created_at = now() - interval '1 minute'`);
    const { workflow } = house.temporal;
    const temporal = {
      withDeadline: house.temporal.withDeadline.bind(house.temporal),
      workflow: {
        list: (...args: Parameters<typeof workflow.list>) => (calls.push('list'), workflow.list(...args)),
        getHandle: (...args: Parameters<typeof workflow.getHandle>) => (calls.push('describe'), workflow.getHandle(...args)),
      },
    };
    const log = { info: () => {}, warn: () => {} };
    const deps = { handle: house.database.handle, temporal: temporal as never, taskQueue: house.env['WAYBILL_TASK_QUEUE']!, apiUrl: house.apiUrl, log };
    return await reconcile(deps, 1);
  }

  test('H12 H14 dispatches that wait cost one call together; only what is not running is asked about by itself', async () => {
    const channelId = await addEmailChannel(house);
    const ids: string[] = [];
    for (let i = 0; i < waiting; i++) {
      const points = ['a', 'b'].map((which) => ({ kind: 'email' as const, value: `${which}${i}@example.test` }));
      const { clientId } = await addClient(house, points);
      ids.push(await submit(house, { clientId, channelId, content: mail() }));
    }
    for (const id of ids) await untilWaiting(house, id, 'recipient');
    // What Temporal lists is a moment behind what it does.
    await until(async () => !(await round()) && !calls.includes('describe'), { what: 'all to be listed as running' });
    expect(calls).toEqual(['list', 'list']);

    await runOf(house, ids[0]!).terminate();
    await until(async () => await round(), { what: 'the terminated run to be found' });
    expect(await untilEnded(house, ids[0]!)).toMatchObject({ state: 'cancelled' });
    expect((await find(house, ids[1]!)).waitingFor).toBe('recipient');
    // By the list of those that were stopped, or because it is missing among those that run: never all of them.
    expect(calls.filter((one) => one === 'describe')).toHaveLength(1);
  });
});
