import { afterEach, expect, test } from '@jest/globals';
import { sql } from 'drizzle-orm';
import { connectDatabase } from '../../db/connect.js';
import * as schema from '../../db/schema/index.js';
import { createTestDatabase, until } from '../support/stack.js';
import { startTcpProxy } from '../support/tcp-proxy.js';

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});

test('a connection asks nothing by itself, where nobody would hear that it broke; arrays are read all the same', async () => {
  const database = await createTestDatabase();
  undo.push(() => database.drop());
  const url = new URL(database.url);
  let said = '';
  const proxy = await startTcpProxy(Number(url.port), () => ({
    fromClient: (bytes) => ((said += bytes.toString('latin1')), 'pass'),
    fromServer: () => 'pass',
  }));
  undo.push(() => proxy.close());
  url.port = String(proxy.port);
  const handle = connectDatabase({ url: url.href, max: 1, name: 'asks-nothing' });
  undo.push(() => handle.close());
  const scopes = ['read', 'with, a comma', 'with "quotes"', ''];
  await handle.db.insert(schema.apiKeys).values({ id: '0199c0de-0000-7000-8000-000000000001', name: 'A key', prefix: 'a', secretHash: 'b', scopes });
  expect((await handle.db.select({ scopes: schema.apiKeys.scopes }).from(schema.apiKeys))[0]).toEqual({ scopes });
  expect(await handle.db.execute(sql`select 1 as one`)).toEqual([{ one: 1 }]);
  expect(said).toContain('insert into');
  expect(said).not.toContain('pg_type');
});

test('H3 what a frozen process holds locked is free again, also when it froze in the middle of a statement', async () => {
  const database = await createTestDatabase();
  undo.push(() => database.drop());
  const url = new URL(database.url);
  let freezes = false;
  const proxy = await startTcpProxy(Number(url.port), () => ({
    fromClient: () => 'pass',
    fromServer: () => {
      // The server has read the statement and waits for its values, which do not come any more.
      if (freezes) proxy.fallSilent();
      return 'pass';
    },
  }));
  undo.push(() => proxy.close());
  url.port = String(proxy.port);
  const frozen = connectDatabase({ url: url.href, max: 1, name: 'frozen' });
  const other = connectDatabase({ url: database.url, max: 1, name: 'other', lockTimeoutMs: 500 });
  undo.push(() => other.close());
  await other.db.insert(schema.installation).values({ id: 1 }).onConflictDoNothing();
  const change = sql`update installation set send_epoch = send_epoch + 1 where id = 1 returning id`;
  const held = frozen.db.transaction(async (tx) => {
    await tx.execute(change);
    freezes = true;
    await tx.execute(sql`select ${'never said before'}::text`);
  });
  const over = held.catch(() => {});
  undo.push(async () => {
    proxy.cut();
    await over;
    await frozen.close();
  });
  await until(() => freezes, { what: 'the freeze' });
  await expect(other.db.execute(change)).rejects.toThrow();
  const changed = async (): Promise<boolean> => (await other.db.execute(change).catch(() => [])).length === 1;
  await until(changed, { deadlineMs: 40_000, what: 'the lock to be free' });
});
