import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { sql } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import * as schema from '../../db/schema/index.js';
import {
  addClient,
  addEmailChannel,
  addKey,
  addWhatsappChannel,
  buildHouse,
  call,
  freshPhone,
  type House,
  openWindow,
  quickPolicy,
  untilEnded,
} from '../support/house.js';
import { describeWithTemporal, startProcess, until } from '../support/stack.js';

const scopes = ['read', 'send', 'clients'];

describeWithTemporal('submits over HTTP, on the whole stack', () => {
  let house: House;
  let email: string;
  let whatsapp: string;
  let service: string;

  beforeAll(async () => {
    house = await buildHouse({ withApi: true });
    const patient = { ...quickPolicy, retry: { deadlineMs: 120_000, initialMs: 200, maximumMs: 1_000 } };
    email = await addEmailChannel(house, patient);
    whatsapp = await addWhatsappChannel(house, patient);
    service = (await addKey(house, { scopes })).key;
  });
  afterAll(async () => await house?.tear());

  /** As the API asks of its callers: a 503 is repeated with the same key. */
  const submit = async (body: unknown, key: string = uuidv7()): ReturnType<typeof call> => {
    const answer = await call(house, service, 'POST', '/v1/dispatches', body, { 'idempotency-key': key });
    return answer.status === 503 ? await submit(body, key) : answer;
  };

  test('R98 H5 a hundred parallel identical submits: one dispatch, one hand-over', async () => {
    const { clientId } = await addClient(house, [{ kind: 'email', value: 'r98@example.test' }]);
    const key = uuidv7();
    const body = { clientId, channelId: email, content: { kind: 'text', text: 'Once', subject: 'Once' } };
    const answers = await Promise.all(Array.from({ length: 100 }, () => submit(body, key)));
    const statuses = new Set(answers.map((one) => one.status));
    for (const status of statuses) expect([202, 409]).toContain(status);
    const ids = new Set(answers.filter((one) => one.status === 202).map((one) => one.body['id']));
    expect(ids.size).toBe(1);
    await untilEnded(house, [...ids][0] as unknown as string);
    expect(house.handedOver({ recipient: 'r98@example.test' })).toHaveLength(1);
    expect(await submit({ ...body, content: { ...body.content, text: 'Other' } }, key)).toMatchObject({
      status: 422,
      body: { code: 'IDEMPOTENCY_KEY_REUSED' },
    });
  });

  test('R97 fifty parallel submits of a service key to one client on WhatsApp: one sent, 49 rejected with the code', async () => {
    await house.db.insert(schema.transferTargets).values({ type: 'group', id: 'desk', name: 'Desk' });
    const phone = freshPhone();
    const { clientId, points } = await addClient(house, [{ kind: 'phone', value: phone }]);
    await openWindow(house, whatsapp, points[0]!);
    const body = {
      clientId,
      channelId: whatsapp,
      content: { kind: 'text', text: 'Hello' },
      disposition: { kind: 'transfer', target: { type: 'group', id: 'desk' } },
    };
    const answers = await Promise.all(Array.from({ length: 50 }, () => submit(body)));
    expect(answers.map((one) => one.status)).toEqual(Array.from({ length: 50 }, () => 202));
    const rows = await Promise.all(answers.map((one) => untilEnded(house, one.body['id'] as unknown as string, 50_000)));
    expect(rows.filter((row) => row.state === 'completed')).toHaveLength(1);
    const refused = rows.filter((row) => row.state === 'rejected');
    expect(refused).toHaveLength(49);
    for (const row of refused) expect(['ACTIVE_THREAD', 'ACTIVE_THREAD_APPEARED']).toContain(row.endReason);
    expect(house.handedOver({ recipient: phone.replace('+', '') })).toHaveLength(1);
  });

  test('R86 the database does not answer: the sender is told so, with a request id; the same submit again is safe', async () => {
    const { clientId } = await addClient(house, [{ kind: 'email', value: 'r86@example.test' }]);
    const key = uuidv7();
    const body = { clientId, channelId: email, content: { kind: 'text', text: 'Again', subject: 'Again' } };
    const once = () => call(house, service, 'POST', '/v1/dispatches', body, { 'idempotency-key': key });
    await house.db.transaction(async (tx) => {
      await tx.execute(sql`lock table api_keys in access exclusive mode`);
      const told = await once();
      expect(told).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE', instance: expect.any(String) } });
      expect(told.headers.get('retry-after')).toBeTruthy();
    });
    const answer = await submit(body, key);
    expect(answer.status).toBe(202);
    await untilEnded(house, answer.body['id'] as unknown as string);
    expect(house.handedOver({ recipient: 'r86@example.test' })).toHaveLength(1);
  });

  test('R97 fifty parallel emails to one client are all sent', async () => {
    const { clientId } = await addClient(house, [{ kind: 'email', value: 'fifty@example.test' }]);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => submit({ clientId, channelId: email, content: { kind: 'text', text: `No. ${i}`, subject: 'Fifty' } })),
    );
    for (const one of answers) expect(await untilEnded(house, one.body['id'] as unknown as string, 50_000)).toMatchObject({ state: 'completed' });
    expect(house.handedOver({ recipient: 'fifty@example.test' })).toHaveLength(50);
  }, 180_000);

  test('R113 H4 the API is killed ten times with ten commits each in the gap before the start: 100 dispatches, 100 hand-overs', async () => {
    await house.api!.kill('SIGTERM');
    const sends: { key: string; body: Record<string, unknown> }[] = [];
    for (let round = 0; round < 10; round++) {
      const api = await startProcess({ entry: 'test/support/crash-api.js', env: house.env, ready: /API ready/ });
      const batch = await Promise.all(
        Array.from({ length: 10 }, async (_, i) => {
          const address = `gap-${round}-${i}@example.test`;
          const { clientId } = await addClient(house, [{ kind: 'email', value: address }]);
          return { key: uuidv7(), body: { clientId, channelId: email, content: { kind: 'text', text: 'Gap', subject: address } } };
        }),
      );
      sends.push(...batch);
      const answers = await Promise.allSettled(batch.map((one) => submit(one.body, one.key)));
      expect(answers.map((one) => one.status)).toEqual(Array.from({ length: 10 }, () => 'rejected'));
      expect(await api.exited).toMatchObject({ signal: 'SIGKILL' });
    }
    house.api = await house.startApi();
    // The callers never got an answer: they repeat, with the same keys.
    const repeats = await Promise.all(sends.map((one) => submit(one.body, one.key)));
    expect(new Set(repeats.map((one) => one.status))).toEqual(new Set([202]));
    expect(new Set(repeats.map((one) => one.body['id'])).size).toBe(100);
    await until(
      async () => {
        const [row] = await house.db.execute<{ n: number }>(
          sql`select count(*)::int as n from dispatches d join dispatch_revisions r on r.dispatch_id = d.id where r.content->>'text' = 'Gap' and d.state = 'completed'`,
        );
        return row!.n === 100;
      },
      { deadlineMs: 60_000, what: '100 dispatches to complete' },
    );
    expect(house.handedOver().filter((one) => one.recipients.some((to) => to.startsWith('gap-')))).toHaveLength(100);
  }, 300_000);
});
