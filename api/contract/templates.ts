/** Templates on the wire. */

import { z } from 'zod';
import { templateOrigins, templateStatuses, variableTypes } from '../../domain/template.js';
import { id, instant, label, listOf, oneLine, pageQuery } from './common.js';

const part = (most: number) => z.string().max(most).nullable().default(null);

const variable = z
  .strictObject({
    name: z.string().regex(/^[A-Za-z0-9_]{1,60}$/, 'Letters, digits and _ are expected.'),
    type: z.enum(variableTypes),
    values: z.array(z.string().min(1).max(200)).min(1).max(200).optional().meta({ description: 'The allowed values of a `select`.' }),
  })
  .refine((one) => (one.type === 'select') === (one.values !== undefined), { path: ['values'], message: 'A list of values goes with the type `select`.' });

const text = {
  subject: oneLine.max(998).nullable().default(null).meta({ description: 'Email. One line.' }),
  header: part(1_000),
  body: z.string().min(1).max(100_000),
  footer: part(1_000),
  variables: z
    .array(variable)
    .max(50)
    .default([])
    .refine((all) => new Set(all.map((one) => one.name)).size === all.length, 'Each variable is named once.')
    .meta({ description: 'All of them are mandatory when the template is used.' }),
  textOnly: z.boolean().default(true).meta({ description: 'Without attachments, links and buttons.' }),
};

export const newVersion = z
  .strictObject(text)
  .meta({ id: 'NewTemplateVersion', example: { body: 'Hello {{name}}, your order is ready.', variables: [{ name: 'name', type: 'text' }] } });

export const newTemplate = z
  .strictObject({
    origin: z.enum(templateOrigins).meta({ description: '`registered`: known to the provider of a channel. `own`: ours, rendered to ordinary text.' }),
    channelId: id.nullable().default(null).meta({ description: 'The channel of a registered template; null for our own.' }),
    name: label,
    language: z.string().regex(/^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*$/, 'A language code is expected, like en or en_GB.'),
    status: z.enum(templateStatuses).default('approved'),
    ...text,
  })
  .refine((one) => (one.origin === 'registered') === (one.channelId !== null), {
    path: ['channelId'],
    message: 'A registered template belongs to a channel, ours to none.',
  })
  .meta({
    id: 'NewTemplate',
    example: { origin: 'own', name: 'order_ready', language: 'en', body: 'Hello {{name}}, your order is ready.', variables: [{ name: 'name', type: 'text' }] },
  });

export const templateChange = z.strictObject({ status: z.enum(templateStatuses) }).meta({ id: 'TemplateChange', example: { status: 'paused' } });

export const template = z
  .object({
    id,
    origin: z.enum(templateOrigins),
    channelId: id.nullable(),
    name: z.string(),
    language: z.string(),
    status: z.enum(templateStatuses),
    version: z.int().meta({ description: 'The newest; an accepted dispatch keeps the one it was submitted with.' }),
    subject: z.string().nullable(),
    header: z.string().nullable(),
    body: z.string(),
    footer: z.string().nullable(),
    variables: z.array(z.object({ name: z.string(), type: z.enum(variableTypes), values: z.array(z.string()).optional() })),
    textOnly: z.boolean(),
    createdAt: instant,
  })
  .meta({ id: 'Template' });

export const templateList = listOf(template, 'TemplateList');

export const templateFilter = z.strictObject({
  channelId: id.optional(),
  origin: z.enum(templateOrigins).optional(),
  status: z.enum(templateStatuses).optional(),
  ...pageQuery,
});
