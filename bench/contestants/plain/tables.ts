/** The tables of the yardstick: in shape and size what Waybill's check reads, and the two that a send writes. */

import type { Sql } from 'postgres';
import { v7 as uuidv7 } from 'uuid';
import { addressOf, clientCount, mail, nameOf } from '../contestant.js';

export async function createTables(sql: Sql): Promise<void> {
  await sql.unsafe(`
    create table clients (id uuid primary key, name text not null, created_at timestamptz not null default now());
    create table channels (id uuid primary key, type text not null, name text not null, enabled boolean not null default true,
      config jsonb not null default '{}', policy jsonb not null default '{}', created_at timestamptz not null default now());
    create table contact_points (id uuid primary key, client_id uuid not null references clients, kind text not null, value text not null,
      address text not null, position integer not null, selected boolean not null default false, created_at timestamptz not null default now(),
      unique (kind, value));
    create index on contact_points (client_id, position);
    create table blocks (id uuid primary key, client_id uuid not null references clients, channel_id uuid references channels,
      contact_point_id uuid references contact_points, reason text, created_at timestamptz not null default now(), lifted_at timestamptz);
    create index on blocks (client_id) where lifted_at is null;
    create table opt_outs (id uuid primary key, client_id uuid not null references clients, channel_type text,
      created_at timestamptz not null default now(), lifted_at timestamptz);
    create index on opt_outs (client_id) where lifted_at is null;
    create table threads (id uuid primary key, client_id uuid not null references clients, channel_id uuid not null references channels,
      status text not null, created_at timestamptz not null default now(), closed_at timestamptz);
    create unique index on threads (client_id) where status <> 'closed';
    create table templates (id uuid primary key, name text not null, status text not null, subject text not null, body text not null,
      created_at timestamptz not null default now());
    create table dispatches (id uuid primary key, client_id uuid not null references clients, channel_id uuid not null references channels,
      template_id uuid not null references templates, variables jsonb not null, state text not null default 'accepted',
      contact_point_id uuid references contact_points, end_reason text, created_at timestamptz not null default now(),
      updated_at timestamptz not null default now());
    create index on dispatches (client_id, created_at);
    create index on dispatches (created_at, id);
    create index on dispatches (state, updated_at) where state not in ('sent', 'rejected');
    create table attempts (id uuid primary key, dispatch_id uuid not null references dispatches, attempt_no integer not null, state text not null,
      external_id text, started_at timestamptz not null default now(), finished_at timestamptz, unique (dispatch_id, attempt_no));
  `);
}

/** As many clients as Waybill has here, one channel and one template; what was there before is kept. */
export async function fillTables(sql: Sql, sinkPort: number): Promise<{ channelId: string; templateId: string; clientIds: string[] }> {
  const config = { host: '127.0.0.1', port: sinkPort, from: 'shop@example.test' };
  const known = await sql<{ id: string }[]>`select id from clients order by id`;
  if (known.length === 0) {
    const clients = Array.from({ length: clientCount }, (_, index) => ({ id: uuidv7(), name: nameOf(index) }));
    const points = clients.map(({ id }, index) => {
      const address = addressOf(index);
      return { id: uuidv7(), client_id: id, kind: 'email', value: address, address, position: 0 };
    });
    await sql`insert into clients ${sql(clients)}`;
    await sql`insert into contact_points ${sql(points)}`;
    await sql`insert into channels ${sql({ id: uuidv7(), type: 'email', name: 'Shop mail', config: sql.json(config) as never })}`;
    await sql`insert into templates ${sql({ id: uuidv7(), name: 'order_ready', status: 'approved', ...mail })}`;
  } else await sql`update channels set config = ${sql.json(config)}`;
  const [made] = await sql<{ channelId: string; templateId: string }[]>`
    select channels.id as "channelId", templates.id as "templateId" from channels, templates`;
  const clients = await sql<{ id: string }[]>`select id from clients order by id`;
  return { ...made!, clientIds: clients.map((one) => one.id) };
}
