import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { sql } from 'drizzle-orm';
import { createPlugins } from '../../channels/plugins.js';
import { mergeConfig } from '../../channels/secrets.js';
import { listChannels } from '../../db/channels.js';
import { seedIfEmpty } from '../../db/seed.js';
import { normaliseContactPoint } from '../../domain/contact-point.js';
import type { ContactPointKind } from '../../domain/channel.js';
import { createSecretBox } from '../../runtime/secret-box.js';
import { createTestDatabase, type TestDatabase } from '../support/stack.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const box = createSecretBox(Buffer.alloc(32, 1));
const sandbox = { smtpPort: 2525, whatsappUrl: 'http://127.0.0.1:3081' };

test('an empty database is filled once; the second time does no harm, also at the same moment', async () => {
  const [one, other] = await Promise.all([seedIfEmpty(database.handle, box, sandbox), seedIfEmpty(database.handle, box, sandbox)]);
  expect([one, other].filter((keys) => keys !== null)).toHaveLength(1);
  expect(await seedIfEmpty(database.handle, box, sandbox)).toBeNull();
  const [counted] = await database.handle.db.execute(
    sql`select (select count(*)::int from clients) as clients, (select count(*)::int from staff) as staff, (select count(*)::int from api_keys) as keys`,
  );
  expect(counted).toEqual({ clients: 50, staff: 4, keys: 4 });
});

test('channels carry a configuration that their plug-ins take, with the secrets sealed', async () => {
  const plugins = createPlugins();
  for (const row of await listChannels(database.handle.db)) {
    const secrets = box.open(row.id, { credentials: row.credentials!, credentialsKey: row.credentialsKey! }) as Record<string, unknown>;
    expect(plugins.find(row.type, row.provider)?.configSchema.safeParse(mergeConfig(row.config, secrets)).error).toBeUndefined();
    for (const secret of Object.values(secrets).flat()) expect(JSON.stringify(row.config)).not.toContain(secret);
  }
  await plugins.close();
});

test('contact points are stored in the form that a typed one is brought to', async () => {
  const rows = await database.handle.db.execute<{ kind: ContactPointKind; value: string; address: string }>(
    sql`select kind, value, address from contact_points`,
  );
  expect(rows.length).toBeGreaterThan(50);
  expect(rows.filter(({ kind, address }) => !normaliseContactPoint(kind, address).ok)).toEqual([]);
  for (const { kind, value, address } of rows) expect(normaliseContactPoint(kind, address)).toEqual({ ok: true, value, address });
});
