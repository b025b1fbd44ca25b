/** The settings of the local stack: launcher, doctor and tests. */

import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { ConfigError, parseSettings, processEnvironment, type Environment } from '../config.js';
import { inProject } from '../paths.js';

const port = (fallback: number) =>
  z.coerce
    .number('is not a port: give a number from 1 to 65535')
    .int('is not a whole number')
    .min(1, 'is not a port')
    .max(65_535, 'is not a port')
    .default(fallback);
const folder = (fallback: string) =>
  z
    .string()
    .default(fallback)
    .transform((path) => (isAbsolute(path) ? path : inProject(path)));

const settings = z.object({
  DATABASE_URL: z.string().optional(),
  TEMPORAL_ADDRESS: z
    .string()
    .regex(/^\S+:\d+$/, 'is not host:port')
    .optional(),
  TEMPORAL_NAMESPACE: z.string().default('default'),
  TEMPORAL_UI_URL: z.string().optional(),
  TEMPORAL_CLI_PATH: z.string().optional(),
  WAYBILL_TEMPORAL_DOWNLOAD: z.enum(['0', '1'], 'is neither 0 nor 1').default('1'),
  PATH: z.string().default(''),
  WAYBILL_DATA_DIR: folder('.waybill'),
  WAYBILL_CACHE_DIR: folder('.cache'),
  WAYBILL_PORT: port(3080),
  WAYBILL_METRICS_PORT: port(9464),
  WAYBILL_POSTGRES_PORT: port(54_329),
  WAYBILL_TEMPORAL_PORT: port(7233),
  WAYBILL_TEMPORAL_UI_PORT: port(8233),
  WAYBILL_SANDBOX_PORT: port(3081),
  WAYBILL_SANDBOX_SMTP_PORT: port(3025),
  WAYBILL_EXIT_AFTER_SAMPLE: z.enum(['0', '1'], 'is neither 0 nor 1').default('0'),
});

/** Null: not set, so the local stack brings its own. Folders are absolute. */
export interface LocalConfig {
  databaseUrl: string | null;
  temporal: { address: string | null; namespace: string; uiUrl: string | null };
  /** Where the Temporal CLI may come from. */
  cli: { cliPath: string | null; searchPath: string; cacheFolder: string; mayDownload: boolean };
  dataFolder: string;
  ports: { api: number; metrics: number; postgres: number; temporal: number; temporalUi: number; sandbox: number; sandboxSmtp: number };
  exitAfterSample: boolean;
}

/** Reads the settings of the local stack; throws `ConfigError` with every problem at once. */
export function loadLocalConfig(env: Environment = processEnvironment()): LocalConfig {
  const read = parseSettings(settings, env);
  const ports = {
    api: read.WAYBILL_PORT,
    metrics: read.WAYBILL_METRICS_PORT,
    postgres: read.WAYBILL_POSTGRES_PORT,
    temporal: read.WAYBILL_TEMPORAL_PORT,
    temporalUi: read.WAYBILL_TEMPORAL_UI_PORT,
    sandbox: read.WAYBILL_SANDBOX_PORT,
    sandboxSmtp: read.WAYBILL_SANDBOX_SMTP_PORT,
  };
  if (new Set(Object.values(ports)).size < Object.keys(ports).length)
    throw new ConfigError(['Two of the WAYBILL_*_PORT settings name the same port: give each its own.']);
  return {
    databaseUrl: read.DATABASE_URL ?? null,
    temporal: { address: read.TEMPORAL_ADDRESS ?? null, namespace: read.TEMPORAL_NAMESPACE, uiUrl: read.TEMPORAL_UI_URL ?? null },
    cli: {
      cliPath: read.TEMPORAL_CLI_PATH ?? null,
      searchPath: read.PATH,
      cacheFolder: read.WAYBILL_CACHE_DIR,
      mayDownload: read.WAYBILL_TEMPORAL_DOWNLOAD === '1',
    },
    dataFolder: read.WAYBILL_DATA_DIR,
    ports,
    exitAfterSample: read.WAYBILL_EXIT_AFTER_SAMPLE === '1',
  };
}
