/** Keys of a local installation: made once, kept in the data folder, readable by its owner alone. */

import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Lost together with the data folder; without them nothing stored can be opened. */
export interface LocalKeys {
  /** As in WAYBILL_MASTER_KEY. */
  masterKey: string;
  /** As in WAYBILL_CODEC_KEYS. */
  codecKeys: string;
  /** As in WAYBILL_CODEC_PATH. */
  codecPath: string;
  postgresPassword: string;
}

/** The keys of the seed: of an agent, a supervisor, an admin and a service. */
export interface SeedKeys {
  staffKey: string;
  supervisorKey: string;
  adminKey: string;
  serviceKey: string;
}

/** The keys of this data folder, made when there are none. */
export function requireLocalKeys(dataFolder: string): LocalKeys {
  const file = join(dataFolder, 'keys.json');
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as LocalKeys;
  const key = () => randomBytes(32).toString('base64');
  const made = {
    masterKey: key(),
    codecKeys: `local:${key()}`,
    codecPath: randomBytes(24).toString('base64url'),
    postgresPassword: randomBytes(24).toString('base64url'),
  };
  writePrivate(file, made);
  return made;
}

/** The keys that the seed handed out; null when none were kept here. */
export function findSeedKeys(dataFolder: string): SeedKeys | null {
  const file = join(dataFolder, 'seed-keys.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as SeedKeys) : null;
}

export function keepSeedKeys(dataFolder: string, keys: SeedKeys): void {
  writePrivate(join(dataFolder, 'seed-keys.json'), keys);
}

function writePrivate(file: string, content: object): void {
  writeFileSync(`${file}.unfinished`, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.unfinished`, file);
}
