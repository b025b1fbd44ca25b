/** The settings of API and worker: the only reader of the environment, every problem told at once. */

import { existsSync } from 'node:fs';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { z } from 'zod';
import { inProject } from './paths.js';

/** What is wrong with the settings, one sentence each; never a value of a secret. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/** A codec key with the id that travels in the payload's metadata. */
export interface CodecKey {
  id: string;
  key: Buffer;
}

export type Environment = Record<string, string | undefined>;
export type Config = ReturnType<typeof shapeConfig>;

const port = (fallback: number) =>
  z.coerce
    .number('is not a port: give a number from 0 to 65535')
    .int('is not a whole number')
    .min(0, 'is not a port: give a number from 0 to 65535')
    .max(65_535, 'is not a port: give a number from 0 to 65535')
    .default(fallback);
const milliseconds = (fallback: number, least: number) =>
  z.coerce
    .number('is not a number of milliseconds')
    .int('is not a whole number of milliseconds')
    .min(least, `is too small: at least ${least} milliseconds`)
    .default(fallback);
const url = (...schemes: string[]) =>
  z
    .string()
    .refine(
      (text) => URL.canParse(text) && schemes.includes(new URL(text).protocol),
      `is not a URL that starts with ${schemes.map((one) => `${one}//`).join(' or ')}`,
    );
const key256 = (text: string): Buffer | null => {
  const key = Buffer.from(text, 'base64');
  return key.length === 32 && key.toString('base64').replace(/=+$/, '') === text.replace(/=+$/, '') ? key : null;
};
const howToMakeAKey = "make one with: node -p \"require('crypto').randomBytes(32).toString('base64')\"";

const settings = z.object({
  DATABASE_URL: z
    .string('is missing: give the address of a Postgres database (postgres://user:password@host:5432/name), or use "npm start", which brings its own')
    .pipe(url('postgres:', 'postgresql:')),
  TEMPORAL_ADDRESS: z
    .string()
    .regex(/^\S+:\d+$/, 'is not host:port')
    .default('127.0.0.1:7233'),
  TEMPORAL_NAMESPACE: z.string().default('default'),
  TEMPORAL_UI_URL: url('http:', 'https:').optional(),
  WAYBILL_TASK_QUEUE: z.string().default('waybill'),
  WAYBILL_HOST: z.string().default('127.0.0.1'),
  WAYBILL_PORT: port(3080),
  WAYBILL_PUBLIC_URL: url('http:', 'https:').optional(),
  WAYBILL_MASTER_KEY: z.string(`is missing: it is 32 random bytes in base64; ${howToMakeAKey}`).transform((text, context) => {
    const key = key256(text);
    if (key === null) context.addIssue(`is not 32 bytes in base64; ${howToMakeAKey}`);
    return key ?? z.NEVER;
  }),
  WAYBILL_CODEC_KEYS: z
    .string(`is missing: it is a list "id:key,id:key" of 32-byte keys in base64, the first one encrypts; ${howToMakeAKey}`)
    .transform((text, context) => {
      const keys = parseCodecKeys(text);
      if (keys === null) context.addIssue(`is not a list "id:key,id:key" with different ids and 32-byte keys in base64; ${howToMakeAKey}`);
      return keys ?? z.NEVER;
    }),
  WAYBILL_CODEC_PATH: z
    .string()
    .regex(/^[A-Za-z0-9_-]{16,}$/, 'is not one path segment of at least 16 letters, digits, "-" or "_"')
    .optional(),
  WAYBILL_DEV_LOGIN: z.enum(['0', '1'], 'is neither 0 nor 1').default('0'),
  WAYBILL_METRICS_PORT: port(9464),
  WAYBILL_SDK_METRICS_PORT: port(0),
  WAYBILL_LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'is none of fatal, error, warn, info, debug, trace, silent')
    .default('info'),
  WAYBILL_DATABASE_POOL: z.coerce.number('is not a number').int('is not a whole number').min(1, 'is too small: at least 1').default(10),
  WAYBILL_RELAY_INTERVAL_MS: milliseconds(2_000, 20),
  WAYBILL_RECONCILE_INTERVAL_MS: milliseconds(10_000, 20),
  WAYBILL_MAX_CACHED_WORKFLOWS: z.coerce.number('is not a number').int('is not a whole number').min(0, 'is negative').default(500),
  WAYBILL_TASKS_AT_ONCE: z.coerce.number('is not a number').int('is not a whole number').min(2, 'is too small: at least 2').default(20),
  WAYBILL_SHUTDOWN_GRACE_MS: milliseconds(90_000, 0),
  WAYBILL_WORKFLOW_BUNDLE: z.string().optional(),
});

/**
 * Reads and checks all settings. Without an argument they come from the process environment, completed by a `.env` file in the
 * project folder (the environment wins). A blank value counts as absent. Throws `ConfigError` with every problem at once.
 */
export function loadConfig(env: Environment = processEnvironment()): Config {
  const present = withoutBlanks(env);
  const security = temporalSecurity(present);
  return shapeConfig(parseSettings(settings, present, [...devLoginProblems(present), ...security.problems]), security.options);
}

