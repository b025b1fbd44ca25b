/** /v1/dispatches/{id}/disposition */

import type { Disposition } from '../../../../../domain/disposition.js';
import { setDisposition as update } from '../../../../../workflows/dispatch-message.contract.js';
import { idParam } from '../../../../contract/common.js';
import { dispositionRepair } from '../../../../contract/dispatches.js';
import { standing } from '../../../../contract/dispatch-views.js';
import { messageHeaders, tell } from '../../../../message.js';
import { refuseRepair } from '../../../../revise.js';
import { route } from '../../../../route.js';

export const setDisposition = route({
  method: 'post',
  path: '/v1/dispatches/{id}/disposition',
  operationId: 'setDisposition',
  tag: 'Messages to a dispatch',
  summary: 'Repair a disposition',
  description: 'When the message is sent and what was to become of the thread could not be done.',
  access: 'send',
  params: idParam,
  headers: messageHeaders,
  body: dispositionRepair,
  refusals: ['NOT_WAITING', 'TOO_LATE', 'DISPOSITION_NOT_ALLOWED', 'TRANSFER_TARGET_UNKNOWN'],
  response: { status: 200, description: 'Done.', schema: standing },
  deadlineMs: (deps) => deps.limits.requestMs + deps.limits.messageMs,
  handle: (call) =>
    tell(call, 'setDisposition', update, async (actor) => {
      const disposition = call.body.disposition as Disposition;
      const refusal = await refuseRepair(call.deps, call.params.id, disposition);
      return refusal ?? { ...actor, disposition };
    }),
});
