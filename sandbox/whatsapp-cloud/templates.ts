/** The registered templates of the stand-in, one list for every WhatsApp Business account. */

import { z } from 'zod';
import type { CloudMessage } from './message-shape.js';

const component = z.looseObject({
  type: z.enum(['HEADER', 'BODY', 'FOOTER', 'BUTTONS']),
  format: z.enum(['TEXT', 'IMAGE', 'VIDEO', 'DOCUMENT']).optional(),
  text: z.string().max(2_000).optional(),
});

export const cloudTemplate = z.strictObject({
  id: z.string().min(1),
  name: z.string().regex(/^[a-z0-9_]{1,512}$/),
  language: z.string().min(2),
  category: z.enum(['UTILITY', 'MARKETING', 'AUTHENTICATION']),
  status: z.enum(['APPROVED', 'PENDING', 'REJECTED', 'PAUSED', 'DISABLED']),
  components: z.array(component),
});
export type CloudTemplate = z.output<typeof cloudTemplate>;

const order = (id: string, language: string, header: string, body: string, footer: string): CloudTemplate => ({
  id,
  name: 'order_ready',
  language,
  category: 'UTILITY',
  status: 'APPROVED',
  components: [
    { type: 'HEADER', format: 'TEXT', text: header, example: { header_text: ['81'] } },
    { type: 'BODY', text: body, example: { body_text: [['Anna', '10.05']] } },
    { type: 'FOOTER', text: footer },
  ],
});

const plain = (id: string, name: string, status: CloudTemplate['status'], text: string): CloudTemplate => ({
  id,
  name,
  language: 'en',
  category: 'UTILITY',
  status,
  components: [{ type: 'BODY', text }],
});

/** What the list holds until another one is set. */
export const initialTemplates: readonly CloudTemplate[] = [
  order('1001', 'en', 'No. {{1}}', 'Hello {{1}}, your order is ready since {{2}}.', 'Waybill sandbox'),
  order('1002', 'ru', '№ {{1}}', 'Здравствуйте, {{1}}! Ваш заказ готов с {{2}}.', 'Waybill sandbox'),
  plain('1003', 'appointment_reminder', 'APPROVED', 'You have an appointment on {{1}} at {{2}}.'),
  plain('1004', 'greeting', 'APPROVED', 'Hello, we tried to reach you. Please write back when it suits you.'),
  {
    ...plain('1005', 'track_parcel', 'APPROVED', 'Your parcel {{1}} is on its way.'),
    components: [
      { type: 'BODY', text: 'Your parcel {{1}} is on its way.' },
      { type: 'BUTTONS', buttons: [{ type: 'URL', text: 'Track', url: 'https://example.test/{{1}}' }] },
    ],
  },
  plain('1006', 'autumn_sale', 'PAUSED', 'Our autumn sale begins on {{1}}.'),
  plain('1007', 'free_money', 'REJECTED', 'You have won {{1}}.'),
];

/** One page in Meta's shape; `after` is the cursor of the page before. */
export function templatePage(templates: readonly CloudTemplate[], query: { limit: number; after?: string | undefined }, url: string) {
  const start = query.after === undefined ? 0 : Number(Buffer.from(query.after, 'base64url').toString()) || 0;
  const end = start + query.limit;
  const cursor = (index: number): string => Buffer.from(String(index)).toString('base64url');
  const paging = { cursors: { before: cursor(start), after: cursor(end) } };
  const next = `${url}?limit=${query.limit}&after=${cursor(end)}`;
  return { data: templates.slice(start, end), paging: end < templates.length ? { ...paging, next } : paging };
}

/** Meta's code where a message differs from the template it names; a name that is not in the list is let through. */
export function refuseTemplate(templates: readonly CloudTemplate[], message: CloudMessage): { code: number; details: string } | null {
  if (message.type !== 'template') return null;
  const { name, language, components = [] } = message.template;
  const translations = templates.filter((one) => one.name === name);
  const template = translations.find((one) => one.language === language.code);
  if (translations.length === 0) return null;
  if (!template || template.status === 'PENDING' || template.status === 'REJECTED') {
    return { code: 132001, details: `template name (${name}) does not exist in ${language.code}` };
  }
  if (template.status !== 'APPROVED') return { code: 132015, details: `template (${name}) is ${template.status.toLowerCase()}` };
  for (const type of ['header', 'body'] as const) {
    const expected = variables(template.components.find((one) => one.type === type.toUpperCase())?.text);
    const given = components.find((one) => one.type === type)?.parameters.length ?? 0;
    if (given !== expected) return { code: 132000, details: `${type}: number of parameters (${given}) does not match the expected number (${expected})` };
  }
  return null;
}

const variables = (text = ''): number => new Set(text.match(/\{\{\w+\}\}/g)).size;
