/** /v1/transfer-targets */

import { z } from 'zod';
import { listTransferTargets as readTargets, putTransferTarget as put } from '../../../db/staff.js';
import { transferTargetType } from '../../contract/common.js';
import { newTransferTarget, transferTarget, transferTargetList } from '../../contract/installation.js';
import { route } from '../../route.js';

export const putTransferTarget = route({
  method: 'post',
  path: '/v1/transfer-targets',
  operationId: 'putTransferTarget',
  tag: 'Installation',
  summary: 'Add or rename a transfer target',
  access: 'admin',
  body: newTransferTarget,
  response: { status: 201, description: 'As it is now.', schema: transferTarget },
  handle: async ({ deps, body }) => {
    await put(deps.db, body);
    return { body };
  },
});

export const listTransferTargets = route({
  method: 'get',
  path: '/v1/transfer-targets',
  operationId: 'listTransferTargets',
  tag: 'Installation',
  summary: 'Where threads can be transferred to, staff included',
  access: 'read',
  query: z.strictObject({ type: transferTargetType.optional() }),
  response: { status: 200, description: 'All of them.', schema: transferTargetList },
  handle: async ({ deps, query }) => ({ body: { items: await readTargets(deps.db, query.type), nextCursor: null } }),
});
