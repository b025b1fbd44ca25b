/** /v1/dispatches/{id}/resolve-outcome */

import { readSendEpoch } from '../../../../../db/settings.js';
import { resolveOutcome as update } from '../../../../../workflows/dispatch-message.contract.js';
import { idParam } from '../../../../contract/common.js';
import { outcomeResolution } from '../../../../contract/dispatches.js';
import { standing } from '../../../../contract/dispatch-views.js';
import { messageHeaders, tell } from '../../../../message.js';
import { route } from '../../../../route.js';

export const resolveOutcome = route({
  method: 'post',
  path: '/v1/dispatches/{id}/resolve-outcome',
  operationId: 'resolveOutcome',
  tag: 'Messages to a dispatch',
  summary: 'Say what became of a message in doubt',
  description: '`sent`: go on to the disposition. `not_sent`: a new attempt. `resend`: send again under the same key, flagged as a possible duplicate.',
  access: 'send',
  params: idParam,
  headers: messageHeaders,
  body: outcomeResolution,
  refusals: ['NOT_WAITING', 'TOO_LATE'],
  response: { status: 200, description: 'Done.', schema: standing },
  deadlineMs: (deps) => deps.limits.requestMs + deps.limits.messageMs,
  handle: (call) =>
    tell(call, 'resolveOutcome', update, async (actor) => ({ ...actor, outcome: call.body.outcome, sendEpoch: await readSendEpoch(call.deps.db) })),
});
