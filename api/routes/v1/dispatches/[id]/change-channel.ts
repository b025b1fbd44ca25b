/** /v1/dispatches/{id}/change-channel */

import { changeChannel as update } from '../../../../../workflows/dispatch-message.contract.js';
import { idParam } from '../../../../contract/common.js';
import { rerouting } from '../../../../contract/dispatches.js';
import { standing } from '../../../../contract/dispatch-views.js';
import { messageHeaders, whileSending } from '../../../../message.js';
import { type Change, reviseAndTell } from '../../../../revise.js';
import { route } from '../../../../route.js';

export const changeChannel = route({
  method: 'post',
  path: '/v1/dispatches/{id}/change-channel',
  operationId: 'changeChannel',
  tag: 'Messages to a dispatch',
  summary: 'Send by another channel',
  description: `In \`sending\` and in \`needs_template\`. What is not named stays; the whole is checked like a submit. ${whileSending}`,
  access: 'send',
  params: idParam,
  headers: messageHeaders,
  body: rerouting,
  refusals: [
    'NOT_WAITING',
    'TOO_LATE',
    'CONTENT_EMPTY',
    'TEXT_TOO_LONG',
    'SUBJECT_REQUIRED',
    'FROM_NOT_CONNECTED',
    'BCC_INVALID',
    'BCC_NOT_SUPPORTED',
    'TEMPLATE_NOT_APPROVED',
    'TEMPLATE_NOT_SUPPORTED',
    'VARIABLE_MISSING',
    'VARIABLE_INVALID',
    'DISPOSITION_REQUIRED',
    'DISPOSITION_NOT_ALLOWED',
    'TRANSFER_TARGET_UNKNOWN',
  ],
  response: { status: 200, description: 'Done.', schema: standing },
  deadlineMs: (deps) => deps.limits.requestMs + deps.limits.messageMs,
  handle: (call) => reviseAndTell(call, 'changeChannel', update, call.body as Change),
});
