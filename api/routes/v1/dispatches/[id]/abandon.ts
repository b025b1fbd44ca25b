/** /v1/dispatches/{id}/abandon */

import { abandon } from '../../../../../workflows/dispatch-message.contract.js';
import { idParam } from '../../../../contract/common.js';
import { plainMessage } from '../../../../contract/dispatches.js';
import { standing } from '../../../../contract/dispatch-views.js';
import { messageHeaders, tell, whileSending } from '../../../../message.js';
import { route } from '../../../../route.js';

export const abandonDispatch = route({
  method: 'post',
  path: '/v1/dispatches/{id}/abandon',
  operationId: 'abandonDispatch',
  tag: 'Messages to a dispatch',
  summary: 'Give up',
  description: `Ends the dispatch \`failed\`; a message that a provider accepted never ends so. ${whileSending}`,
  access: 'send',
  params: idParam,
  headers: messageHeaders,
  body: plainMessage,
  refusals: ['TOO_LATE', 'NOT_WAITING'],
  response: { status: 200, description: 'Done.', schema: standing },
  deadlineMs: (deps) => deps.limits.requestMs + deps.limits.messageMs,
  handle: (call) => tell(call, 'abandon', abandon, (actor) => actor),
});
