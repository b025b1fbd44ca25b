/** /v1/dispatches/{id}/cancel */

import { cancel } from '../../../../../workflows/dispatch-message.contract.js';
import { idParam } from '../../../../contract/common.js';
import { plainMessage } from '../../../../contract/dispatches.js';
import { standing } from '../../../../contract/dispatch-views.js';
import { messageHeaders, tell } from '../../../../message.js';
import { route } from '../../../../route.js';

export const cancelDispatch = route({
  method: 'post',
  path: '/v1/dispatches/{id}/cancel',
  operationId: 'cancelDispatch',
  tag: 'Messages to a dispatch',
  summary: 'Stop before anything is sent',
  description: 'Before `sending`, in `awaiting_decision` and in `needs_template`.',
  access: 'send',
  params: idParam,
  headers: messageHeaders,
  body: plainMessage,
  refusals: ['TOO_LATE', 'NOT_WAITING'],
  response: { status: 200, description: 'Done.', schema: standing },
  deadlineMs: (deps) => deps.limits.requestMs + deps.limits.messageMs,
  handle: (call) => tell(call, 'cancel', cancel, (actor) => actor),
});
