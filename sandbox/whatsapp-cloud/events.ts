/** The bodies of Meta's webhooks: one status of a message of ours, or one message of a client. Timestamps are in seconds. */

import { randomUUID } from 'node:crypto';
import type { JournalEntry } from '../journal.js';
import { statusError } from './meta-errors.js';

const BUSINESS_ACCOUNT_ID = '100000000000001';

export type StatusName = 'sent' | 'delivered' | 'read' | 'failed';

/** Of a message in the journal; `failed` carries the code. */
export function statusEvent(entry: JournalEntry, status: StatusName, failure?: { code: number; details?: string | undefined }): object {
  return event(entry.sender, {
    statuses: [
      {
        id: entry.wamid,
        status,
        timestamp: nowInSeconds(),
        recipient_id: entry.recipients[0],
        ...(entry.opaqueId === null ? {} : { biz_opaque_callback_data: entry.opaqueId }),
        ...(failure ? { errors: [statusError(failure.code, failure.details)] } : {}),
      },
    ],
  });
}

/** A text that a client wrote to one of our numbers. */
export function inboundEvent(message: { phoneNumberId: string; from: string; text: string; name?: string | undefined; wamid: string }): object {
  const { phoneNumberId, from, text, name, wamid } = message;
  return event(phoneNumberId, {
    contacts: [{ profile: { name: name ?? from }, wa_id: from }],
    messages: [{ from, id: wamid, timestamp: nowInSeconds(), type: 'text', text: { body: text } }],
  });
}

/** A message id as Meta makes them. */
export function newWamid(): string {
  return `wamid.${Buffer.from(randomUUID()).toString('base64')}`;
}

function event(phoneNumberId: string, value: object): object {
  const metadata = { display_phone_number: phoneNumberId, phone_number_id: phoneNumberId };
  return {
    object: 'whatsapp_business_account',
    entry: [{ id: BUSINESS_ACCOUNT_ID, changes: [{ field: 'messages', value: { messaging_product: 'whatsapp', metadata, ...value } }] }],
  };
}

const nowInSeconds = (): string => String(Math.floor(Date.now() / 1000));
