import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eq } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import { listUnapplied, lockEvent, storeEvents } from '../../db/inbox.js';
import * as schema from '../../db/schema/index.js';
import { applyInbox } from '../../relay/inbox.js';
import { createTestDatabase, type TestDatabase } from '../support/stack.js';

let database: TestDatabase;
let channelId: string;

beforeAll(async () => {
  database = await createTestDatabase();
  channelId = uuidv7();
  await database.handle.db.insert(schema.channels).values({ id: channelId, type: 'email', provider: 'smtp', name: 'Mail', config: {}, policy: {} });
});
afterAll(async () => await database?.drop());

const round = () =>
  applyInbox({ handle: database.handle, temporal: null as never, taskQueue: 'test', apiUrl: 'http://api.test', log: { info: () => {}, warn: () => {} } });

async function write(text: string): Promise<void> {
  const event = { from: { kind: 'email', value: `${uuidv7()}@example.test` }, externalId: uuidv7(), text, at: new Date().toISOString() };
  await storeEvents(database.handle.db, channelId, [{ eventId: event.externalId, kind: 'inbound', event }]);
}
const messagesOf = (text: string) => database.handle.db.select().from(schema.messages).where(eq(schema.messages.text, text));

test('H7 an event that another relay has applied since it was listed is not taken again', async () => {
  const { db } = database.handle;
  await write('once');
  const [listed] = await listUnapplied(db, 1);
  await round();
  expect(await messagesOf('once')).toHaveLength(1);
  expect(await db.transaction((tx) => lockEvent(tx, listed!))).toBeNull();
});

test('H7 relays at once: every event is applied one time', async () => {
  await Promise.all(Array.from({ length: 10 }, (_, i) => write(`crowd ${i}`)));
  await Promise.all(Array.from({ length: 4 }, round));
  await round();
  for (let i = 0; i < 10; i++) expect(await messagesOf(`crowd ${i}`)).toHaveLength(1);
});
