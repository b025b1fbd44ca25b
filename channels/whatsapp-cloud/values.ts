/** Values as Meta writes them: a phone is its digits without `+`, an instant comes in two units. */

import { z } from 'zod';
import type { Address } from '../../domain/channel.js';
import { normaliseContactPoint } from '../../domain/contact-point.js';

/** The address if Meta's text is one of this kind; undefined otherwise. */
export function addressOf(kind: 'phone' | 'whatsapp_id', text: string | undefined): Address | undefined {
  if (text === undefined || text.length > 256) return undefined;
  const normal = normaliseContactPoint(kind, kind === 'phone' ? `+${text.replace(/^\+/, '')}` : text);
  return normal.ok ? { kind, value: normal.value } : undefined;
}

/** An instant in milliseconds; it comes in seconds, sometimes in milliseconds. */
export const timestamp = z
  .union([z.string().regex(/^\d{1,15}$/), z.int().nonnegative()])
  .transform(Number)
  .transform((at) => (at < 100_000_000_000 ? at * 1000 : at));
