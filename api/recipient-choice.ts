/** A pick of the recipient: whoever comes second is told of the first one, and whoever says theirs again is answered like the first time (R94, H6). */

import type { z } from 'zod';
import { findStanding } from '../db/standing.js';
import { isSamePick, type Pick } from '../domain/recipient.js';
import { chooseRecipient } from '../workflows/dispatch-message.contract.js';
import type { standing } from './contract/dispatch-views.js';
import { type MessageCall, tell } from './message.js';
import { Refusal, refuse } from './problem.js';
import type { Reply } from './route.js';

/** Safe to repeat, without a key too: the pick that is on record is not made again. */
export async function choose(call: MessageCall, contactPointId: string): Promise<Reply<z.input<typeof standing>> | Refusal> {
  const said: { pick?: Pick } = {};
  const answer = await tell(call, 'chooseRecipient', chooseRecipient, (actor) => {
    said.pick = { contactPointId, chosenBy: actor.actorId };
    return { ...actor, contactPointId };
  });
  if (!(answer instanceof Refusal) || answer.code !== 'CHOICE_ALREADY_MADE') return answer;
  const row = await findStanding(call.deps.db, call.params.id);
  if (!row?.choice) return answer;
  const { choice, state, waitingFor } = row;
  return said.pick && isSamePick(choice, said.pick) ? { body: { dispatchId: row.id, state, waitingFor } } : refuse('CHOICE_ALREADY_MADE', { choice });
}
