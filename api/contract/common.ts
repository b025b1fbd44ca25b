/** Shapes that every resource uses the same way. */

import { z } from 'zod';
import { contactPointKinds } from '../../domain/channel.js';
import { transferTargetTypes } from '../../domain/disposition.js';
import { failureClasses, providerReasons } from '../../domain/failure.js';
import { isOneLine } from '../../domain/one-line.js';
import { decodeCursor } from '../cursor.js';

/** In lower case, whatever case it comes in: ids are compared as texts too. */
export const id = z.uuid().toLowerCase().meta({ example: '0199c0de-0000-7000-8000-000000000001' });

/** A `Date` inside, ISO 8601 in UTC outside. */
export const instant = z
  .date()
  .transform((date) => date.toISOString())
  .meta({ example: '2026-03-01T09:30:00.000Z' });

/** An ISO 8601 instant that is given to us: a `Date` inside. The store knows no year 0, and its texts end with the year 9999. */
export const givenInstant = z.iso
  .datetime({ offset: true })
  .transform((text, context) => {
    const date = new Date(text);
    if (date < firstInstant || date > lastInstant) context.addIssue('Give an instant between the years 1 and 9999.');
    return date;
  })
  .meta({ example: '2026-03-01T09:30:00Z' });
const firstInstant = new Date('0001-01-01T00:00:00Z');
const lastInstant = new Date('9999-12-31T23:59:59.999Z');

const oneLineSaid = 'Write it on one line, without control characters and without characters that turn the text around.';
/** A text that is shown on one line, as it is given; a blank one is a matter of other rules. */
export const oneLine = z.string().refine((text) => text.trim() === '' || isOneLine(text), oneLineSaid);
/** A name or a short remark that somebody reads. */
export const label = z.string().trim().min(1).max(200).refine(isOneLine, oneLineSaid).meta({ description: 'One line, without control characters.' });

export const contactPointKind = z.enum(contactPointKinds);

/** A contact point's place in its client's order. */
export const position = z.int().meta({ description: 'The place in the client’s order, counted from 0: the topmost, 0, has priority.' });

export const idParam = z.object({ id });

export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(100).default(20).meta({ description: 'How many at most.' }),
  cursor: z
    .string()
    .max(200)
    .transform((text, context) => {
      const key = decodeCursor(text);
      if (!key) context.addIssue('Give the nextCursor of the page before, as it was.');
      return key ?? z.NEVER;
    })
    .optional()
    .meta({ description: 'Where the page before ended: its `nextCursor`.' }),
};

/** One page: `nextCursor` is null on the last one. */
export function listOf<T extends z.ZodType>(item: T, name: string) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() }).meta({ id: name });
}

/** A named schema or null. `.nullable()` would not do: the document then lets null in wherever the name is used, or nowhere. */
export function orNull<T extends z.ZodType>(schema: T) {
  return z.union([schema, z.null()]);
}

/**
 * A code of ours in an answer. The document lists them all; a code that a newer version has written is let through, so that it spoils no
 * answer of an older one.
 */
export function codeOf(codes: readonly string[]) {
  return z.string().meta({ enum: [...new Set(codes)] });
}

export const providerReason = codeOf(providerReasons).meta({
  id: 'ProviderReason',
  description: 'What a provider’s answer came to; `GET /v1/codes` has the texts. The provider’s own code stands in `failure`.',
});

/** A caller's key: the same one for a repeat, a new one for something new. */
export const idempotencyKey = z
  .string()
  .regex(/^[\x21-\x7e]{1,255}$/, 'One to 255 visible ASCII characters are expected.')
  .meta({ description: 'A new value for each new thing, the same value for each repeat.', example: 'order-1234-confirmation' });

export const onBehalfOf = id.optional().meta({ description: 'The member of staff in whose name a service key acts; needs the scope `act_on_behalf`.' });

export const transferTargetType = z.enum(transferTargetTypes);

/** What a provider said; shown beside our own reason. */
export const failure = z
  .object({
    class: codeOf(failureClasses).meta({ description: 'What kind of failure it is, in the terms of every channel.' }),
    scope: z.enum(['message', 'recipient', 'channel', 'account']),
    retryAfterMs: z.number().optional(),
    provider: z.object({ code: z.string().optional(), http: z.int().optional(), message: z.string().optional(), details: z.string().optional() }),
  })
  .meta({ id: 'Failure', example: { class: 'invalid_address', scope: 'recipient', provider: { code: '5.1.1', message: 'No such user' } } });
