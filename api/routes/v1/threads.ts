/** /v1/threads */

import { listThreads as readThreads } from '../../../db/threads-read.js';
import { threadFilter, threadList } from '../../contract/threads.js';
import { pageBody } from '../../cursor.js';
import { route } from '../../route.js';

export const listThreads = route({
  method: 'get',
  path: '/v1/threads',
  operationId: 'listThreads',
  tag: 'Threads',
  summary: 'List threads, newest first',
  access: 'read',
  query: threadFilter,
  response: { status: 200, description: 'One page.', schema: threadList },
  handle: async ({ deps, query }) => {
    const { limit, cursor, ...filter } = query;
    return { body: pageBody(await readThreads(deps.db, filter, { limit, after: cursor ?? null })) };
  },
});
