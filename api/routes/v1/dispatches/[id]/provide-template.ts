/** /v1/dispatches/{id}/provide-template */

import { provideTemplate as update } from '../../../../../workflows/dispatch-message.contract.js';
import { idParam } from '../../../../contract/common.js';
import { templateChoice } from '../../../../contract/dispatches.js';
import { standing } from '../../../../contract/dispatch-views.js';
import { messageHeaders } from '../../../../message.js';
import { reviseAndTell } from '../../../../revise.js';
import { route } from '../../../../route.js';

export const provideTemplate = route({
  method: 'post',
  path: '/v1/dispatches/{id}/provide-template',
  operationId: 'provideTemplate',
  tag: 'Messages to a dispatch',
  summary: 'Give the template that is needed',
  description:
    'In `needs_template`. A pick that was made holds. Whether a registered template is needed is for the check to say: where one is, and another was given, the dispatch waits in `needs_template` again.',
  access: 'send',
  params: idParam,
  headers: messageHeaders,
  body: templateChoice,
  refusals: ['NOT_WAITING', 'TOO_LATE', 'TEMPLATE_NOT_APPROVED', 'TEMPLATE_NOT_SUPPORTED', 'VARIABLE_MISSING', 'VARIABLE_INVALID'],
  response: { status: 200, description: 'Done.', schema: standing },
  deadlineMs: (deps) => deps.limits.requestMs + deps.limits.messageMs,
  handle: (call) => reviseAndTell(call, 'provideTemplate', update, { template: call.body }),
});
