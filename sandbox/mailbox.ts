/** What was handed over, with its bytes, for people and tests to look at; bounded, in memory only. */

import PostalMime, { type Email } from 'postal-mime';
import type { JournalEntry } from './journal.js';
import { headerBlock } from './mail-bytes.js';

const MAX_ITEMS = 2_000;
/** A few mails with large attachments must not fill the memory. */
const MAX_BYTES = 256 * 1024 * 1024;

/** A mail's raw bytes, or a WhatsApp message's JSON. */
export interface Received {
  entry: JournalEntry;
  raw: Buffer;
}

export interface Mailbox {
  keep(received: Received): void;
  find(seq: number): Received | null;
  /** Newest first. */
  list(filter: { channel?: JournalEntry['channel']; to?: string | undefined; limit: number }): Received[];
  clear(): void;
}

export function createMailbox(): Mailbox {
  let items: Received[] = [];
  let bytes = 0;
  return {
    keep: (received) => {
      items.push(received);
      bytes += received.raw.length;
      while (items.length > MAX_ITEMS || bytes > MAX_BYTES) bytes -= items.shift()?.raw.length ?? 0;
    },
    find: (seq) => items.find((one) => one.entry.seq === seq) ?? null,
    list: ({ channel, to, limit }) => {
      const wanted = to?.toLowerCase().replace(/^\+/, '');
      const fitting = items.filter(
        ({ entry }) =>
          (channel === undefined || entry.channel === channel) && (wanted === undefined || entry.recipients.some((one) => one.toLowerCase() === wanted)),
      );
      return fitting.slice(-limit).reverse();
    },
    clear: () => {
      items = [];
      bytes = 0;
    },
  };
}

/** The parsed mail; null when the parser refuses it. */
export async function parseMail(raw: Buffer): Promise<Email | null> {
  return PostalMime.parse(raw).catch(() => null);
}

/** Without the body, which a list does not show. */
export async function parseHeaders(raw: Buffer): Promise<Email | null> {
  return parseMail(headerBlock(raw));
}
