import { sql } from 'drizzle-orm';
import { boolean, check, index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { channelTypes, type ChannelPolicy, type ChannelType } from '../../domain/channel.js';
import { templateOrigins, templateStatuses, type TemplateOrigin, type TemplateStatus, type TemplateVariable } from '../../domain/template.js';
import { bytea, createdAt, instant, oneOf } from './columns.js';

export const channels = pgTable(
  'channels',
  {
    id: uuid('id').primaryKey(),
    type: text('type').$type<ChannelType>().notNull(),
    provider: text('provider').notNull(),
    name: text('name').notNull(),
    enabled: boolean('enabled').notNull().default(true),
    /** The plug-in's configuration without its credentials. */
    config: jsonb('config').$type<Record<string, unknown>>().notNull().default({}),
    /** Credentials under a data key of this channel, that key under the master key. */
    credentials: bytea('credentials'),
    credentialsKey: bytea('credentials_key'),
    /** What the operator set; missing fields take the type's default. */
    policy: jsonb('policy').$type<Partial<ChannelPolicy>>().notNull().default({}),
    /** Set when the provider refused our account or set-up; attempts go on backing off until it is cleared. */
    pausedReason: text('paused_reason'),
    pausedAt: instant('paused_at'),
    /** When a send last failed, hung or was in doubt in a way that says something about the channel. */
    troubledAt: instant('troubled_at'),
    createdAt: createdAt(),
  },
  () => [check('channels_type', oneOf('type', channelTypes))],
);

export const templates = pgTable(
  'templates',
  {
    id: uuid('id').primaryKey(),
    /** A registered template belongs to a channel; one of ours serves every channel that carries text. */
    channelId: uuid('channel_id').references(() => channels.id),
    origin: text('origin').$type<TemplateOrigin>().notNull(),
    name: text('name').notNull(),
    language: text('language').notNull(),
    status: text('status').$type<TemplateStatus>().notNull(),
    currentVersion: integer('current_version').notNull().default(1),
    createdAt: createdAt(),
  },
  (t) => [
    check('templates_origin', oneOf('origin', templateOrigins)),
    check('templates_status', oneOf('status', templateStatuses)),
    uniqueIndex('templates_name').on(sql`coalesce(channel_id::text, '')`, t.name, t.language),
    index('templates_channel').on(t.channelId, t.status),
  ],
);

/** Append-only: an edit adds a version, an accepted dispatch keeps the one it named (R106). */
export const templateVersions = pgTable(
  'template_versions',
  {
    templateId: uuid('template_id')
      .notNull()
      .references(() => templates.id),
    version: integer('version').notNull(),
    subject: text('subject'),
    header: text('header'),
    body: text('body').notNull(),
    footer: text('footer'),
    variables: jsonb('variables').$type<TemplateVariable[]>().notNull().default([]),
    textOnly: boolean('text_only').notNull().default(true),
    createdAt: createdAt(),
  },
  (t) => [primaryKey({ columns: [t.templateId, t.version] })],
);
