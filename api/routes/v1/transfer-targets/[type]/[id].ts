/** /v1/transfer-targets/{type}/{id} */

import { z } from 'zod';
import { archiveTransferTarget as archive } from '../../../../../db/staff.js';
import { newTransferTarget } from '../../../../contract/installation.js';
import { refuse } from '../../../../problem.js';
import { route } from '../../../../route.js';

export const archiveTransferTarget = route({
  method: 'delete',
  path: '/v1/transfer-targets/{type}/{id}',
  operationId: 'archiveTransferTarget',
  tag: 'Installation',
  summary: 'Take a transfer target out of use',
  description: 'New dispatches that name it are refused; one whose message has left waits for another disposition. Harmless when repeated.',
  access: 'admin',
  params: z.object({ type: newTransferTarget.shape.type, id: newTransferTarget.shape.id }),
  response: { status: 204, description: 'Out of use.', schema: z.undefined() },
  handle: async ({ deps, params }) => ((await archive(deps.db, params)) ? { body: undefined } : refuse('NOT_FOUND')),
});
