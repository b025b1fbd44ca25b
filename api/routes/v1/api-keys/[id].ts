/** /v1/api-keys/{id} */

import { z } from 'zod';
import { revokeKey } from '../../../../db/api-keys.js';
import { idParam } from '../../../contract/common.js';
import { refuse } from '../../../problem.js';
import { route } from '../../../route.js';

export const revokeApiKey = route({
  method: 'delete',
  path: '/v1/api-keys/{id}',
  operationId: 'revokeApiKey',
  tag: 'Installation',
  summary: 'Revoke a key',
  description: 'It is refused from the next request on. Harmless when repeated.',
  access: 'admin',
  params: idParam,
  response: { status: 204, description: 'Revoked.', schema: z.undefined() },
  handle: async ({ deps, params }) => ((await revokeKey(deps.db, params.id)) ? { body: undefined } : refuse('NOT_FOUND')),
});
