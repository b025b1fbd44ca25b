/** Applies what providers told us, one event in one transaction, in the order it came (H7). */

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

/** One round; tells how many events it looked at. An event that cannot be applied is tried again and holds up no other. */
export async function applyInbox(deps: RelayDeps): Promise<number> {
  const { db } = deps.handle;
  const ids = await listUnapplied(db, batch);
  let applied = 0;
  for (const id of ids) {
    try {
      await db.transaction(async (tx) => {
        const row = await lockEvent(tx, id);
        if (!row) return;
        if (!(await apply(tx, row))) deps.log.warn({ channelId: row.channelId, kind: row.kind }, 'event of a sender that cannot be read');
        await markApplied(tx, id);
      });
      applied += 1;
    } catch (error) {
      deps.log.warn({ inboxId: id, err: error }, 'event not applied yet');
      await countFailure(db, id);
    }
  }
  return applied;
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
