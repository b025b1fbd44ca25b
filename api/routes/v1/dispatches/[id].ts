/** /v1/dispatches/{id} */

import { findDispatchDetail } from '../../../../db/dispatches-read.js';
import { isStaff } from '../../../auth.js';
import { idParam } from '../../../contract/common.js';
import { dispatchDetail } from '../../../contract/dispatch-views.js';
import { viewDetail } from '../../../dispatch-view.js';
import { refuse } from '../../../problem.js';
import { route } from '../../../route.js';

export const readDispatch = route({
  method: 'get',
  path: '/v1/dispatches/{id}',
  operationId: 'readDispatch',
  tag: 'Dispatches',
  summary: 'Everything known of one dispatch',
  access: 'read',
  params: idParam,
  response: { status: 200, description: 'The dispatch.', schema: dispatchDetail },
  handle: async ({ deps, principal, params }) => {
    const detail = await findDispatchDetail(deps.db, params.id);
    return detail ? { body: viewDetail(deps, detail, isStaff(principal)) } : refuse('NOT_FOUND');
  },
});
