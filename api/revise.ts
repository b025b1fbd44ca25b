/** A new revision of a running dispatch: what is not named is taken over, and the whole passes the door like a submit. */

import type { UpdateDefinition } from '@temporalio/common';
import { findStanding } from '../db/standing.js';
import { addRevision } from '../db/submit.js';
import type { Content } from '../domain/content.js';
import type { Disposition } from '../domain/disposition.js';
import { type DispatchMessage, isEndState } from '../domain/dispatch.js';
import type { NewRevision, Standing } from '../workflows/dispatch-message.contract.js';
import { openChannel } from './channel-config.js';
import type { ApiDeps } from './deps.js';
import { askDoor, dispositionFaults, passDoor, type Wanted } from './door.js';
import { type MessageCall, tell } from './message.js';
import { Refusal, refuse, refuseFields } from './problem.js';

export interface Change {
  channelId?: string | undefined;
  contactPointId?: string | undefined;
  content?: Content | undefined;
  /** A template alone; subject, sender and blind copies stay. */
  template?: { templateId: string; variables: Record<string, string> } | undefined;
  disposition?: Disposition | undefined;
}

/** Stores the revision, then sends the message that carries its number. */
export function reviseAndTell(
  call: MessageCall,
  message: DispatchMessage,
  definition: UpdateDefinition<Standing, [NewRevision]>,
  change: Change,
): ReturnType<typeof tell> {
  return tell(call, message, definition, async (actor) => {
    const revision = await revise(call.deps, call.params.id, change, actor.actorId);
    return revision instanceof Refusal ? revision : { ...actor, revision };
  });
}

/** Whether this disposition may repair the one that failed; null is yes. */
export async function refuseRepair(deps: ApiDeps, dispatchId: string, disposition: Disposition): Promise<Refusal | null> {
  const standing = await findStanding(deps.db, dispatchId);
  if (!standing) return refuse('NOT_FOUND');
  const wanted: Wanted = { ...standing.revision, disposition, takenOver: true };
  const faults = dispositionFaults(disposition, { id: standing.senderId, role: standing.senderRole }, null, await askDoor(deps, wanted));
  return faults.length > 0 ? refuseFields(faults) : null;
}

/** Stores the revision and tells its number; it takes force when the workflow says so. */
async function revise(deps: ApiDeps, dispatchId: string, change: Change, actorId: string): Promise<number | Refusal> {
  const standing = await findStanding(deps.db, dispatchId);
  if (!standing) return refuse('NOT_FOUND');
  if (isEndState(standing.state)) return refuse('TOO_LATE');
  const { revision } = standing;
  const content = change.content ?? (change.template ? withTemplate(revision.content, change.template) : revision.content);
  const wanted: Wanted = {
    ...recipientOf(revision, change),
    channelId: change.channelId ?? revision.channelId,
    content,
    templateVersion: revision.templateVersion,
    disposition: change.disposition ?? revision.disposition,
    tagIds: revision.tagIds,
    takenOver: content === revision.content,
  };
  if (!wanted.takenOver) wanted.templateVersion = null;
  const facts = await askDoor(deps, wanted);
  // A disposition that was meant for a thread does not follow to a channel without one.
  if (change.disposition === undefined && facts.channel) {
    const { plugin, config } = openChannel(deps, facts.channel);
    if (!plugin.capabilities(config).opensThread) wanted.disposition = null;
  }
  const row = passDoor(deps, wanted, { id: standing.senderId, role: standing.senderRole }, facts, change.template ? '' : '/content');
  if (row instanceof Refusal) return row;
  return await addRevision(deps.db, dispatchId, { ...row, createdBy: actorId }, keepsRecipient(change) ? revision.revision : null);
}

/** Another channel may reach another contact point, so that the one in force does not follow. */
function keepsRecipient({ channelId, contactPointId }: Change): boolean {
  return channelId === undefined && contactPointId === undefined;
}

/** The recipient as it was asked for; a person's pick is kept beside it. */
function recipientOf(revision: Pick<Wanted, 'contactPointId' | 'recipientPolicy'>, change: Change): Pick<Wanted, 'contactPointId' | 'recipientPolicy'> {
  if (change.contactPointId !== undefined) return { contactPointId: change.contactPointId, recipientPolicy: 'explicit' };
  if (keepsRecipient(change)) return { contactPointId: revision.contactPointId, recipientPolicy: revision.recipientPolicy };
  return { contactPointId: null, recipientPolicy: revision.recipientPolicy === 'explicit' ? 'ask' : revision.recipientPolicy };
}

function withTemplate(before: Content, template: { templateId: string; variables: Record<string, string> }): Content {
  const { subject, from, bcc } = before;
  return {
    kind: 'template',
    ...template,
    ...(subject === undefined ? {} : { subject }),
    ...(from === undefined ? {} : { from }),
    ...(bcc === undefined ? {} : { bcc }),
  };
}
