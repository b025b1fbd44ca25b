/** Channels on the wire. Credentials go in and never come out. */

import { z } from 'zod';
import { channelTypes, lanePolicies, onUnknownPolicies, templateEnforcements, templatePolicies } from '../../domain/channel.js';
import { id, instant, label, listOf } from './common.js';

const hourMs = 3_600_000;
const ms = (least: number, most: number) => z.int().min(least).max(most);

/** What an operator may set; all lengths in milliseconds. A ladder's inner steps, the rest of it follows from them. */
export const policyChange = z
  .strictObject({
    templatePolicy: z.enum(templatePolicies).optional(),
    templateEnforcement: z.enum(templateEnforcements).optional(),
    onUnknown: z.enum(onUnknownPolicies).optional(),
    unknownWaitMs: ms(0, 24 * hourMs).optional(),
    receiptWindowMs: ms(0, 24 * hourMs).optional(),
    retry: z.strictObject({ deadlineMs: ms(0, 7 * 24 * hourMs), initialMs: ms(1, hourMs), maximumMs: ms(1, 24 * hourMs) }).optional(),
    ladder: z
      .strictObject({ connectMs: ms(1, hourMs), replyMs: ms(1, hourMs), exchangeMs: ms(1, hourMs), heartbeatMs: ms(1, hourMs) })
      .refine(
        (steps) => steps.connectMs < steps.exchangeMs && steps.replyMs < steps.exchangeMs,
        'Connecting and the first reply are shorter than the whole exchange.',
      )
      .optional(),
    maxInFlight: z.int().min(1).max(1_000).optional(),
    lane: z.enum(lanePolicies).optional(),
  })
  .meta({ id: 'ChannelPolicyChange', example: { onUnknown: 'park', maxInFlight: 10 } });

const config = z
  .record(z.string(), z.unknown())
  .meta({ description: 'By the provider: see `GET /v1/channel-types`. Secrets are stored encrypted and never shown.' });

export const newChannel = z
  .strictObject({
    type: z.enum(channelTypes),
    provider: z.string().min(1).max(60),
    name: label,
    enabled: z.boolean().default(true),
    config,
    policy: policyChange.optional(),
  })
  .meta({
    id: 'NewChannel',
    example: {
      type: 'email',
      provider: 'smtp',
      name: 'Support mail',
      config: {
        host: 'mail.example.test',
        port: 587,
        mailboxes: [{ address: 'support@example.test' }],
        domain: 'example.test',
        inboundSecrets: ['replace-with-a-long-secret'],
      },
    },
  });

export const channelChange = z
  .strictObject({
    name: label.optional(),
    enabled: z.boolean().optional(),
    config: config.optional(),
    policy: policyChange.optional(),
    paused: z.literal(false).optional().meta({ description: 'Ends a pause that followed a refusal of our account or set-up.' }),
  })
  .refine((change) => Object.keys(change).length > 0, 'Name at least one field.')
  .meta({ id: 'ChannelChange', description: 'Fields of `config` that are not named keep their values, secrets included.', example: { enabled: false } });

export const channel = z
  .object({
    id,
    type: z.enum(channelTypes),
    provider: z.string(),
    name: z.string(),
    enabled: z.boolean(),
    config: z.record(z.string(), z.unknown()).meta({ description: 'Without its secrets.' }),
    hasCredentials: z.boolean(),
    policy: z.record(z.string(), z.unknown()).meta({ description: 'In force: what was set over the defaults of the type.' }),
    paused: z.object({ reason: z.string(), since: instant }).nullable(),
    webhookUrl: z.string().nullable().meta({ description: 'Where the provider posts to.' }),
    createdAt: instant,
  })
  .meta({ id: 'Channel' });

export const channelList = listOf(channel, 'ChannelList');

export const channelTypeList = listOf(
  z
    .object({
      type: z.enum(channelTypes),
      provider: z.string(),
      config: z.record(z.string(), z.unknown()).meta({ description: 'JSON schema; secrets are `writeOnly`.' }),
    })
    .meta({ id: 'ChannelType' }),
  'ChannelTypeList',
);
