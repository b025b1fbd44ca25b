/** /v1/clients/{id}/blocks */

import { blockClient as insert, listBlocks as read } from '../../../../../db/blocks.js';
import { findClient } from '../../../../../db/clients.js';
import { block, blockList, newBlock } from '../../../../contract/clients.js';
import { idParam } from '../../../../contract/common.js';
import { refuseMissing } from '../../../../door.js';
import { refuse } from '../../../../problem.js';
import { route } from '../../../../route.js';

export const blockClient = route({
  method: 'post',
  path: '/v1/clients/{id}/blocks',
  operationId: 'blockClient',
  tag: 'Clients',
  summary: 'Block a client on one channel or on all',
  description: 'It holds at once, also for dispatches that wait. Harmless when repeated.',
  access: 'clients',
  params: idParam,
  body: newBlock,
  response: { status: 201, description: 'The block in force.', schema: block },
  handle: async ({ deps, principal, params, body }) => {
    const made = await insert(deps.db, { clientId: params.id, ...body, createdBy: principal.sender.id });
    if (made.kind === 'blocked') return { body: made.block };
    return made.what === 'client' ? refuse('NOT_FOUND') : refuseMissing(`/${made.what}Id`, 'There is nothing with this id.');
  },
});

export const listBlocks = route({
  method: 'get',
  path: '/v1/clients/{id}/blocks',
  operationId: 'listBlocks',
  tag: 'Clients',
  summary: 'Blocks in force',
  access: 'read',
  params: idParam,
  response: { status: 200, description: 'All of them, oldest first.', schema: blockList },
  handle: async ({ deps, params }) => {
    if (!(await findClient(deps.db, params.id))) return refuse('NOT_FOUND');
    return { body: { items: await read(deps.db, params.id), nextCursor: null } };
  },
});
