/** /v1/dispatches/{id}/recipient-choice */

import { idParam } from '../../../../contract/common.js';
import { recipientChoice } from '../../../../contract/dispatches.js';
import { standing } from '../../../../contract/dispatch-views.js';
import { messageHeaders } from '../../../../message.js';
import { choose } from '../../../../recipient-choice.js';
import { route } from '../../../../route.js';

export const chooseRecipient = route({
  method: 'post',
  path: '/v1/dispatches/{id}/recipient-choice',
  operationId: 'chooseRecipient',
  tag: 'Messages to a dispatch',
  summary: 'Pick the recipient',
  description:
    'Fixes the choice and releases the send. A second pick is refused and told what was chosen, by whom and when; the same pick of the same person is answered like the first.',
  access: 'send',
  counted: false,
  params: idParam,
  headers: messageHeaders,
  body: recipientChoice,
  refusals: ['CHOICE_INVALID', 'CHOICE_ALREADY_MADE', 'CHOICE_EXPIRED', 'NOT_WAITING'],
  response: { status: 200, description: 'Done.', schema: standing },
  deadlineMs: (deps) => deps.limits.requestMs + deps.limits.messageMs,
  handle: (call) => choose(call, call.body.contactPointId),
});
