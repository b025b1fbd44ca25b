/** /v1/dispatches/{id}/retry-now */

import { retryNow as update } from '../../../../../workflows/dispatch-message.contract.js';
import { idParam } from '../../../../contract/common.js';
import { plainMessage } from '../../../../contract/dispatches.js';
import { standing } from '../../../../contract/dispatch-views.js';
import { messageHeaders, tell } from '../../../../message.js';
import { route } from '../../../../route.js';

export const retryNow = route({
  method: 'post',
  path: '/v1/dispatches/{id}/retry-now',
  operationId: 'retryNow',
  tag: 'Messages to a dispatch',
  summary: 'Make the next attempt now',
  description: 'Cuts a back-off short.',
  access: 'send',
  params: idParam,
  headers: messageHeaders,
  body: plainMessage,
  refusals: ['TOO_LATE', 'NOT_WAITING'],
  response: { status: 200, description: 'Done.', schema: standing },
  deadlineMs: (deps) => deps.limits.requestMs + deps.limits.messageMs,
  handle: (call) => tell(call, 'retryNow', update, (actor) => actor),
});