/** Parses one family of settings out of the environment; throws `ConfigError` with these and all other problems. */
export function parseSettings<S extends z.ZodType>(schema: S, env: Environment, otherProblems: readonly string[] = []): z.output<S> {
  const parsed = schema.safeParse(withoutBlanks(env));
  const problems = [...(parsed.error?.issues ?? []).map((issue) => `${issue.path.join('.')} ${issue.message}.`), ...otherProblems];
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  return parsed.data;
}

/** The process environment, completed by the project's `.env` file where one exists. */
export function processEnvironment(): Environment {
  const file = inProject('.env');
  if (existsSync(file)) process.loadEnvFile(file);
  return process.env;
}

/** Is this host reachable from this machine alone? */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

function withoutBlanks(env: Environment): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => (entry[1] ?? '').trim() !== ''));
}

function devLoginProblems(env: Environment): string[] {
  if (env['WAYBILL_DEV_LOGIN'] !== '1' || isLoopback(env['WAYBILL_HOST'] ?? '127.0.0.1')) return [];
  return ['WAYBILL_DEV_LOGIN is 1 while WAYBILL_HOST is not a loopback address: the development login is for this machine alone.'];
}

function shapeConfig(read: z.output<typeof settings>, security: TemporalSecurity) {
  return {
    databaseUrl: read.DATABASE_URL,
    databasePool: read.WAYBILL_DATABASE_POOL,
    temporal: {
      address: read.TEMPORAL_ADDRESS,
      namespace: read.TEMPORAL_NAMESPACE,
      uiUrl: read.TEMPORAL_UI_URL ?? null,
      security,
    },
    taskQueue: read.WAYBILL_TASK_QUEUE,
    api: {
      host: read.WAYBILL_HOST,
      port: read.WAYBILL_PORT,
      publicUrl: read.WAYBILL_PUBLIC_URL ?? `http://${read.WAYBILL_HOST.includes(':') ? `[${read.WAYBILL_HOST}]` : read.WAYBILL_HOST}:${read.WAYBILL_PORT}`,
    },
    masterKey: read.WAYBILL_MASTER_KEY,
    codecKeys: read.WAYBILL_CODEC_KEYS,
    codecPath: read.WAYBILL_CODEC_PATH ?? null,
    devLogin: read.WAYBILL_DEV_LOGIN === '1',
    /** The worker's own /metrics, /healthz and /readyz; 0: a free port, told in the log. */
    metricsPort: read.WAYBILL_METRICS_PORT,
    /** Metrics of the Temporal SDK in the worker; 0: none. */
    sdkMetricsPort: read.WAYBILL_SDK_METRICS_PORT,
    logLevel: read.WAYBILL_LOG_LEVEL,
    relay: { intervalMs: read.WAYBILL_RELAY_INTERVAL_MS, reconcileIntervalMs: read.WAYBILL_RECONCILE_INTERVAL_MS },
    worker: {
      maxCachedWorkflows: read.WAYBILL_MAX_CACHED_WORKFLOWS,
      tasksAtOnce: read.WAYBILL_TASKS_AT_ONCE,
      shutdownGraceMs: read.WAYBILL_SHUTDOWN_GRACE_MS,
    },
    workflowBundlePath: read.WAYBILL_WORKFLOW_BUNDLE ?? inProject('dist', 'workflow-bundle.js'),
  };
}

type TemporalSecurity = Pick<ReturnType<typeof loadClientConnectConfig>['connectionOptions'], 'tls' | 'apiKey' | 'metadata'>;

/** TLS and API key for a Temporal elsewhere, in Temporal's own variables; its profile file is read only where a variable names it. */
function temporalSecurity(env: Record<string, string>): { options: TemporalSecurity; problems: string[] } {
  const named = env['TEMPORAL_CONFIG_FILE'] !== undefined || env['TEMPORAL_PROFILE'] !== undefined;
  try {
    const { tls, apiKey, metadata } = loadClientConnectConfig({ disableFile: !named, overrideEnvVars: env }).connectionOptions;
    return {
      options: { ...(tls == null ? {} : { tls }), ...(apiKey === undefined ? {} : { apiKey }), ...(metadata === undefined ? {} : { metadata }) },
      problems: [],
    };
  } catch {
    return {
      options: {},
      problems: [
        'The TEMPORAL_TLS_*, TEMPORAL_CONFIG_FILE or TEMPORAL_PROFILE settings cannot be used: check that the files exist and that the profile is named right.',
      ],
    };
  }
}

function parseCodecKeys(text: string): CodecKey[] | null {
  const keys: CodecKey[] = [];
  for (const part of text.split(',')) {
    const [, id, encoded] = /^\s*([A-Za-z0-9_-]{1,32}):(\S+)\s*$/.exec(part) ?? [];
    const key = encoded === undefined ? null : key256(encoded);
    if (id === undefined || key === null || keys.some((one) => one.id === id)) return null;
    keys.push({ id, key });
  }
  return keys;
}
