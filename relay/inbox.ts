/** Applies what providers told us, one event in one transaction (H7). */

import type { Queryable } from '../db/connect.js';
import { applyInbound } from '../db/inbound.js';
import { countFailure, type InboxRow, listUnapplied, lockEvent, markApplied } from '../db/inbox.js';
import { changeAddress, changeTemplateStatus, recordContactBlock } from '../db/provider-news.js';
import { applyReceipt } from '../db/receipts.js';
import type { Address } from '../domain/channel.js';
import { normaliseContactPoint } from '../domain/contact-point.js';
import type { Failure } from '../domain/failure.js';
import type { MessageStatus } from '../domain/receipt.js';
import type { TemplateStatus } from '../domain/template.js';
import type { RelayDeps } from './deps.js';

const batch = 100;

/** Receipts come in any order and are applied by rank, so many side by side; what clients say and change keeps its order. */
const receiptsAtOnce = 4;

/** One round; tells how many events it applied. An event that cannot be applied is tried again and holds up no other. */
export async function applyInbox(deps: RelayDeps): Promise<number> {
  const events = await listUnapplied(deps.handle.db, batch);
  let applied = 0;
  const applyEach = async (ids: Iterable<number>): Promise<void> => {
    for (const id of ids) if (await applyOne(deps, id)) applied += 1;
  };
  await applyEach(events.filter((one) => !one.isReceipt).map((one) => one.id));
  // One iterator for all of them: whoever is free takes the next.
  const receipts = events
    .filter((one) => one.isReceipt)
    .map((one) => one.id)
    .values();
  const ends = await Promise.allSettled(Array.from({ length: receiptsAtOnce }, () => applyEach(receipts)));
  const fault = ends.find((one) => one.status === 'rejected');
  if (fault) throw fault.reason;
  return applied;
}

/** False when it could not be applied; it is tried again then. */
async function applyOne({ handle: { db }, log }: RelayDeps, id: number): Promise<boolean> {
  try {
    await db.transaction(async (tx) => {
      const row = await lockEvent(tx, id);
      if (!row) return;
      if (!(await apply(tx, row))) log.warn({ channelId: row.channelId, kind: row.kind }, 'event of a sender that cannot be read');
      await markApplied(tx, id);
    });
    return true;
  } catch (error) {
    log.warn({ inboxId: id, err: error }, 'event not applied yet');
    await countFailure(db, id);
    return false;
  }
}

/** The events as the plug-ins give them, JSON by now. */
interface StoredEvent {
  from: Address;
  to: Address;
  at: string;
  externalId: string;
  attemptId?: string;
  status: string;
  failure?: Failure;
  canonical?: Address;
  displayName?: string;
  subject?: string;
  text: string;
  name: string;
  language: string;
}

/** False when the sender's address is of no kind that we can store. */
async function apply(tx: Queryable, row: InboxRow): Promise<boolean> {
  const { channelId } = row;
  const event = row.event as unknown as StoredEvent;
  if (row.kind === 'receipt') {
    const { externalId, failure = null, attemptId = null } = event;
    await applyReceipt(tx, { channelId, externalId, attemptId, status: event.status as MessageStatus, failure, at: new Date(event.at) });
    return true;
  }
  if (row.kind === 'template_changed') {
    await changeTemplateStatus(tx, channelId, { name: event.name, language: event.language, status: event.status as TemplateStatus });
    return true;
  }
  const from = addressOf(event.from);
  if (!from) return false;
  if (row.kind === 'contact_blocked' || row.kind === 'contact_unblocked') await recordContactBlock(tx, channelId, from, row.kind === 'contact_blocked');
  else if (row.kind === 'address_changed') {
    const to = addressOf(event.to);
    if (!to) return false;
    await changeAddress(tx, from, to);
  } else {
    await applyInbound(tx, {
      channelId,
      from,
      canonicalValue: event.canonical?.value ?? null,
      to: (event.to as unknown as string | undefined) ?? null,
      displayName: event.displayName ?? null,
      externalId: event.externalId,
      subject: event.subject ?? null,
      text: event.text,
      at: new Date(event.at),
    });
  }
  return true;
}

function addressOf(address: Address): (Address & { address: string }) | null {
  const normal = normaliseContactPoint(address.kind, address.value);
  return normal.ok ? { kind: address.kind, value: normal.value, address: normal.address } : null;
}
