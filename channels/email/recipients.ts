/** Who a message goes to: the envelope, checked by us, because a mail composer drops or redirects what it misreads (H10, reliability finding 6). */

import type { OutboundMessage, RecipientResult, SendOutcome } from '../channel.js';
import { failureOf } from '../failure.js';
import { isPlainAddress } from './address.js';

export interface Recipients {
  /** May be named to the relay; in order, the To address first, each once. */
  envelope: string[];
  /** Refused by us: no relay is asked. */
  refused: RecipientResult[];
  /** The address whose fate is the attempt's: To, or the first one when To is served already. */
  deciding: string;
}

/** The recipients of a message: To and BCC, or those of them that are still to be served; null when none is left. */
export function listRecipients(message: OutboundMessage): Recipients | null {
  const all = [message.to.value, ...message.content.bcc];
  const unique = all.filter((one, index) => all.findIndex((other) => isSameText(other, one)) === index);
  const due = unique.filter((one) => message.only === undefined || message.only.some((other) => isSameText(other, one)));
  const [deciding] = due;
  if (deciding === undefined) return null;
  return { envelope: due.filter(isPlainAddress), refused: due.filter((one) => !isPlainAddress(one)).map(refuseMalformed), deciding };
}

/** One outcome from the results of all recipients: the deciding address decides, the others are told beside it (H10). */
export function decideOutcome(recipients: Recipients, results: readonly RecipientResult[], messageId: string): SendOutcome {
  const perRecipient = [...results, ...recipients.refused];
  const decisive = perRecipient.find((one) => one.address === recipients.deciding);
  return decisive?.failure ? { kind: 'refused', failure: decisive.failure, perRecipient } : { kind: 'accepted', externalIds: [messageId], perRecipient };
}

function refuseMalformed(address: string): RecipientResult {
  const said = { code: 'ADDRESS_MALFORMED', message: 'The address is not one that every relay reads alike.' };
  return { address, status: 'refused', failure: failureOf({ class: 'invalid_address', scope: 'recipient' }, said) };
}

function isSameText(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
