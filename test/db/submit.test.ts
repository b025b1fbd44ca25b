import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import * as schema from '../../db/schema/index.js';
import { type NewDispatch, submitDispatch } from '../../db/submit.js';
import { newDispatch } from '../support/new-dispatch.js';
import { createTestDatabase, type TestDatabase } from '../support/stack.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => await database?.drop());

const submit = (one: NewDispatch) => submitDispatch(database.handle.db, one);

test('R98 H5 the row itself keeps the key contract: same body, same dispatch; another body is refused; another principal has keys of its own', async () => {
  const first = newDispatch();
  const made = await submit(first);
  if (made.kind !== 'created') throw new Error(`The first submit is ${made.kind}.`);
  expect(await submit(first)).toEqual({ kind: 'repeated', dispatchId: made.dispatchId });
  expect(await submit({ ...first, bodyHash: 'b' })).toEqual({ kind: 'key_reused' });
  expect(await submit({ ...first, principal: 'service-2' })).toMatchObject({ kind: 'created' });
});

test('R98 H5 twins at once, half of them with another body: one dispatch, and each twin is told what its body is', async () => {
  const first = newDispatch();
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => submit({ ...first, bodyHash: i % 2 === 0 ? 'a' : 'b' })));
  expect(answers.filter((one) => one.kind === 'created')).toHaveLength(1);
  expect(answers.filter((one) => one.kind === 'key_reused')).toHaveLength(10);
  const rows = await database.handle.db.select().from(schema.idempotencyKeys);
  expect(rows.filter((row) => row.key === first.idempotencyKey)).toHaveLength(1);
});

test('R117 twins for one unknown address: one client', async () => {
  const to = { kind: 'email', value: 'twin@example.test', address: 'twin@example.test', name: 'Twin' } as const;
  await Promise.all(Array.from({ length: 20 }, () => submit(newDispatch({ to }))));
  const owners = await database.handle.db.select().from(schema.contactPoints);
  expect(owners.filter((one) => one.value === 'twin@example.test')).toHaveLength(1);
  const clients = await database.handle.db.select().from(schema.clients);
  expect(clients.filter((one) => one.name === 'Twin')).toHaveLength(1);
});

test('H4 R113 a dispatch and the order to start it are written together, or not at all', async () => {
  const before = (await database.handle.db.select().from(schema.dispatches)).length;
  await expect(submit(newDispatch({ to: { clientId: uuidv7() } }))).rejects.toThrow();
  expect(await database.handle.db.select().from(schema.dispatches)).toHaveLength(before);
  const made = await submit(newDispatch());
  const orders = await database.handle.db.select().from(schema.outbox);
  expect(orders.filter((one) => 'dispatchId' in made && one.dispatchId === made.dispatchId)).toMatchObject([{ kind: 'start' }]);
});
