/** What the demo uses of the sandbox: the journal of hand-overs, faults, messages of clients, late receipts. */

import type { JournalEntry } from '../../sandbox/journal.js';
import { ask } from './http.js';

export type Sandbox = Awaited<ReturnType<typeof openSandbox>>;

/** Looks only at what is written into the journal from now on. */
export async function openSandbox(url: string) {
  const control = `${url}/control`;
  const { lastSeq } = await ask<{ lastSeq: number }>('GET', `${control}/journal/count`);
  const tries = async (recipient: string) => {
    const query = new URLSearchParams({ recipient, since: String(lastSeq) });
    return (await ask<{ entries: JournalEntry[] }>('GET', `${control}/journal?${query.toString()}`)).entries;
  };
  return {
    /** Everything that a sender began for this address, oldest first. */
    tries,
    /** What the provider took for this address, whatever it told the sender. */
    handOvers: async (recipient: string) => (await tries(recipient)).filter((one) => one.handedOver),
    /** Where a person sees it. */
    pageOf: ({ seq }: JournalEntry) => `${url}/received/${seq}`,
    /** The next WhatsApp message to this number is answered that much later. */
    answerLate: (recipient: string, delayMs: number) => ask('POST', `${control}/faults`, { channel: 'whatsapp', recipient, do: { delayMs } }),
    clientWrites: (phoneNumberId: string, from: string, text: string) => ask('POST', `${control}/inbound`, { phoneNumberId, from, text }),
    sendReceipt: (attemptId: string, status: 'sent' | 'delivered' | 'read') => ask('POST', `${control}/receipts`, { opaqueId: attemptId, status }),
    /** The WhatsApp numbers that this sandbox stands in for. */
    phoneNumberIds: async () => (await ask<{ webhooks: { phoneNumberId: string }[] }>('GET', `${control}/webhooks`)).webhooks.map((one) => one.phoneNumberId),
  };
}
