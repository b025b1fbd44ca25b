/** What a provider's answer tells beyond its dispatch: of a contact point, a template, a channel (4.3). */

import { eq, sql } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import { type Failure, type FailureMark, meaningOf } from '../domain/failure.js';
import type { AttemptRow } from './attempts.js';
import type { Queryable } from './connect.js';
import { blocks, channels, contactPointChannels, contactPoints, optOuts, templates } from './schema/index.js';

/** The provider's own name of a contact point, to match what it sends us; the first one to claim it keeps it. */
export async function rememberCanonical(tx: Queryable, contactPointId: string, channelId: string, canonicalValue: string): Promise<void> {
  if (!(await holdContactPoint(tx, contactPointId))) return;
  await tx.execute(sql`
    insert into contact_point_channels (contact_point_id, channel_id, canonical_value)
    select ${contactPointId}, ${channelId}, ${canonicalValue}
    where not exists (select 1 from contact_point_channels where channel_id = ${channelId} and canonical_value = ${canonicalValue})
    on conflict (contact_point_id, channel_id) do update set canonical_value = excluded.canonical_value`);
}

/** Between two marks of a channel's trouble, so that a storm of failures is no storm of writes; seconds. */
const troubleAgainSeconds = 1;

/** A send hung, failed for now or is in doubt: the channel is no express one for a while. */
export async function markTrouble(tx: Queryable, channelId: string): Promise<void> {
  await tx.execute(sql`
    update channels set troubled_at = now()
    where id = ${channelId} and (troubled_at is null or troubled_at < now() - make_interval(secs => ${troubleAgainSeconds}))`);
}

const marksOfContactPoint: readonly FailureMark[] = ['block', 'opt_out', 'undeliverable'];

/** What a refusal changes beyond the dispatch (4.3): a block, an opt-out, an undeliverable mark, a paused template or channel. */
export async function leaveMark(
  tx: Queryable,
  row: Pick<AttemptRow, 'dispatchId' | 'channelId' | 'contactPointId' | 'revision'>,
  failure: Failure,
): Promise<void> {
  const { mark, reason } = meaningOf(failure);
  if (mark === undefined) return;
  if (marksOfContactPoint.includes(mark) && !(await holdContactPoint(tx, row.contactPointId!))) return;
  const channelId = row.channelId!;
  const contactPointId = row.contactPointId!;
  const clientId = sql`(select client_id from dispatches where id = ${row.dispatchId})` as never;
  if (mark === 'block') {
    await tx.insert(blocks).values({ id: uuidv7(), clientId, channelId, contactPointId, origin: 'provider', reason }).onConflictDoNothing();
  } else if (mark === 'opt_out') {
    const channelType = sql`(select type from channels where id = ${channelId})` as never;
    await tx.insert(optOuts).values({ id: uuidv7(), clientId, contactPointId, channelType, origin: 'provider' }).onConflictDoNothing();
  } else if (mark === 'undeliverable') {
    await tx
      .insert(contactPointChannels)
      .values({ contactPointId, channelId, undeliverableReason: reason, undeliverableAt: sql`now()` as never })
      .onConflictDoUpdate({
        target: [contactPointChannels.contactPointId, contactPointChannels.channelId],
        set: { undeliverableReason: reason, undeliverableAt: sql`now()` },
      });
  } else if (mark === 'pause_template') {
    await tx
      .update(templates)
      .set({ status: 'paused' })
      .where(
        sql`${templates.id} = (select (content->>'templateId')::uuid from dispatch_revisions where dispatch_id = ${row.dispatchId} and revision = ${row.revision})`,
      );
  } else if (mark === 'pause_channel') {
    await tx
      .update(channels)
      .set({ pausedReason: reason, pausedAt: sql`coalesce(paused_at, now())` })
      .where(eq(channels.id, channelId));
  }
}

/** Keeps the contact point from being removed until the transaction ends; false when it is gone, and nothing is known of it any more. */
async function holdContactPoint(tx: Queryable, id: string): Promise<boolean> {
  const rows = await tx.select({ id: contactPoints.id }).from(contactPoints).where(eq(contactPoints.id, id)).for('key share');
  return rows.length > 0;
}
