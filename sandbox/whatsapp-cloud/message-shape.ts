/** The request of `POST /{version}/{phone-number-id}/messages`, as strictly as Meta reads it; types the stand-in does not know are refused. */

import { z } from 'zod';

const nonEmpty = z.string().min(1);
const media = z.strictObject({ id: nonEmpty.optional(), link: z.url({ protocol: /^https?$/ }).optional() });
const captioned = media.extend({ caption: z.string().max(1024).optional() });

const parameter = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), text: nonEmpty.max(1024), parameter_name: nonEmpty.optional() }),
  z.strictObject({ type: z.literal('payload'), payload: nonEmpty }),
  z.strictObject({ type: z.literal('currency'), currency: z.strictObject({ fallback_value: nonEmpty, code: nonEmpty, amount_1000: z.int() }) }),
  z.strictObject({ type: z.literal('date_time'), date_time: z.strictObject({ fallback_value: nonEmpty }) }),
  z.strictObject({ type: z.literal('image'), image: media }),
  z.strictObject({ type: z.literal('video'), video: media }),
  z.strictObject({ type: z.literal('document'), document: captioned.extend({ filename: nonEmpty.optional() }) }),
]);

const component = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('header'), parameters: z.array(parameter) }),
  z.strictObject({ type: z.literal('body'), parameters: z.array(parameter) }),
  z.strictObject({
    type: z.literal('button'),
    sub_type: z.enum(['url', 'quick_reply', 'copy_code', 'flow', 'catalog']),
    index: z.string().regex(/^\d$/),
    parameters: z.array(parameter),
  }),
]);

const common = {
  messaging_product: z.literal('whatsapp'),
  recipient_type: z.literal('individual').optional(),
  to: z
    .string()
    .regex(/^(\+?[\d ().-]{5,24}|[A-Z]{2}\.[A-Za-z0-9]{1,128})$/)
    .optional(),
  recipient: z
    .string()
    .regex(/^[A-Z]{2}\.[A-Za-z0-9]{1,128}$/)
    .optional(),
  context: z.strictObject({ message_id: nonEmpty }).optional(),
  biz_opaque_callback_data: z.string().max(512).optional(),
};

const message = z.discriminatedUnion('type', [
  z.strictObject({ ...common, type: z.literal('text'), text: z.strictObject({ body: nonEmpty.max(4096), preview_url: z.boolean().optional() }) }),
  z.strictObject({
    ...common,
    type: z.literal('template'),
    template: z.strictObject({
      name: z.string().regex(/^[a-z0-9_]{1,512}$/),
      language: z.strictObject({ policy: z.literal('deterministic'), code: z.string().regex(/^[a-z]{2,3}(_[A-Z]{2})?$/) }),
      components: z.array(component).optional(),
    }),
  }),
  z.strictObject({ ...common, type: z.literal('image'), image: captioned }),
  z.strictObject({ ...common, type: z.literal('video'), video: captioned }),
  z.strictObject({ ...common, type: z.literal('audio'), audio: media }),
  z.strictObject({ ...common, type: z.literal('document'), document: captioned.extend({ filename: nonEmpty.optional() }) }),
]);

export type CloudMessage = z.output<typeof message>;

/** The message, or Meta's code for the first thing that is wrong with it. A body without `type` is a text, as at Meta. */
export function readMessage(body: unknown): { message: CloudMessage } | { code: number; details: string } {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return { code: 100, details: 'The request needs a JSON object as its body.' };
  const typed = { type: 'text', ...body };
  const result = message.safeParse(typed);
  if (!result.success) return firstFault(result.error.issues[0], typed);
  if (result.data.to === undefined && result.data.recipient === undefined) return { code: 131008, details: 'The parameter to is required.' };
  return { message: result.data };
}

function firstFault(issue: z.core.$ZodIssue | undefined, body: unknown): { code: number; details: string } {
  const path = issue?.path ?? [];
  const where = path.map(String).join('.');
  if (issue?.code === 'unrecognized_keys') return { code: 100, details: `Unexpected key "${issue.keys[0]}"${where && ` on param "${where}"`}` };
  if (where === 'type') return { code: 131051, details: 'This type is not known to the stand-in.' };
  const value = path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], body);
  return value === undefined
    ? { code: 131008, details: `The parameter ${where} is required.` }
    : { code: 131009, details: `The parameter ${where} is not valid: ${issue?.message ?? ''}` };
}
