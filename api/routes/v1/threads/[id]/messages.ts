/** /v1/threads/{id}/messages */

import { findThread, listMessages as readMessages } from '../../../../../db/threads-read.js';
import { idParam } from '../../../../contract/common.js';
import { messageList, messageQuery } from '../../../../contract/threads.js';
import { refuse } from '../../../../problem.js';
import { route } from '../../../../route.js';
import { viewMessages } from '../../../../thread-view.js';

export const listMessages = route({
  method: 'get',
  path: '/v1/threads/{id}/messages',
  operationId: 'listMessages',
  tag: 'Threads',
  summary: 'The history of a thread, newest first',
  access: 'read',
  params: idParam,
  query: messageQuery,
  response: { status: 200, description: 'One page.', schema: messageList },
  handle: async ({ deps, principal, params, query }) => {
    if (!(await findThread(deps.db, params.id))) return refuse('NOT_FOUND');
    const page = await readMessages(deps.db, params.id, { limit: query.limit, after: query.cursor ?? null });
    return { body: viewMessages(page, principal) };
  },
});
