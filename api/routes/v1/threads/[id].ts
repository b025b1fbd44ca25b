/** /v1/threads/{id} */

import { findThread, listMessages } from '../../../../db/threads-read.js';
import { idParam } from '../../../contract/common.js';
import { threadDetail } from '../../../contract/threads.js';
import { refuse } from '../../../problem.js';
import { route } from '../../../route.js';
import { viewMessages } from '../../../thread-view.js';

/** How much of the history comes with a thread; the rest is paged. */
const newest = 50;

export const readThread = route({
  method: 'get',
  path: '/v1/threads/{id}',
  operationId: 'readThread',
  tag: 'Threads',
  summary: 'One thread with its newest messages',
  access: 'read',
  params: idParam,
  response: { status: 200, description: 'The thread.', schema: threadDetail },
  handle: async ({ deps, principal, params }) => {
    const [thread, page] = await Promise.all([findThread(deps.db, params.id), listMessages(deps.db, params.id, { limit: newest, after: null })]);
    return thread ? { body: { ...thread, messages: viewMessages(page, principal) } } : refuse('NOT_FOUND');
  },
});
