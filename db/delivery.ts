/** What a hand-over and its rendering read and write besides the ledger. */

import { sql } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import type { ChannelPolicy, ChannelType, ContactPointKind } from '../domain/channel.js';
import type { Content, RenderedContent } from '../domain/content.js';
import type { DispositionStatus } from '../domain/disposition.js';
import type { TemplateVersion } from '../domain/template.js';
import type { Queryable } from './connect.js';
import { mayStepTo, stepTo } from './dispatches.js';

export interface SendingChannel {
  id: string;
  type: ChannelType;
  provider: string;
  config: Record<string, unknown>;
  policy: Partial<ChannelPolicy>;
  credentials: Buffer | null;
  credentialsKey: Buffer | null;
}

export interface RenderingFacts {
  content: Content;
  rendered: RenderedContent | null;
  template: TemplateVersion | null;
  channel: Pick<SendingChannel, 'type' | 'provider' | 'config'>;
  /** The mailbox or number of ours that the contact point last wrote to (X19). */
  lastInboundTo: string | null;
}

interface Ids {
  dispatchId: string;
  revision: number;
  channelId: string;
  contactPointId: string;
}

/** What the content is built from; throws when the revision or channel is gone. */
export async function loadRendering(db: Queryable, ids: Ids): Promise<RenderingFacts> {
  const [row] = await db.execute<{ facts: RenderingFacts }>(sql`
    select json_build_object('content', r.content, 'rendered', r.rendered,
      'channel', json_build_object('type', c.type, 'provider', c.provider, 'config', c.config),
      'lastInboundTo', (select x.last_inbound_to from contact_point_channels x where x.contact_point_id = ${ids.contactPointId} and x.channel_id = c.id),
      'template', (select json_build_object('templateId', t.id, 'version', v.version, 'origin', t.origin, 'name', t.name, 'language', t.language,
          'subject', v.subject, 'header', v.header, 'body', v.body, 'footer', v.footer, 'variables', v.variables, 'textOnly', v.text_only)
        from templates t join template_versions v on v.template_id = t.id and v.version = r.template_version
        where t.id = (r.content->>'templateId')::uuid)) as facts
    from dispatch_revisions r, channels c
    where r.dispatch_id = ${ids.dispatchId} and r.revision = ${ids.revision} and c.id = ${ids.channelId}`);
  if (!row) throw new Error(`There is no revision ${ids.revision} of dispatch ${ids.dispatchId}, or no channel ${ids.channelId}.`);
  return row.facts;
}

/** Freezes the rendered content of a revision and moves its dispatch on; the first rendering stays (R106). */
export async function freezeRendering(db: Queryable, ids: Pick<Ids, 'dispatchId' | 'revision'>, rendered: RenderedContent, sha256: string): Promise<void> {
  await db.execute(sql`
    with frozen as (
      update dispatch_revisions set rendered = ${JSON.stringify(rendered)}, rendered_sha256 = ${sha256}
      where dispatch_id = ${ids.dispatchId} and revision = ${ids.revision} and rendered is null returning dispatch_id)
    update dispatches d set ${stepTo('rendering')}
    from frozen where d.id = frozen.dispatch_id and ${mayStepTo('rendering', sql`d.state`)}`);
}

/**
 * Writes the message into its thread and moves its dispatch to `sending`; a later attempt moves it to the thread in use.
 * `dispositionStatus` null: an earlier attempt was accepted, and its disposition stands.
 */
export async function beginSending(
  tx: Queryable,
  start: Ids & { attemptNo: number; threadId: string; authorId: string; dispositionStatus: DispositionStatus | null },
): Promise<void> {
  const { dispatchId, revision, channelId, contactPointId, attemptNo, threadId, authorId, dispositionStatus } = start;
  const began = { attemptNo, channelId, contactPointId };
  await tx.execute(sql`
    with entry as (
      insert into messages (id, thread_id, direction, dispatch_id, author_id, subject, text, bcc, status)
      select ${uuidv7()}::uuid, ${threadId}::uuid, 'outgoing', dispatch_id, ${authorId}, rendered->>'subject', rendered->>'text',
        array(select jsonb_array_elements_text(rendered->'bcc')), 'queued'
      from dispatch_revisions where dispatch_id = ${dispatchId} and revision = ${revision}
      on conflict (dispatch_id) where dispatch_id is not null
      do update set thread_id = excluded.thread_id, subject = excluded.subject, text = excluded.text, bcc = excluded.bcc),
    told as (insert into events (dispatch_id, type, data) values (${dispatchId}, 'delivery.began', ${JSON.stringify(began)}))
    update dispatches set ${stepTo('sending')}, thread_id = ${threadId}
      ${dispositionStatus === null ? sql`` : sql`, disposition_status = ${dispositionStatus}`}
    where id = ${dispatchId} and ${mayStepTo('sending')}`);
}

export interface HandOverFacts {
  channel: SendingChannel;
  to: { kind: ContactPointKind; address: string };
  rendered: RenderedContent;
  renderedSha256: string;
  /** Places in the envelope that an earlier attempt has served: 0 is the To address, the others are BCC. */
  served: number[];
}

/** What a hand-over needs: the channel with its sealed credentials, the address and the frozen content. */
export async function loadHandOver(db: Queryable, ids: Ids): Promise<HandOverFacts> {
  const [row] = await db.execute<{
    facts: Omit<HandOverFacts, 'channel'> & { channel: Omit<SendingChannel, 'credentials' | 'credentialsKey'> };
    credentials: Buffer | null;
    credentials_key: Buffer | null;
  }>(sql`
    select json_build_object(
      'channel', json_build_object('id', c.id, 'type', c.type, 'provider', c.provider, 'config', c.config, 'policy', c.policy),
      'to', json_build_object('kind', p.kind, 'address', p.address),
      'rendered', r.rendered, 'renderedSha256', r.rendered_sha256,
      'served', (select coalesce(json_agg(ar.position), '[]') from attempt_recipients ar where ar.status = 'accepted' and ar.attempt_id = any (array(
        select a.id from attempts a where a.dispatch_id = r.dispatch_id and a.revision = r.revision and a.channel_id = c.id)))) as facts,
      c.credentials, c.credentials_key
    from dispatch_revisions r, channels c, contact_points p
    where r.dispatch_id = ${ids.dispatchId} and r.revision = ${ids.revision} and c.id = ${ids.channelId} and p.id = ${ids.contactPointId}`);
  if (!row || !row.facts.rendered) throw new Error(`Revision ${ids.revision} of dispatch ${ids.dispatchId} is not ready to be handed over.`);
  return { ...row.facts, channel: { ...row.facts.channel, credentials: row.credentials, credentialsKey: row.credentials_key } };
}
