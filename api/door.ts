/** The door: what is refused before a dispatch exists, by the rules of the domain. Whether we may send at all is the dispatch's own check. */

import { readDoorFacts, type DoorFacts } from '../db/door.js';
import type { NewRevisionRow } from '../db/submit.js';
import type { Capabilities } from '../domain/channel.js';
import { type RefusalCode, refusals } from '../domain/codes.js';
import { type Content, refuseContent } from '../domain/content.js';
import { type Disposition, refuseDisposition, type Sender } from '../domain/disposition.js';
import { policyInForce } from '../domain/plan.js';
import { refuseVariables } from '../domain/template.js';
import { refuseTemplate } from '../domain/template-use.js';
import { openChannel } from './channel-config.js';
import type { ApiDeps } from './deps.js';
import { type Refusal, refuse, refuseFields } from './problem.js';

/** What somebody wants said; content that is taken over from an earlier revision keeps its frozen version of the template. */
export interface Wanted extends Omit<NewRevisionRow, 'createdBy'> {
  takenOver: boolean;
  /** The client is named by an email address, so that an email is the first thing to think of. */
  byEmail?: boolean;
}

interface Fault {
  code: RefusalCode;
  pointer: string;
  detail?: string;
}

type Carrier = Pick<Capabilities, 'text' | 'subject' | 'bcc' | 'attachments' | 'opensThread'>;

/** The two ways that a message can go while its channel is not known, each as wide as any channel of its kind (R75, R77, R79). */
const anyMail: Carrier = { text: null, subject: true, bcc: true, attachments: null, opensThread: false };
const anyChat: Carrier = { text: null, subject: false, bcc: false, attachments: null, opensThread: true };

/** Reads what the door has to know about this; `more` adds questions of the caller's own. */
export function askDoor(deps: ApiDeps, wanted: Wanted, more: Partial<Parameters<typeof readDoorFacts>[1]> = {}): Promise<DoorFacts> {
  const { content, disposition } = wanted;
  return readDoorFacts(deps.db, {
    clientId: null,
    key: null,
    channelId: wanted.channelId,
    templateId: content.kind === 'template' && !wanted.takenOver ? (content.templateId ?? null) : null,
    target: disposition?.kind === 'transfer' ? disposition.target : null,
    ...more,
  });
}

/** The revision to store, or all that is wrong with it. `at` is where the content stands in the caller's body. */
export function passDoor(
  deps: ApiDeps,
  wanted: Wanted,
  sender: Sender,
  facts: DoorFacts,
  at: string = '/content',
): Omit<NewRevisionRow, 'createdBy'> | Refusal {
  const { takenOver, byEmail = false, ...row } = wanted;
  if (row.channelId && !facts.channel) return refuseMissing('/channelId', 'There is no such channel.');
  const channel = facts.channel && openChannel(deps, facts.channel);
  const capabilities = channel?.plugin.capabilities(channel.config) ?? null;
  const fresh = row.content.kind === 'template' && !takenOver;
  if (fresh && !facts.template) return refuseMissing(`${at}/templateId`, 'There is no such template.');
  const judge = (carrier: Carrier, mailboxes: readonly string[]): Fault[] => [
    ...refuseContent(row.content, carrier, mailboxes, facts.settings.bccPattern).map((one) => ({ ...one, pointer: at + one.pointer })),
    ...(fresh ? templateFaults(row.content, facts, capabilities, at) : []),
    ...dispositionFaults(row.disposition, sender, carrier, facts),
  ];
  if (channel && capabilities) {
    const faults = judge(capabilities, channel.plugin.mailboxes(channel.config));
    if (faults.length > 0) return refuseFields(faults);
  } else {
    // Whatever mailbox is named, it may be one of the channel that is found.
    const mail = judge(anyMail, row.content.from === undefined ? [] : [row.content.from]);
    const refusal = refuseEverywhere(mail, judge(anyChat, []), byEmail);
    if (refusal) return refusal;
  }
  return { ...row, templateVersion: fresh ? facts.template!.currentVersion : row.templateVersion };
}

/**
 * What is wrong whichever channel carries it: known from the body alone, so that no dispatch has to find it out. What only an email or
 * only the others could not carry is left to the verdict, which knows the channel.
 */
function refuseEverywhere(mail: readonly Fault[], chat: readonly Fault[], byEmail: boolean): Refusal | null {
  const among = (some: readonly Fault[]) => (fault: Fault) => some.some((one) => one.code === fault.code && one.pointer === fault.pointer);
  const apart = (of: readonly Fault[], others: readonly Fault[], where: string): Fault[] =>
    of.filter((one) => !among(others)(one)).map((one) => ({ ...one, detail: `${where}: ${one.detail ?? refusals[one.code].detail}` }));
  const ways = [apart(chat, mail, 'On any other channel'), apart(mail, chat, 'As an email')];
  if (byEmail) ways.reverse();
  const common = mail.filter(among(chat));
  // The way that lacks least is told first.
  const faults = ways.some((one) => one.length === 0) ? common : [...common, ...ways.toSorted((one, other) => one.length - other.length).flat()];
  return faults.length > 0 ? refuseFields(faults) : null;
}

function templateFaults(content: Content, facts: DoorFacts, capabilities: Capabilities | null, at: string): Fault[] {
  const { status, origin, channelId, newest } = facts.template!;
  const { channel } = facts;
  const code = refuseTemplate(
    { registered: origin === 'registered', status, textOnly: newest.textOnly, channelId },
    channel && capabilities && { id: channel.id, capabilities, policy: policyInForce(channel.type, channel.policy) },
  );
  const faults = refuseVariables(newest.variables, content.variables ?? {}).map((one) => ({ ...one, pointer: at + one.pointer }));
  return code ? [{ code, pointer: `${at}/templateId` }, ...faults] : faults;
}

/** A disposition alone, as `setDisposition` brings it. */
export function dispositionFaults(
  disposition: Disposition | null,
  sender: Sender,
  capabilities: Pick<Capabilities, 'opensThread'> | null,
  facts: Pick<DoorFacts, 'targetKnown'>,
): Fault[] {
  const code = refuseDisposition(disposition, sender, capabilities?.opensThread ?? null);
  if (code) return [{ code, pointer: '/disposition' }];
  return disposition?.kind === 'transfer' && !facts.targetKnown ? [{ code: 'TRANSFER_TARGET_UNKNOWN', pointer: '/disposition/target' }] : [];
}

/** Something that the body names does not exist. */
export function refuseMissing(pointer: string, detail: string): Refusal {
  return refuse('NOT_FOUND', { detail, errors: [{ pointer, detail }] });
}
