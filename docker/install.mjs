/** Brings the database up to date and, on the first run, makes an admin and prints their key, this one time. Harmless when repeated. */

import { insertKey, makeKey } from '../dist/db/api-keys.js';
import { connectDatabase } from '../dist/db/connect.js';
import { migrateDatabase } from '../dist/db/migrate.js';
import { createStaff, listStaff } from '../dist/db/staff.js';
import { inProject } from '../dist/runtime/paths.js';

const url = process.env.DATABASE_URL;
const applied = await migrateDatabase({ url, migrationsFolder: inProject('db', 'migrations') });
console.log(`Migrations applied: ${applied}.`);

const handle = connectDatabase({ url, max: 1, name: 'waybill-install' });
const key = await handle.db.transaction(async (tx) => {
  if ((await listStaff(tx)).length > 0) return null;
  const admin = await createStaff(tx, { name: 'Admin', role: 'admin' });
  const { key: secret, ...stored } = makeKey();
  await insertKey(tx, { ...stored, name: 'First admin', staffId: admin.id, scopes: [], endsAt: null });
  return secret;
});
await handle.close();
console.log(key === null ? 'There is staff already.' : `The key of the first admin, shown only now: ${key}`);
