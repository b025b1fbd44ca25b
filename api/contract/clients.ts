/** Clients, contact points and blocks on the wire. */

import { z } from 'zod';
import { maxContactPoints } from '../../domain/contact-point.js';
import { contactPointKind, id, instant, label, listOf, position } from './common.js';

const contactPointValue = z
  .string()
  .min(1)
  .max(320)
  .meta({ description: 'As typed; it is normalised. A phone needs its `+` unless a default country is set.' });

export const newContactPoint = z
  .strictObject({
    kind: contactPointKind,
    value: contactPointValue,
    selected: z.boolean().default(false).meta({ description: 'Only selected ones are used; none selected means all of them.' }),
  })
  .meta({ id: 'NewContactPoint', example: { kind: 'phone', value: '+1 555 010 0001', selected: true } });

export const contactPointChange = z
  .strictObject({
    value: contactPointValue.optional(),
    selected: z.boolean().optional(),
    position: z.int().min(0).max(10_000).optional().meta({ description: 'The place it moves to, counted from 0: the topmost, 0, has priority.' }),
  })
  .refine((change) => Object.keys(change).length > 0, 'Name at least one field.')
  .meta({ id: 'ContactPointChange', example: { position: 0 } });

export const contactPoint = z
  .object({ id, kind: contactPointKind, value: z.string(), position, selected: z.boolean(), createdAt: instant })
  .meta({ id: 'ContactPoint' });

export const newClient = z
  .strictObject({
    name: label,
    contactPoints: z.array(newContactPoint).max(maxContactPoints).default([]).meta({ description: 'In priority order, the topmost first.' }),
  })
  .meta({ id: 'NewClient', example: { name: 'Client 014', contactPoints: [{ kind: 'email', value: 'client014@example.test' }] } });

export const client = z
  .object({ id, name: z.string(), contactPoints: z.array(contactPoint), createdAt: instant })
  .meta({ id: 'Client', description: 'Contact points are in priority order.' });

export const clientList = listOf(client, 'ClientList');

export const newBlock = z
  .strictObject({
    channelId: id.nullable().default(null).meta({ description: 'Null: on all channels.' }),
    contactPointId: id.nullable().default(null).meta({ description: 'Null: all contact points of the client.' }),
    reason: label.nullable().default(null),
  })
  .meta({ id: 'NewBlock', example: { channelId: null, reason: 'Asked us to stop' } });

export const block = z
  .object({
    id,
    channelId: id.nullable(),
    contactPointId: id.nullable(),
    origin: z.enum(['staff', 'provider']),
    reason: z.string().nullable(),
    createdBy: z.string().nullable(),
    createdAt: instant,
  })
  .meta({ id: 'Block' });

export const blockList = listOf(block, 'BlockList');
