/** What `npm run chaos` is asked for, by the environment. */

import { randomInt } from 'node:crypto';
import { z } from 'zod';
import { makePlan, modes, type Plan, sizeOf } from './plan.js';

const count = z.coerce.number().int().min(1).optional();

const settings = z.object({
  WAYBILL_CHAOS_MODE: z.enum(modes).default('campaign'),
  /** One, or several with commas between them. */
  WAYBILL_CHAOS_SEED: z
    .string()
    .regex(/^\d+(,\d+)*$/)
    .transform((text) => text.split(',').map(Number))
    .optional(),
  WAYBILL_CHAOS_DISPATCHES: count,
  WAYBILL_CHAOS_KILLS: count,
  WAYBILL_CHAOS_SECONDS: count,
  WAYBILL_CHAOS_TIMES: count,
  WAYBILL_CHAOS_OUTAGE_SECONDS: count,
});

/** One plan for each seed; without a seed, a fresh one. */
export function plansAskedFor(): Plan[] {
  const read = settings.parse(process.env);
  const mode = read.WAYBILL_CHAOS_MODE;
  const asked = {
    dispatches: read.WAYBILL_CHAOS_DISPATCHES,
    kills: read.WAYBILL_CHAOS_KILLS,
    seconds: read.WAYBILL_CHAOS_SECONDS,
    times: read.WAYBILL_CHAOS_TIMES,
    outageSeconds: read.WAYBILL_CHAOS_OUTAGE_SECONDS,
  };
  const size = sizeOf(mode, Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined)));
  return (read.WAYBILL_CHAOS_SEED ?? [freshSeed()]).map((seed) => makePlan(mode, seed, size));
}

function freshSeed(): number {
  return randomInt(1_000_000);
}

/** How to do the same again. */
export function commandFor({ mode, seed, dispatches, kills, seconds, times, outageSeconds }: Plan): string {
  const sizes = {
    campaign: `WAYBILL_CHAOS_DISPATCHES=${dispatches} WAYBILL_CHAOS_KILLS=${kills}`,
    drain: `WAYBILL_CHAOS_DISPATCHES=${dispatches} WAYBILL_CHAOS_TIMES=${times}`,
    database: `WAYBILL_CHAOS_DISPATCHES=${dispatches} WAYBILL_CHAOS_TIMES=${times}`,
    outages: `WAYBILL_CHAOS_DISPATCHES=${dispatches} WAYBILL_CHAOS_OUTAGE_SECONDS=${outageSeconds}`,
  };
  return `WAYBILL_CHAOS_MODE=${mode} WAYBILL_CHAOS_SEED=${seed} ${sizes[mode]} WAYBILL_CHAOS_SECONDS=${seconds} npm run chaos`;
}
