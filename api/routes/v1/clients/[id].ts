/** /v1/clients/{id} */

import { findClient } from '../../../../db/clients.js';
import { viewClient } from '../../../client-view.js';
import { client } from '../../../contract/clients.js';
import { idParam } from '../../../contract/common.js';
import { refuse } from '../../../problem.js';
import { route } from '../../../route.js';

export const readClient = route({
  method: 'get',
  path: '/v1/clients/{id}',
  operationId: 'readClient',
  tag: 'Clients',
  summary: 'One client with its contact points',
  access: 'read',
  params: idParam,
  response: { status: 200, description: 'The client.', schema: client },
  handle: async ({ deps, params }) => {
    const found = await findClient(deps.db, params.id);
    return found ? { body: viewClient(found) } : refuse('NOT_FOUND');
  },
});
