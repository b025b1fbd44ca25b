/** Data to try things with, for a local installation: the same every time but for the keys. */

import { randomBytes } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { v7 as uuidv7 } from 'uuid';
import type { ContactPointKind } from '../domain/channel.js';
import type { TemplateVariable } from '../domain/template.js';
import { insertKey, makeKey } from './api-keys.js';
import { insertChannel, newChannelId } from './channels.js';
import type { DatabaseHandle, Queryable } from './connect.js';
import { blocks, clients, contactPointChannels, contactPoints, staff, templates, templateVersions, transferTargets } from './schema/index.js';
import { createStaff } from './staff.js';

/** Seals a channel's credentials. */
interface SecretBox {
  seal(channelId: string, plaintext: unknown): { credentials: Buffer; credentialsKey: Buffer };
}

/** Keys in the clear, told this one time. */
export interface SeededKeys {
  /** Of an agent. */
  staffKey: string;
  supervisorKey: string;
  adminKey: string;
  /** With every scope. */
  serviceKey: string;
}

const clientCount = 50;
/** Any other installation that seeds at the same time waits here. */
const seedLock = 7_104_231;

/** Fills an empty database, in one transaction; null when there is anybody in it already. `whatsappUrl` is the stand-in's address. */
export async function seedIfEmpty(handle: DatabaseHandle, box: SecretBox, sandbox: { smtpPort: number; whatsappUrl: string }): Promise<SeededKeys | null> {
  return await handle.db.transaction(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(${seedLock})`);
    const [someone] = await tx.select({ id: staff.id }).from(staff).limit(1);
    if (someone) return null;
    const keys = await seedPeople(tx);
    const { whatsappId } = await seedChannels(tx, box, sandbox);
    await seedTemplates(tx, whatsappId);
    await seedClients(tx, whatsappId);
    return keys;
  });
}

async function seedPeople(tx: Queryable): Promise<SeededKeys> {
  const agent = await createStaff(tx, { name: 'Agent 1', role: 'agent' });
  await createStaff(tx, { name: 'Agent 2', role: 'agent' });
  const supervisor = await createStaff(tx, { name: 'Supervisor 1', role: 'supervisor' });
  const admin = await createStaff(tx, { name: 'Admin 1', role: 'admin' });
  await tx.insert(transferTargets).values([
    { type: 'group', id: 'front-desk', name: 'Front desk' },
    { type: 'group', id: 'billing', name: 'Billing' },
    { type: 'skill', id: 'english', name: 'English' },
    { type: 'skill', id: 'spanish', name: 'Spanish' },
    { type: 'bot', id: 'order-status', name: 'Order status' },
    { type: 'department', id: 'logistics', name: 'Logistics' },
  ]);
  return {
    staffKey: await seedKey(tx, 'Agent 1', agent.id),
    supervisorKey: await seedKey(tx, 'Supervisor 1', supervisor.id),
    adminKey: await seedKey(tx, 'Admin 1', admin.id),
    serviceKey: await seedKey(tx, 'Demo service', null),
  };
}

async function seedKey(tx: Queryable, name: string, staffId: string | null): Promise<string> {
  const { key, ...stored } = makeKey();
  const scopes = staffId === null ? ['read', 'send', 'clients', 'act_on_behalf', 'admin'] : [];
  await insertKey(tx, { ...stored, name, staffId, scopes, endsAt: null });
  return key;
}

async function seedChannels(tx: Queryable, box: SecretBox, sandbox: { smtpPort: number; whatsappUrl: string }): Promise<{ whatsappId: string }> {
  const emailId = newChannelId();
  const whatsappId = newChannelId();
  const secret = (): string => randomBytes(24).toString('base64url');
  await insertChannel(tx, {
    id: emailId,
    type: 'email',
    provider: 'smtp',
    name: 'Support mail',
    config: {
      host: '127.0.0.1',
      port: sandbox.smtpPort,
      domain: 'example.test',
      mailboxes: [
        { address: 'support@example.test', name: 'Support', default: true },
        { address: 'sales@example.test', name: 'Sales' },
      ],
    },
    ...box.seal(emailId, { inboundSecrets: [secret()] }),
  });
  await insertChannel(tx, {
    id: whatsappId,
    type: 'whatsapp',
    provider: 'meta_cloud',
    name: 'Support WhatsApp',
    config: { phoneNumberId: '1555010000', baseUrl: sandbox.whatsappUrl },
    ...box.seal(whatsappId, { accessToken: secret(), appSecrets: [secret()], verifyToken: secret() }),
  });
  return { whatsappId };
}

interface SeedTemplate {
  name: string;
  status?: 'approved' | 'paused';
  subject?: string;
  header?: string;
  body: string;
  footer?: string;
  variables: TemplateVariable[];
}

const order: TemplateVariable = { name: 'order', type: 'text' };
const name: TemplateVariable = { name: 'name', type: 'text' };
const date: TemplateVariable = { name: 'date', type: 'date' };

/** The registered ones are those that the stand-in knows. */
const registered: SeedTemplate[] = [
  {
    name: 'order_ready',
    header: 'No. {{order}}',
    body: 'Hello {{name}}, your order is ready since {{date}}.',
    footer: 'Waybill sandbox',
    variables: [order, name, date],
  },
  {
    name: 'appointment_reminder',
    body: 'You have an appointment on {{date}} at {{time}}.',
    variables: [date, { name: 'time', type: 'select', values: ['09:00', '11:00', '15:00'] }],
  },
  { name: 'greeting', body: 'Hello, we tried to reach you. Please write back when it suits you.', variables: [] },
  { name: 'autumn_sale', status: 'paused', body: 'Our autumn sale begins on {{date}}.', variables: [date] },
];
const own: SeedTemplate[] = [
  {
    name: 'order_ready_mail',
    subject: 'Your order {{ order }} is ready',
    body: 'Hello {{ name }},\n\nyour order {{ order }} is ready for collection.',
    variables: [order, name],
  },
  { name: 'thank_you', body: 'Thank you, {{ name }}.', variables: [name] },
];

async function seedTemplates(tx: Queryable, whatsappId: string): Promise<void> {
  const rows = [...registered.map((one) => ({ ...one, channelId: whatsappId })), ...own.map((one) => ({ ...one, channelId: null }))].map((one) => ({
    id: uuidv7(),
    ...one,
  }));
  await tx.insert(templates).values(
    rows.map(({ id, channelId, name: title, status }) => ({
      id,
      channelId,
      origin: channelId ? ('registered' as const) : ('own' as const),
      name: title,
      language: 'en',
      status: status ?? ('approved' as const),
    })),
  );
  await tx.insert(templateVersions).values(
    rows.map(({ id, subject, header, body, footer, variables }) => ({
      templateId: id,
      version: 1,
      subject: subject ?? null,
      header: header ?? null,
      body,
      footer: footer ?? null,
      variables,
    })),
  );
}

/** What clients have, in turn: nobody has all, some have nothing, some have two numbers and so have to be asked about. */
const outfits: ContactPointKind[][] = [
  ['email'],
  ['phone'],
  ['phone', 'phone', 'email'],
  ['email'],
  [],
  ['phone'],
  ['email', 'phone', 'email'],
  ['phone'],
  ['email'],
  ['phone', 'email', 'external_id'],
];

async function seedClients(tx: Queryable, whatsappId: string): Promise<void> {
  const random = numbers(20_260_301);
  const made = Array.from({ length: clientCount }, (_, index) => ({ id: uuidv7(), number: index + 1, outfit: outfits[index % outfits.length]! }));
  await tx.insert(clients).values(made.map(({ id, number }) => ({ id, name: `Client ${String(number).padStart(3, '0')}` })));
  const points = made.flatMap(({ id: clientId, number, outfit }) =>
    outfit.map((kind, position) => {
      const address = addressOf(kind, number, position);
      return { id: uuidv7(), clientId, kind, position, value: address, address, selected: outfit.length > 1 && random() < 0.3 };
    }),
  );
  await tx.insert(contactPoints).values(points);
  // Some have just written on WhatsApp: to them free text may be sent today.
  const wrote = points.filter((one) => one.kind === 'phone' && random() < 0.4);
  await tx
    .insert(contactPointChannels)
    .values(wrote.map((one) => ({ contactPointId: one.id, channelId: whatsappId, lastInboundAt: sql`now() - interval '1 hour'` })));
  await tx.insert(blocks).values({ id: uuidv7(), clientId: made[clientCount - 2]!.id, origin: 'staff', reason: 'Asked us to stop' });
}

/** Addresses of nobody: the test domain, and the numbers 555-0100 to 555-0189 that are kept for fiction. */
function addressOf(kind: ContactPointKind, number: number, position: number): string {
  if (kind === 'email') return `client${String(number).padStart(3, '0')}.${position}@example.test`;
  if (kind === 'phone') return `+1${212 + position}555${String(100 + number).padStart(4, '0')}`;
  return `crm-${1_000 + number}`;
}

/** Numbers in [0, 1), the same ones for the same seed (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
