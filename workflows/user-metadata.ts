/** What Temporal Web shows of a dispatch in words: ids, codes and times alone, never an address or a name (R4, R116). */

import type { DispatchMessage, WaitingFor } from '../domain/dispatch.js';
import type { SenderRole } from '../domain/disposition.js';
import type { Candidate } from '../domain/recipient.js';

/**
 * The server takes 400 bytes of a summary and 20,000 of details, encoded; an encrypted payload is larger than the JSON of its text
 * by at most this much. Bytes.
 */
const envelopeBytes = 150;
const summaryBytes = 400 - envelopeBytes;
const detailsBytes = 20_000 - envelopeBytes;

/** What is known of a dispatch when it starts. */
export interface Described {
  dispatchId: string;
  clientId: string;
  senderId: string;
  senderRole: SenderRole;
  channelId: string | null;
  channelType: string | null;
  contentKind: string;
}

/** Whom or what a dispatch waits for. */
export interface Wait {
  dispatchId: string;
  senderId: string;
  waitingFor: WaitingFor;
  until: Date;
  reason: string | null;
  candidates: readonly Candidate[];
}

/** What Temporal Web calls the timer of each wait. */
export const timerNames: Record<WaitingFor, string> = {
  recipient: 'recipient choice deadline',
  retry: 'back-off before the next attempt',
  decision: 'decision deadline',
  template: 'template deadline',
  outcome: 'outcome deadline',
  disposition: 'disposition deadline',
  receipt: 'receipt window',
};

/** One line that tells dispatches apart in a list. */
export function summarise({ dispatchId, senderRole, channelType, contentKind }: Described): string {
  return fit(`${channelType ?? 'any channel'} · ${contentKind} · by ${senderRole} · ${dispatchId.slice(-8)}`, summaryBytes);
}

/** Markdown: who sends what to whom, and where the rest can be read. */
export function describeDispatch({ dispatchId, clientId, senderId, senderRole, channelId, channelType, contentKind }: Described, apiUrl: string): string {
  const channel = channelId === null ? 'a channel to be chosen' : `${channelType} channel \`${channelId}\``;
  return fit(
    [
      `A ${contentKind} message of ${senderRole} \`${senderId}\` to client \`${clientId}\` by ${channel}.`,
      `[The dispatch in the API](${apiUrl}/v1/dispatches/${dispatchId}) · [what the API offers](${apiUrl}/docs)`,
    ].join('\n\n'),
    detailsBytes,
  );
}

/** Markdown: who waits for what until when, what happens then, and which call of the API ends the wait sooner. */
export function describeWait({ dispatchId, senderId, waitingFor, until, reason, candidates }: Wait): string {
  const { asks, then, routes } = waits[waitingFor];
  const answers = routes.map((route) => `\`POST /v1/dispatches/${dispatchId}/${route}\``);
  return fit(
    [
      `Sender \`${senderId}\` waits for **${asks}** until **${until.toISOString()}**; then ${then}.`,
      ...(reason === null ? [] : [`Reason: \`${reason}\``]),
      ...(answers.length === 0 ? [] : [`Calls of the API that end the wait:\n\n${listed(answers)}`]),
      ...(waitingFor === 'recipient' ? [`Candidates, in the client’s order:\n\n${listed(candidates.map(describeCandidate))}`] : []),
    ].join('\n\n'),
    detailsBytes,
  );
}

const waits: Record<WaitingFor, { asks: string; then: string; routes: string[] }> = {
  recipient: { asks: 'somebody to choose the recipient', then: 'the dispatch ends `expired` and nothing is sent', routes: ['recipient-choice', 'cancel'] },
  retry: { asks: 'the next attempt', then: 'it is made', routes: ['retry-now', 'change-channel', 'abandon'] },
  decision: { asks: 'somebody to start over or give up', then: 'the dispatch ends `expired`', routes: ['restart', 'cancel'] },
  template: {
    asks: 'somebody to provide a template',
    then: 'the dispatch ends `expired`',
    routes: ['provide-template', 'change-channel', 'cancel', 'abandon'],
  },
  outcome: {
    asks: 'a receipt, or somebody who knows whether the message left',
    then: 'the channel’s settings decide, or the dispatch ends `expired`',
    routes: ['resolve-outcome', 'abandon'],
  },
  disposition: { asks: 'somebody to say what becomes of the thread', then: 'the thread stays active and unassigned', routes: ['disposition'] },
  receipt: { asks: 'the provider’s first receipt', then: 'the dispatch ends `completed`', routes: [] },
};

function describeCandidate({ contactPointId, kind, position, usable, reasons, templateRequired }: Candidate): string {
  const standing = usable ? `can be chosen${templateRequired ? ', takes a template only' : ''}` : `cannot be chosen: ${reasons.join(', ')}`;
  return `${kind} at position ${position}: \`${contactPointId}\` ${standing}`;
}

function listed(items: readonly string[]): string {
  return items.map((item) => `- ${item}`).join('\n');
}

/** Cuts a text to what the server takes; what matters most stands first in it. */
function fit(text: string, maxBytes: number): string {
  if (jsonBytes(text) <= maxBytes) return text;
  let kept = '';
  let room = maxBytes - jsonBytes('…');
  for (const character of text) {
    room -= jsonBytes(character) - jsonBytes('');
    if (room < 0) break;
    kept += character;
  }
  return `${kept}…`;
}

function jsonBytes(text: string): number {
  return new TextEncoder().encode(JSON.stringify(text)).length;
}

/** What Temporal Web says of each message that a dispatch takes. */
export const descriptions: Record<DispatchMessage, string> = {
  chooseRecipient: 'Picks the contact point that receives; checked before it counts',
  cancel: 'Ends the dispatch before anything is handed over',
  restart: 'Goes on with another channel or content after a race',
  provideTemplate: 'Goes on with a registered template',
  retryNow: 'Cuts the back-off short',
  changeChannel: 'Goes on with another channel',
  abandon: 'Gives up a message that no provider has accepted',
  resolveOutcome: 'Says what became of an attempt that nobody can tell about',
  setDisposition: 'Puts another disposition in the place of one that failed',
};
