/** Message status as a lattice: it only ever rises, so order and repetition of receipts do not matter (R103, 4.4). */

export const messageStatuses = ['queued', 'wired', 'sent', 'failed', 'delivered', 'read'] as const;
export type MessageStatus = (typeof messageStatuses)[number];

/** The higher of two statuses by rank: `failed` never undoes `delivered`, a late `delivered` replaces `failed`. */
export function higherStatus(a: MessageStatus, b: MessageStatus): MessageStatus {
  return messageStatuses.indexOf(a) >= messageStatuses.indexOf(b) ? a : b;
}

/** True when a provider has told us that it has the message: such a receipt settles an attempt in doubt as sent. */
export function provesHandOver(status: MessageStatus): boolean {
  return status !== 'queued' && status !== 'wired';
}
