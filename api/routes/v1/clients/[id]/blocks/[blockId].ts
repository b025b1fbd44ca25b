/** /v1/clients/{id}/blocks/{blockId} */

import { z } from 'zod';
import { liftBlock as lift } from '../../../../../../db/blocks.js';
import { id } from '../../../../../contract/common.js';
import { refuse } from '../../../../../problem.js';
import { route } from '../../../../../route.js';

export const liftBlock = route({
  method: 'delete',
  path: '/v1/clients/{id}/blocks/{blockId}',
  operationId: 'liftBlock',
  tag: 'Clients',
  summary: 'Lift a block',
  access: 'clients',
  params: z.object({ id, blockId: id }),
  response: { status: 204, description: 'Lifted.', schema: z.undefined() },
  handle: async ({ deps, params }) => ((await lift(deps.db, params.id, params.blockId)) ? { body: undefined } : refuse('NOT_FOUND')),
});
