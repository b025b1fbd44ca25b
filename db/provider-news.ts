/** What a provider says of a contact point or a template, beside messages and receipts. */

import { and, eq, isNull, notExists, sql } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import type { ContactPointKind } from '../domain/channel.js';
import type { TemplateStatus } from '../domain/template.js';
import type { Queryable } from './connect.js';
import { blocks, contactPointChannels, contactPoints, templates } from './schema/index.js';

interface KnownAddress {
  kind: ContactPointKind;
  value: string;
}

async function findPoint(tx: Queryable, from: KnownAddress): Promise<{ id: string; clientId: string } | null> {
  const [point] = await tx
    .select({ id: contactPoints.id, clientId: contactPoints.clientId })
    .from(contactPoints)
    .where(and(eq(contactPoints.kind, from.kind), eq(contactPoints.value, from.value)));
  return point ?? null;
}

/** The client blocked us on this channel, or no longer does (X1). Safe to repeat. */
export async function recordContactBlock(tx: Queryable, channelId: string, from: KnownAddress, blocked: boolean): Promise<void> {
  const point = await findPoint(tx, from);
  if (!point) return;
  if (blocked) {
    const reason = 'RECIPIENT_BLOCKED_BUSINESS';
    await tx
      .insert(blocks)
      .values({ id: uuidv7(), clientId: point.clientId, channelId, contactPointId: point.id, origin: 'provider', reason })
      .onConflictDoNothing();
    return;
  }
  await tx
    .update(blocks)
    .set({ liftedAt: sql`now()` })
    .where(and(eq(blocks.contactPointId, point.id), eq(blocks.channelId, channelId), eq(blocks.origin, 'provider'), isNull(blocks.liftedAt)));
}

/**
 * The client changed the number: the contact point takes the new value, unless that belongs to somebody already (R117). The provider's
 * own name of the old one is forgotten: whoever gets that number next is another person.
 */
export async function changeAddress(tx: Queryable, from: KnownAddress, to: KnownAddress & { address: string }): Promise<void> {
  const taken = tx
    .select()
    .from(contactPoints)
    .where(and(eq(contactPoints.kind, to.kind), eq(contactPoints.value, to.value)));
  const [changed] = await tx
    .update(contactPoints)
    .set({ value: to.value, address: to.address })
    .where(and(eq(contactPoints.kind, from.kind), eq(contactPoints.value, from.value), notExists(taken)))
    .returning({ id: contactPoints.id });
  if (changed) await tx.update(contactPointChannels).set({ canonicalValue: null }).where(eq(contactPointChannels.contactPointId, changed.id));
}

/** The provider approved, rejected or paused a registered template. Safe to repeat. */
export async function changeTemplateStatus(
  tx: Queryable,
  channelId: string,
  template: { name: string; language: string; status: TemplateStatus },
): Promise<void> {
  await tx
    .update(templates)
    .set({ status: template.status })
    .where(and(eq(templates.channelId, channelId), eq(templates.name, template.name), eq(templates.language, template.language)));
}
