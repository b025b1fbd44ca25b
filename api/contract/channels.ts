/** Channels on the wire. Credentials go in and never come out. */

import { z } from 'zod';
import { channelTypes, lanePolicies, onUnknownPolicies, templateEnforcements, templatePolicies } from '../../domain/channel.js';
import { id, instant, label, listOf, providerReason } from './common.js';

const hourMs = 3_600_000;
const ms = (least: number, most: number) => z.int().min(least).max(most);

const pause =
  'A mark for people: the provider has refused our account or set-up. It holds nothing back: messages are accepted and sent as ever, attempts under way are finished, what the provider refuses is tried again until its retry deadline, and receipts and messages of clients are taken in. It ends with the next message that the provider accepts, or by hand. To hold messages back, disable the channel.';
const disabled =
  'False: no attempt begins here any more. One that has begun is finished. A new message for the channel ends `rejected` with `CHANNEL_DISABLED`; of those under way, staff’s wait for a decision at their next check and those of service keys end `rejected`. Receipts and messages of clients are taken in as ever.';

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
    enabled: z.boolean().optional().meta({ description: disabled }),
    config: config.optional(),
    policy: policyChange.optional(),
    paused: z
      .literal(false)
      .optional()
      .meta({ description: 'Ends a pause that followed a refusal of our account or set-up, as the next message that the provider accepts would.' }),
  })
  .refine((change) => Object.keys(change).length > 0, 'Name at least one field.')
  .meta({ id: 'ChannelChange', description: 'Fields of `config` that are not named keep their values, secrets included.', example: { enabled: false } });

export const channel = z
  .object({
    id,
    type: z.enum(channelTypes),
    provider: z.string(),
    name: z.string(),
    enabled: z.boolean().meta({ description: disabled }),
    config: z.record(z.string(), z.unknown()).meta({ description: 'Without its secrets.' }),
    hasCredentials: z.boolean(),
    policy: z.record(z.string(), z.unknown()).meta({ description: 'In force: what was set over the defaults of the type.' }),
    paused: z.object({ reason: providerReason, since: instant }).nullable().meta({ description: pause }),
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
