/** Staff, keys, settings and transfer targets on the wire. */

import { z } from 'zod';
import { readPattern } from '../../domain/pattern.js';
import { id, instant, label, listOf, transferTargetType } from './common.js';

/**
 * `read`: look at everything but keys. `send`: submit dispatches and send messages to them, close threads. `clients`: clients, contact
 * points, blocks. `act_on_behalf`: name a member of staff as the sender. `admin`: channels, templates, staff, keys, settings, targets.
 */
export const scopes = ['read', 'send', 'clients', 'act_on_behalf', 'admin'] as const;
export type Scope = (typeof scopes)[number];

const role = z.enum(['agent', 'supervisor', 'admin']);

export const newStaff = z.strictObject({ name: label, role }).meta({ id: 'NewStaff', example: { name: 'Agent 1', role: 'agent' } });
export const staffMember = z.object({ id, name: z.string(), role, createdAt: instant }).meta({ id: 'StaffMember' });
export const staffList = listOf(staffMember, 'StaffList');

export const newKey = z
  .strictObject({
    name: label,
    staffId: id.optional().meta({ description: 'Whose key it is; without it a service key.' }),
    scopes: z.array(z.enum(scopes)).max(scopes.length).default([]).meta({ description: 'Of a service key; people have those of their role.' }),
  })
  .refine((key) => (key.staffId === undefined) === key.scopes.length > 0, {
    path: ['scopes'],
    message: 'A service key has scopes, a key of a person has none.',
  })
  .meta({ id: 'NewApiKey', example: { name: 'Shop', scopes: ['send', 'read'] } });

const key = {
  id,
  name: z.string(),
  prefix: z.string(),
  staffId: id.nullable(),
  scopes: z.array(z.string()),
  createdAt: instant,
  revokedAt: instant.nullable().meta({ description: 'From then on it is refused; may lie ahead.' }),
};
export const apiKey = z.object(key).meta({ id: 'ApiKey' });
export const shownKey = z.object({ ...key, key: z.string().meta({ description: 'Shown this one time.' }) }).meta({ id: 'ShownApiKey' });
export const apiKeyList = listOf(apiKey, 'ApiKeyList');

export const loginRequest = z
  .strictObject({ staffId: id.optional(), role: role.optional() })
  .refine((one) => (one.staffId === undefined) !== (one.role === undefined), 'Name either staffId or role.')
  .meta({ id: 'DevLogin', example: { role: 'agent' } });
export const login = z.object({ key: z.string(), expiresAt: instant, staff: staffMember }).meta({ id: 'DevLoginAnswer' });

const deadline = z
  .int()
  .min(1)
  .max(30 * 86_400);
const settings = {
  activeThreadScope: z.enum(['client', 'channel']),
  askWhenSeveralFilledIn: z.boolean(),
  bccPattern: z
    .string()
    .min(1)
    .max(500)
    .meta({ description: 'RE2 syntax: no look-around, no back references. A repeat counts to 99 at most, and counts no group.' }),
  defaultCountry: z
    .string()
    .regex(/^[A-Z]{2}$/, 'Two capital letters are expected, like GB.')
    .nullable(),
  choiceDeadlineSeconds: deadline,
  decisionDeadlineSeconds: deadline,
  outcomeDeadlineSeconds: deadline,
};
export const settingsBody = z.object(settings).meta({ id: 'Settings' });
export const settingsChange = z
  .strictObject(settings)
  .partial()
  .refine((change) => change.bccPattern === undefined || readPattern(change.bccPattern) !== null, {
    path: ['bccPattern'],
    message: 'Give a regular expression in RE2 syntax: without look-around and back references, with repeats that count to 99 at most and count no group.',
  })
  .meta({ id: 'SettingsChange', example: { defaultCountry: 'GB' } });

export const transferTarget = z
  .object({ type: transferTargetType, id: z.string(), name: z.string() })
  .meta({ id: 'TransferTarget', example: { type: 'group', id: 'billing', name: 'Billing' } });
export const newTransferTarget = z
  .strictObject({
    type: transferTargetType.exclude(['employee']),
    id: z.string().regex(/^[A-Za-z0-9_.-]{1,100}$/, 'Letters, digits, dots, _ and - are expected.'),
    name: label,
  })
  .meta({ id: 'NewTransferTarget', description: 'Employees are staff and need none.', example: { type: 'group', id: 'billing', name: 'Billing' } });
export const transferTargetList = listOf(transferTarget, 'TransferTargetList');
