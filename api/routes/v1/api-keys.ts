/** /v1/api-keys */

import { insertKey, listKeys, makeKey } from '../../../db/api-keys.js';
import { findStaff } from '../../../db/staff.js';
import { apiKeyList, newKey, shownKey } from '../../contract/installation.js';
import { refuseMissing } from '../../door.js';
import { route } from '../../route.js';

export const createApiKey = route({
  method: 'post',
  path: '/v1/api-keys',
  operationId: 'createApiKey',
  tag: 'Installation',
  summary: 'Make a key for a service or a person',
  description: 'The key is shown this one time; only its hash is stored.',
  access: 'admin',
  body: newKey,
  response: { status: 201, description: 'Made.', schema: shownKey },
  handle: async ({ deps, body }) => {
    const staffId = body.staffId ?? null;
    if (staffId && !(await findStaff(deps.db, staffId))) return refuseMissing('/staffId', 'There is no such member of staff.');
    const { key, ...stored } = makeKey();
    const row = await insertKey(deps.db, { ...stored, name: body.name, staffId, scopes: body.scopes, endsAt: null });
    return { body: { ...row, key } };
  },
});

export const listApiKeys = route({
  method: 'get',
  path: '/v1/api-keys',
  operationId: 'listApiKeys',
  tag: 'Installation',
  summary: 'All keys, newest first, revoked ones included',
  access: 'admin',
  response: { status: 200, description: 'All of them.', schema: apiKeyList },
  handle: async ({ deps }) => ({ body: { items: await listKeys(deps.db), nextCursor: null } }),
});
