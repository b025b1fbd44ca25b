import { sql } from 'drizzle-orm';
import { boolean, check, index, integer, jsonb, pgTable, primaryKey, text, unique, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { contactPointKinds } from '../../domain/channel.js';
import { transferTargetTypes } from '../../domain/disposition.js';
import { channels } from './channels.js';
import { createdAt, instant, oneOf } from './columns.js';

export const staff = pgTable(
  'staff',
  {
    id: uuid('id').primaryKey(),
    name: text('name').notNull(),
    role: text('role').$type<'agent' | 'supervisor' | 'admin'>().notNull(),
    presence: text('presence').notNull().default('active'),
    createdAt: createdAt(),
    archivedAt: instant('archived_at'),
  },
  () => [
    check('staff_role', oneOf('role', ['agent', 'supervisor', 'admin'])),
    check('staff_presence', oneOf('presence', ['active', 'out', 'active_finishing', 'break', 'offline'])),
  ],
);

/** Bearer keys of services and staff: a readable prefix and the SHA-256 of the whole key. */
export const apiKeys = pgTable('api_keys', {
  id: uuid('id').primaryKey(),
  name: text('name').notNull(),
  prefix: text('prefix').notNull().unique(),
  secretHash: text('secret_hash').notNull(),
  /** Null: a service key. */
  staffId: uuid('staff_id').references(() => staff.id),
  scopes: text('scopes')
    .array()
    .notNull()
    .default(sql`'{}'`),
  createdAt: createdAt(),
  revokedAt: instant('revoked_at'),
});

/** Where a thread can be transferred to besides an employee (who is staff). */
export const transferTargets = pgTable(
  'transfer_targets',
  {
    type: text('type').notNull(),
    id: text('id').notNull(),
    name: text('name').notNull(),
    archivedAt: instant('archived_at'),
  },
  (t) => [primaryKey({ columns: [t.type, t.id] }), check('transfer_targets_type', oneOf('type', transferTargetTypes))],
);

export const clients = pgTable(
  'clients',
  {
    id: uuid('id').primaryKey(),
    name: text('name').notNull(),
    createdAt: createdAt(),
  },
  (t) => [index('clients_newest').on(t.createdAt, t.id)],
);

export const contactPoints = pgTable(
  'contact_points',
  {
    id: uuid('id').primaryKey(),
    clientId: uuid('client_id')
      .notNull()
      .references(() => clients.id),
    kind: text('kind').$type<(typeof contactPointKinds)[number]>().notNull(),
    /** Compared and unique. */
    value: text('value').notNull(),
    /** What a provider is given. */
    address: text('address').notNull(),
    /** 0 is the topmost, the priority (R33). */
    position: integer('position').notNull(),
    selected: boolean('selected').notNull().default(false),
    createdAt: createdAt(),
  },
  (t) => [
    unique('contact_points_owner').on(t.kind, t.value),
    /** The second wall: a contact point can only be named together with its own client. */
    unique('contact_points_of_client').on(t.clientId, t.id),
    check('contact_points_kind', oneOf('kind', contactPointKinds)),
    index('contact_points_client').on(t.clientId, t.position),
  ],
);

/** What is known of one contact point on one channel: the session window, the provider's own name for it, and marks. */
export const contactPointChannels = pgTable(
  'contact_point_channels',
  {
    contactPointId: uuid('contact_point_id')
      .notNull()
      .references(() => contactPoints.id, { onDelete: 'cascade' }),
    channelId: uuid('channel_id')
      .notNull()
      .references(() => channels.id),
    lastInboundAt: instant('last_inbound_at'),
    /** The mailbox or number that the client last wrote to (X19). */
    lastInboundTo: text('last_inbound_to'),
    /** The provider's own id of the address, to match inbound (WhatsApp's wa_id). */
    canonicalValue: text('canonical_value'),
    undeliverableReason: text('undeliverable_reason'),
    undeliverableAt: instant('undeliverable_at'),
  },
  (t) => [primaryKey({ columns: [t.contactPointId, t.channelId] }), uniqueIndex('contact_point_channels_canonical').on(t.channelId, t.canonicalValue)],
);

/** A block is {client, channel | all, contact point?} (X1); lifting it keeps the row. */
export const blocks = pgTable(
  'blocks',
  {
    id: uuid('id').primaryKey(),
    clientId: uuid('client_id')
      .notNull()
      .references(() => clients.id),
    channelId: uuid('channel_id').references(() => channels.id),
    contactPointId: uuid('contact_point_id').references(() => contactPoints.id, { onDelete: 'cascade' }),
    origin: text('origin').$type<'staff' | 'provider'>().notNull(),
    reason: text('reason'),
    createdBy: text('created_by'),
    createdAt: createdAt(),
    liftedAt: instant('lifted_at'),
  },
  (t) => [
    check('blocks_origin', oneOf('origin', ['staff', 'provider'])),
    uniqueIndex('blocks_in_force')
      .on(t.clientId, sql`coalesce(channel_id::text, '')`, sql`coalesce(contact_point_id::text, '')`)
      .where(sql`lifted_at is null`),
  ],
);

export const optOuts = pgTable(
  'opt_outs',
  {
    id: uuid('id').primaryKey(),
    clientId: uuid('client_id')
      .notNull()
      .references(() => clients.id),
    contactPointId: uuid('contact_point_id').references(() => contactPoints.id, { onDelete: 'cascade' }),
    channelType: text('channel_type'),
    purpose: text('purpose').$type<'all' | 'marketing'>().notNull().default('all'),
    origin: text('origin').$type<'staff' | 'provider' | 'client'>().notNull(),
    createdAt: createdAt(),
    liftedAt: instant('lifted_at'),
  },
  (t) => [
    uniqueIndex('opt_outs_in_force')
      .on(t.clientId, sql`coalesce(contact_point_id::text, '')`, sql`coalesce(channel_type, '')`, t.purpose)
      .where(sql`lifted_at is null`),
  ],
);

/** Settings of requirements 4.6; a missing row means the default. */
export const settings = pgTable('settings', {
  key: text('key').primaryKey(),
  value: jsonb('value').notNull(),
  changedAt: instant('changed_at')
    .notNull()
    .default(sql`now()`),
});

/** One row: the send epoch, raised by hand after a restore from a backup (H14). */
export const installation = pgTable('installation', {
  id: integer('id').primaryKey().default(1),
  sendEpoch: integer('send_epoch').notNull().default(1),
});
