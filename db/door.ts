/** What the door needs to know before it takes a message in: one statement. */

import { and, eq, sql } from 'drizzle-orm';
import type { TransferTargetType } from '../domain/disposition.js';
import type { Queryable } from './connect.js';
import { channels, clients, idempotencyKeys, templates, templateVersions } from './schema/index.js';
import type { StoredChannel } from './channels.js';
import { type Settings, settingsOf } from './settings.js';

export interface DoorQuestion {
  clientId: string | null;
  channelId: string | null;
  templateId: string | null;
  target: { type: TransferTargetType; id: string } | null;
  /** The caller's key, to find what it was used for before. */
  key: { principal: string; key: string } | null;
}

export interface DoorFacts {
  settings: Settings;
  clientKnown: boolean;
  channel: StoredChannel | null;
  template: (typeof templates.$inferSelect & { newest: typeof templateVersions.$inferSelect }) | null;
  targetKnown: boolean;
  repeatOf: { dispatchId: string; bodyHash: string } | null;
}

const none = sql`null::uuid`;

/** Answers everything that is asked; what is not asked about is null or false. */
export async function readDoorFacts(db: Queryable, ask: DoorQuestion): Promise<DoorFacts> {
  const target = ask.target ?? { type: '', id: '' };
  const [row] = await db
    .select({
      settings: sql<Record<string, unknown>>`(select coalesce(jsonb_object_agg(key, value), '{}') from settings)`,
      clientId: clients.id,
      channel: channels,
      template: templates,
      newest: templateVersions,
      targetKnown: sql<boolean>`case when ${target.type} = 'employee'
        then exists (select 1 from staff where id::text = ${target.id} and archived_at is null)
        else exists (select 1 from transfer_targets where type = ${target.type} and id = ${target.id} and archived_at is null) end`,
      repeatOf: { dispatchId: idempotencyKeys.dispatchId, bodyHash: idempotencyKeys.bodyHash },
    })
    .from(sql`(select 1) as one`)
    .leftJoin(clients, eq(clients.id, ask.clientId ?? none))
    .leftJoin(channels, eq(channels.id, ask.channelId ?? none))
    .leftJoin(templates, eq(templates.id, ask.templateId ?? none))
    .leftJoin(templateVersions, and(eq(templateVersions.templateId, templates.id), eq(templateVersions.version, templates.currentVersion)))
    .leftJoin(idempotencyKeys, and(eq(idempotencyKeys.principal, ask.key?.principal ?? sql`null`), eq(idempotencyKeys.key, ask.key?.key ?? sql`null`)));
  const { settings, clientId, channel, template, newest, targetKnown, repeatOf } = row!;
  return {
    settings: settingsOf(settings),
    clientKnown: clientId !== null,
    channel,
    template: template && newest ? { ...template, newest } : null,
    targetKnown,
    repeatOf,
  };
}
