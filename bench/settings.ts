/** What to measure, how much and how often: the command line. */

import { parseArgs } from 'node:util';
import { z } from 'zod';

export const partNames = ['lanes', 'accept', 'webhooks', 'recovery', 'parked', 'profile'] as const;
export type PartName = (typeof partNames)[number];

export const contestantNames = ['express', 'queued', 'bare', 'eager', 'five'] as const;
export type ContestantName = (typeof contestantNames)[number];

export type Settings = z.output<typeof schema>;

const count = (fallback: number, least = 1) => z.coerce.number().int().min(least).default(fallback);
const listOf = <T extends string>(names: readonly T[]) =>
  z
    .string()
    .transform((text) => text.split(',').filter((one) => one !== ''))
    .pipe(z.array(z.enum(names)).min(1));

const schema = z.object({
  /** Dispatches of one round. */
  messages: count(1_000),
  /** Rounds that count; one more before them is dropped. */
  rounds: count(5),
  /** Callers at the same time while the rate is measured. */
  callers: count(32),
  /** Dispatches per second while the latency is measured, and for how many seconds. */
  pace: count(20),
  paceSeconds: count(15),
  /** Dispatches per second of `accept`. */
  rates: z
    .string()
    .default('25,50,100')
    .transform((text) => text.split(',').map(Number))
    .pipe(z.array(z.number().positive()).min(1)),
  /** Most dispatches that wait; 1,000 and every power of ten below it come first. */
  parked: count(10_000, 1),
  /** Choices made at each of those steps. */
  resumes: count(200),
  /** How long an idle installation is looked at. */
  idleSeconds: count(60),
  webhooks: count(2_000),
  /** Messages on their way when `recovery` kills: 0, as many as there are at the pace. */
  backlog: count(0, 0),
  /** Who takes part; default: what the part is about. */
  contestants: listOf(contestantNames).optional(),
  /** Keeps the databases in this folder, and goes on from what is in it. */
  keep: z.string().optional(),
  /** The Temporal CLI. */
  temporal: z.string().optional(),
});

/** Reads the command line; throws one sentence when it cannot be read. */
export function readSettings(args: string[]): { parts: PartName[]; settings: Settings } {
  const options = Object.fromEntries(Object.keys(schema.shape).map((name) => [kebab(name), { type: 'string' as const }]));
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  const parts = z.array(z.enum(partNames, `A part is one of ${partNames.join(', ')}.`)).safeParse(positionals);
  const settings = schema.safeParse(Object.fromEntries(Object.entries(values).map(([name, value]) => [camel(name), value])));
  const issues = [
    ...(parts.error?.issues ?? []),
    ...(settings.error?.issues ?? []).map((one) => ({ message: `--${kebab(String(one.path[0]))}: ${one.message}` })),
  ];
  if (!parts.success || !settings.success) throw new Error(issues.map((one) => one.message).join('\n'));
  return { parts: parts.data.length === 0 ? [...partNames] : parts.data, settings: settings.data };
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function camel(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
