/** /v1/threads/{id}/close */

import { closeThread as close, findThread } from '../../../../../db/threads-read.js';
import { mayCloseThread } from '../../../../../domain/thread.js';
import { idParam } from '../../../../contract/common.js';
import { thread } from '../../../../contract/threads.js';
import { refuse } from '../../../../problem.js';
import { route } from '../../../../route.js';

export const closeThread = route({
  method: 'post',
  path: '/v1/threads/{id}/close',
  operationId: 'closeThread',
  tag: 'Threads',
  summary: 'Close a thread',
  description: 'Harmless when repeated; `closedBy` tells who was first. An agent closes own and unassigned threads.',
  access: 'send',
  params: idParam,
  response: { status: 200, description: 'The thread, closed.', schema: thread },
  handle: async ({ deps, principal, params }) => {
    const before = await findThread(deps.db, params.id);
    if (!before) return refuse('NOT_FOUND');
    if (!mayCloseThread(principal.sender, before)) return refuse('ROLE_NOT_ALLOWED');
    await close(deps.db, params.id, principal.sender.id);
    const after = await findThread(deps.db, params.id);
    return { body: after! };
  },
});
