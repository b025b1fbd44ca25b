/** What Meta's error codes mean, in the answer to a send and in a `failed` status alike. Source: channels section 3. */

import { z } from 'zod';
import type { Failure } from '../../domain/failure.js';
import { failureOf, type FailureRow } from '../failure.js';
import { errorCodeOf, leftNothing, meaningOfStatus } from '../http.js';

/** Codes, or inclusive ranges of them, with their meaning; each code stands in one row. */
export const cloudErrorTable: readonly { codes: readonly (number | readonly [from: number, to: number])[]; means: FailureRow }[] = [
  { codes: [4, 80007], means: { class: 'rate_limited', scope: 'account' } },
  { codes: [130429, 133016], means: { class: 'rate_limited', scope: 'channel' } },
  { codes: [131056], means: { class: 'rate_limited', scope: 'recipient' } },
  { codes: [131048], means: { class: 'rate_limited', scope: 'channel', alert: true } },
  { codes: [1, 2, 131016, 131057], means: { class: 'transient', scope: 'channel' } },
  { codes: [131053], means: { class: 'transient', scope: 'message', attachment: true } },
  { codes: [131000], means: { class: 'transient', scope: 'message', maxAttempts: 2 } },
  { codes: [131047], means: { class: 'outside_window', scope: 'recipient' } },
  { codes: [131026], means: { class: 'not_on_channel', scope: 'recipient' } },
  { codes: [131050], means: { class: 'opted_out', scope: 'recipient' } },
  { codes: [131049, 130472], means: { class: 'suppressed', scope: 'recipient' } },
  { codes: [132000, 132005, 132007, 132012], means: { class: 'template_mismatch', scope: 'message' } },
  { codes: [132001, 132015, 132016, 132068, 132069], means: { class: 'template_unavailable', scope: 'message' } },
  { codes: [131021], means: { class: 'invalid_address', scope: 'recipient' } },
  { codes: [100, 131008, 131009, 131051, 135000], means: { class: 'invalid_content', scope: 'message' } },
  { codes: [0, 3, 10, 190, [200, 299], 131005], means: { class: 'auth', scope: 'channel' } },
  { codes: [368, 131031, 131037, 131042], means: { class: 'account', scope: 'account' } },
  { codes: [33, 131045, 133010], means: { class: 'config', scope: 'channel' } },
  { codes: [131030], means: { class: 'config', scope: 'recipient' } },
  { codes: [130497], means: { class: 'unlisted', scope: 'recipient', alert: true } },
];

/** Meta's error, as it stands in an answer (`error`) and in a status (`errors[0]`). */
export const cloudError = z.looseObject({
  code: z
    .union([
      z.int(),
      z
        .string()
        .regex(/^\d{1,9}$/)
        .transform(Number),
    ])
    .optional(),
  message: z.string().optional(),
  title: z.string().optional(),
  error_data: z.looseObject({ details: z.string().optional() }).optional().catch(undefined),
});

/** A refusal as this plug-in reads it: `http` is absent for a status webhook, `error` when the answer names none. */
const refusal = z.union([
  z.object({ http: z.int(), retryAfterMs: z.number().optional(), error: cloudError.optional().catch(undefined) }),
  z.object({ status: z.literal('failed'), error: cloudError.optional().catch(undefined) }),
]);
export type CloudRefusal = z.input<typeof refusal>;

/** Pure. Takes a refusal, or what `fetch` threw. */
export function classifyCloudError(error: unknown): Failure {
  const parsed = refusal.safeParse(error);
  if (!parsed.success) return classifyNoAnswer(error);
  const { http, retryAfterMs, error: told } = { http: undefined, retryAfterMs: undefined, ...parsed.data };
  const said = {
    code: told?.code === undefined ? undefined : String(told.code),
    http,
    message: told?.message ?? told?.title,
    details: told?.error_data?.details,
  };
  return failureOf(meaningOfCode(told?.code, http), said, retryAfterMs);
}

function classifyNoAnswer(error: unknown): Failure {
  const row: FailureRow = leftNothing(error) ? { class: 'transient', scope: 'channel' } : { class: 'unknown', scope: 'message' };
  const message = (error as { message?: unknown } | null | undefined)?.message;
  return failureOf(row, { code: errorCodeOf(error), message: typeof message === 'string' ? message : undefined });
}

function meaningOfCode(code: number | undefined, http: number | undefined): FailureRow {
  const row = code === undefined ? undefined : cloudErrorTable.find(({ codes }) => codes.some((one) => isWithin(code, one)));
  if (row) return row.means;
  const byStatus = http === undefined ? undefined : meaningOfStatus(http);
  // A code that we do not know is no retry; but one beside a status that leaves the outcome open does not say that nothing was done.
  const open = byStatus?.class === 'unknown' || byStatus?.class === 'rate_limited';
  return byStatus && (code === undefined || open) ? byStatus : { class: 'unlisted', scope: 'message' };
}

function isWithin(code: number, one: number | readonly [number, number]): boolean {
  return typeof one === 'number' ? code === one : code >= one[0] && code <= one[1];
}
