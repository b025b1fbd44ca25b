import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eq, sql } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import { listUnapplied, lockEvent, storeEvents } from '../../db/inbox.js';
import * as schema from '../../db/schema/index.js';
import { applyInbox } from '../../relay/inbox.js';
import { createTestDatabase, type TestDatabase, until } from '../support/stack.js';

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

async function write(text: string, displayName?: string): Promise<void> {
  const event = { from: { kind: 'email', value: `${uuidv7()}@example.test` }, externalId: uuidv7(), text, at: new Date().toISOString(), displayName };
  await storeEvents(database.handle.db, channelId, [{ eventId: event.externalId, kind: 'inbound', event }]);
}
/** Receipts of messages that nobody here has sent: they wait for their attempt. */
async function tellReceipts(externalIds: readonly string[]): Promise<void> {
  const events = externalIds.map((externalId) => ({
    eventId: externalId,
    kind: 'receipt',
    event: { externalId, status: 'read', at: new Date().toISOString() },
  }));
  await storeEvents(database.handle.db, channelId, events);
}
const receiptOf = (externalId: string) => database.handle.db.select().from(schema.receipts).where(eq(schema.receipts.externalId, externalId));
const messagesOf = (text: string) => database.handle.db.select().from(schema.messages).where(eq(schema.messages.text, text));

test('H7 an event that another relay has applied since it was listed is not taken again', async () => {
  const { db } = database.handle;
  await write('once');
  const [listed] = await listUnapplied(db, 1);
  await round();
  expect(await messagesOf('once')).toHaveLength(1);
  expect(await db.transaction((tx) => lockEvent(tx, listed!.id))).toBeNull();
});

test('R10 the name that an unknown sender goes by is kept on one line', async () => {
  for (const [given, kept] of [
    ['Anna\r\nBcc:\u202eBen', 'Anna Bcc: Ben'],
    ['\u202e', 'Unknown sender'],
  ]) {
    const text = uuidv7();
    await write(text, given);
    await round();
    const [message] = await messagesOf(text);
    const [thread] = await database.handle.db.select().from(schema.threads).where(eq(schema.threads.id, message!.threadId!));
    const [client] = await database.handle.db.select().from(schema.clients).where(eq(schema.clients.id, thread!.clientId));
    expect(client!.name).toBe(kept);
  }
});

test('H7 relays at once: every event is applied one time', async () => {
  await Promise.all(Array.from({ length: 10 }, (_, i) => write(`crowd ${i}`)));
  await Promise.all(Array.from({ length: 4 }, round));
  await round();
  for (let i = 0; i < 10; i++) expect(await messagesOf(`crowd ${i}`)).toHaveLength(1);
});

test('H7 what a client wrote is not held up by the receipts that came before it', async () => {
  await tellReceipts(Array.from({ length: 300 }, (_, i) => `before ${i}`));
  await write('after many receipts');
  await round();
  expect(await messagesOf('after many receipts')).toHaveLength(1);
  while ((await round()) > 0);
  expect(await receiptOf('before 299')).toHaveLength(1);
});

test('H7 a receipt that has to wait holds up no other', async () => {
  const { client, db } = database.handle;
  await db.execute(sql`
    create function wait_for_test() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock(77); return new; end $$`);
  await db.execute(sql`create trigger wait_for_test before insert on receipts for each row when (new.external_id = 'slow') execute function wait_for_test()`);
  const holder = await client.reserve();
  try {
    await holder`select pg_advisory_lock(77)`;
    await tellReceipts(['slow', 'quick']);
    const working = round();
    await until(async () => (await receiptOf('quick')).length === 1, { what: 'the receipt after the slow one' });
    expect(await receiptOf('slow')).toHaveLength(0);
    await holder`select pg_advisory_unlock(77)`;
    await working;
    expect(await receiptOf('slow')).toHaveLength(1);
  } finally {
    holder.release();
  }
});
