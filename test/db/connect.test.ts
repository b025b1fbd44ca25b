import { afterEach, expect, test } from '@jest/globals';
import { sql } from 'drizzle-orm';
import { connectDatabase } from '../../db/connect.js';
import * as schema from '../../db/schema/index.js';
import { createTestDatabase } from '../support/stack.js';
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
