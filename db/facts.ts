/** The facts that eligibility is decided on, in one read. */

import { sql } from 'drizzle-orm';
import type { AttemptState } from '../domain/attempt.js';
import type { ChannelPolicy, ChannelType, ContactPointKind } from '../domain/channel.js';
import { type Content, defaultBccPattern } from '../domain/content.js';
import type { Disposition, SenderRole } from '../domain/disposition.js';
import type { DispatchState } from '../domain/dispatch.js';
import type { BlockFacts, OpenThreadFacts, OptOutFacts, Verdict } from '../domain/eligibility.js';
import type { Pick } from '../domain/recipient.js';
import type { TemplateStatus } from '../domain/template.js';
import { acceptedInForce, type Position } from './attempts.js';
import type { Queryable } from './connect.js';
import type { Deadlines } from './schema/index.js';

export interface ChannelRow {
  id: string;
  type: ChannelType;
  provider: string;
  enabled: boolean;
  config: Record<string, unknown>;
  policy: Partial<ChannelPolicy>;
  clientWroteHere: boolean;
  approvedTextOnlyTemplates: number;
  troubledAt: string | null;
}

export interface DispatchFacts {
  now: Date;
  dispatch: {
    id: string;
    clientId: string;
    senderId: string;
    senderRole: SenderRole;
    parks: boolean;
    state: DispatchState;
    sendEpoch: number;
    threadId: string | null;
    deadlines: Deadlines;
    acceptedAt: Date;
    /** When the row last moved, as the database writes it: to see whether it has moved on since. */
    updatedAt: string;
    verdict: Verdict | null;
  };
  request: {
    channelId: string | null;
    contactPointId: string | null;
    recipientPolicy: 'ask' | 'priority' | 'explicit';
    content: Content;
    templateVersion: number | null;
    disposition: Disposition | null;
    tagIds: string[];
  };
  /** The pick that is on record for this revision. */
  choice: Pick | null;
  installationEpoch: number;
  channels: ChannelRow[];
  contactPoints: {
    id: string;
    kind: ContactPointKind;
    address: string;
    position: number;
    selected: boolean;
    onChannel: Record<string, { lastInboundAt: string | null; lastInboundTo: string | null; undeliverable: boolean }>;
  }[];
  blocks: BlockFacts[];
  optOuts: OptOutFacts[];
  openThreads: OpenThreadFacts[];
  template: { origin: 'registered' | 'own'; status: TemplateStatus; channelId: string | null; textOnly: boolean } | null;
  settings: { activeThreadScope: 'client' | 'channel'; askWhenSeveralFilledIn: boolean; bccPattern: string };
  /** Which attempt and revision these facts are about. */
  position: Position;
  /** The attempt with that number. */
  attempt: { id: string; state: AttemptState; verdict: Verdict | null; revision: number } | null;
  anyAccepted: boolean;
  /** One was accepted and has not been refused since. */
  accepted: boolean;
  /** By an answer or by a receipt. */
  anyRefused: boolean;
}

/** Null: where a new run takes a dispatch up, so that it counts on from the runs before it (H12, H14). */
export type FactsAt = { revision: number; attemptNo: number; generation: number } | null;

