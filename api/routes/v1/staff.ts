/** /v1/staff */

import { createStaff as insert, listStaff as readStaff } from '../../../db/staff.js';
import { newStaff, staffList, staffMember } from '../../contract/installation.js';
import { route } from '../../route.js';

export const createStaff = route({
  method: 'post',
  path: '/v1/staff',
  operationId: 'createStaff',
  tag: 'Installation',
  summary: 'Add a member of staff',
  access: 'admin',
  body: newStaff,
  response: { status: 201, description: 'Added.', schema: staffMember },
  handle: async ({ deps, body }) => ({ body: await insert(deps.db, body) }),
});

export const listStaff = route({
  method: 'get',
  path: '/v1/staff',
  operationId: 'listStaff',
  tag: 'Installation',
  summary: 'Who works here',
  access: 'read',
  response: { status: 200, description: 'All of them, oldest first.', schema: staffList },
  handle: async ({ deps }) => ({ body: { items: await readStaff(deps.db), nextCursor: null } }),
});
