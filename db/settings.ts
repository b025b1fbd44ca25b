/** Settings of the installation (requirements 4.6). A missing row means the default. */

import { inArray, sql } from 'drizzle-orm';
import { defaultBccPattern } from '../domain/content.js';
import type { Queryable } from './connect.js';
import { installation, settings } from './schema/index.js';

export interface Settings {
  activeThreadScope: 'client' | 'channel';
  askWhenSeveralFilledIn: boolean;
  bccPattern: string;
  /** ISO 3166; null: phone numbers need their `+`. */
  defaultCountry: string | null;
  choiceDeadlineSeconds: number;
  decisionDeadlineSeconds: number;
  outcomeDeadlineSeconds: number;
}

const daySeconds = 86_400;

export const defaultSettings: Settings = {
  activeThreadScope: 'client',
  askWhenSeveralFilledIn: false,
  bccPattern: defaultBccPattern,
  defaultCountry: null,
  choiceDeadlineSeconds: daySeconds,
  decisionDeadlineSeconds: daySeconds,
  outcomeDeadlineSeconds: 7 * daySeconds,
};

/** All settings in force. */
export async function readSettings(db: Queryable): Promise<Settings> {
  const rows = await db
    .select({ key: settings.key, value: settings.value })
    .from(settings)
    .where(inArray(settings.key, Object.keys(defaultSettings)));
  return settingsOf(Object.fromEntries(rows.map((row) => [row.key, row.value])));
}

/** What is stored, completed by the defaults. */
export function settingsOf(stored: Record<string, unknown>): Settings {
  const known = Object.entries(stored).filter(([key]) => Object.hasOwn(defaultSettings, key));
  return { ...defaultSettings, ...Object.fromEntries(known) };
}

/** Changes the settings that are given, in one statement. */
export async function writeSettings(db: Queryable, changes: Partial<Settings>): Promise<void> {
  const rows = Object.entries(changes).map(([key, value]) => ({ key, value: sql`${JSON.stringify(value)}::jsonb` }));
  if (rows.length === 0) return;
  await db
    .insert(settings)
    .values(rows)
    .onConflictDoUpdate({ target: settings.key, set: { value: sql`excluded.value`, changedAt: sql`now()` } });
}

/** The epoch in force; raised by hand after a restore from a backup (H14). */
export async function readSendEpoch(db: Queryable): Promise<number> {
  const [row] = await db.select({ sendEpoch: installation.sendEpoch }).from(installation);
  return row?.sendEpoch ?? 1;
}