/** One statement; null when there is no such dispatch or revision. */
export async function loadFacts(db: Queryable, dispatchId: string, at: FactsAt): Promise<DispatchFacts | null> {
  const [row] = await db.execute<{ facts: DispatchFacts & { now: string; dispatch: { acceptedAt: string } } }>(sql`
    select json_build_object(
      'now', now(),
      'dispatch', json_build_object('id', d.id, 'clientId', d.client_id, 'senderId', d.sender_id, 'senderRole', d.sender_role, 'parks', d.parks, 'state', d.state,
        'sendEpoch', d.send_epoch, 'threadId', d.thread_id, 'deadlines', d.deadlines, 'acceptedAt', d.created_at,
        'updatedAt', d.updated_at, 'verdict', d.verdict),
      'request', json_build_object('channelId', r.channel_id, 'contactPointId', r.contact_point_id, 'recipientPolicy', r.recipient_policy,
        'content', r.content, 'templateVersion', r.template_version, 'disposition', r.disposition, 'tagIds', r.tag_ids),
      'choice', (select json_build_object('contactPointId', rc.contact_point_id, 'chosenBy', rc.chosen_by) from recipient_choices rc where rc.dispatch_id = d.id and rc.revision = r.revision),
      'installationEpoch', coalesce((select i.send_epoch from installation i), 1),
      'channels', (select coalesce(json_agg(json_build_object('id', c.id, 'type', c.type, 'provider', c.provider, 'enabled', c.enabled,
          'config', c.config, 'policy', c.policy, 'troubledAt', c.troubled_at,
          'clientWroteHere', exists (select 1 from contact_point_channels x join contact_points p on p.id = x.contact_point_id
            where p.client_id = d.client_id and x.channel_id = c.id and x.last_inbound_at is not null),
          'approvedTextOnlyTemplates', (select count(*) from templates t join template_versions v on v.template_id = t.id and v.version = t.current_version
            where t.channel_id = c.id and t.origin = 'registered' and t.status = 'approved' and v.text_only)) order by c.created_at, c.id), '[]')
        from channels c),
      'contactPoints', (select coalesce(json_agg(json_build_object('id', p.id, 'kind', p.kind, 'address', p.address, 'position', p.position,
          'selected', p.selected,
          'onChannel', (select coalesce(json_object_agg(x.channel_id, json_build_object('lastInboundAt', x.last_inbound_at,
              'lastInboundTo', x.last_inbound_to, 'undeliverable', x.undeliverable_at is not null)), '{}')
            from contact_point_channels x where x.contact_point_id = p.id)) order by p.position), '[]')
        from contact_points p where p.client_id = d.client_id),
      'blocks', (select coalesce(json_agg(json_build_object('channelId', b.channel_id, 'contactPointId', b.contact_point_id)), '[]')
        from blocks b where b.client_id = d.client_id and b.lifted_at is null),
      'optOuts', (select coalesce(json_agg(json_build_object('channelType', o.channel_type, 'contactPointId', o.contact_point_id)), '[]')
        from opt_outs o where o.client_id = d.client_id and o.lifted_at is null and o.purpose = 'all'),
      'openThreads', (select coalesce(json_agg(json_build_object('id', t.id, 'channelId', t.channel_id,
          'own', coalesce(t.claimed_by_dispatch_id = d.id, false), 'clientWrote', t.client_wrote_at is not null) order by t.created_at, t.id), '[]')
        from threads t where t.client_id = d.client_id and t.status <> 'closed'),
      'template', (select json_build_object('origin', t.origin, 'status', t.status, 'channelId', t.channel_id, 'textOnly', v.text_only)
        from templates t join template_versions v on v.template_id = t.id and v.version = r.template_version
        where t.id = (r.content->>'templateId')::uuid),
      'settings', json_build_object(
        'activeThreadScope', coalesce((select s.value #>> '{}' from settings s where s.key = 'activeThreadScope'), 'client'),
        'askWhenSeveralFilledIn', coalesce((select (s.value #>> '{}')::boolean from settings s where s.key = 'askWhenSeveralFilledIn'), false),
        'bccPattern', coalesce((select s.value #>> '{}' from settings s where s.key = 'bccPattern'), ${defaultBccPattern})),
      'attempt', (select json_build_object('id', a.id, 'state', a.state, 'verdict', a.verdict, 'revision', a.revision)
        from attempts a where a.dispatch_id = d.id and a.attempt_no = at.attempt_no),
      'position', json_build_object('attemptNo', at.attempt_no, 'generation', at.generation, 'revision', at.revision),
      'accepted', ${acceptedInForce(sql`d.id`)},
      'anyAccepted', exists (select 1 from attempts a where a.dispatch_id = d.id and a.state in ('accepted', 'reconciled_sent')),
      'anyRefused', exists (select 1 from attempts a where a.dispatch_id = d.id and (a.state in ('refused_temporary', 'refused_permanent')
        or exists (select 1 from receipts x where x.attempt_id = a.id and x.status = 'failed')))
    ) as facts
    from dispatches d
    cross join lateral ${at === null ? latest : sql`(select ${at.revision}::int as revision, ${at.attemptNo}::int as attempt_no, ${at.generation}::int as generation)`} at
    join dispatch_revisions r on r.dispatch_id = d.id and r.revision = at.revision
    where d.id = ${dispatchId}`);
  if (!row) return null;
  const { facts } = row;
  return { ...facts, now: new Date(facts.now), dispatch: { ...facts.dispatch, acceptedAt: new Date(facts.dispatch.acceptedAt) } };
}

/** The latest attempt, or the one that a newer revision of the content is to have. */
const latest = sql`(select d.revision, coalesce(max(l.attempt_no + case when l.revision = d.revision then 0 else 1 end), 1) as attempt_no,
    coalesce(max(l.generation + case when l.revision = d.revision then 0 else 1 end), 1) as generation
  from (select attempt_no, generation, revision from attempts where dispatch_id = d.id order by attempt_no desc limit 1) l)`;
