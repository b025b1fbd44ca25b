import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { ConfigError, loadConfig } from '../../runtime/config.js';
import { loadLocalConfig } from '../../runtime/local/local-config.js';
import { projectRoot } from '../../runtime/paths.js';

const key = randomBytes(32).toString('base64');
const enough = { DATABASE_URL: 'postgres://waybill:secret@127.0.0.1:5432/waybill', WAYBILL_MASTER_KEY: key, WAYBILL_CODEC_KEYS: `k1:${key}` };

function problemsOf(env: Record<string, string | undefined>): readonly string[] {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('the settings of API and worker', () => {
  test('the few that must be given are enough', () => {
    expect(loadConfig(enough)).toMatchObject({
      databaseUrl: enough.DATABASE_URL,
      temporal: { address: '127.0.0.1:7233', namespace: 'default', uiUrl: null },
      taskQueue: 'waybill',
      api: { host: '127.0.0.1', port: 3080, publicUrl: 'http://127.0.0.1:3080' },
      devLogin: false,
      codecPath: null,
      relay: { intervalMs: 2_000, reconcileIntervalMs: 10_000 },
    });
  });

  test('every problem is told at once, and no value of a secret with it', () => {
    const secret = 'c2VjcmV0LXRoYXQtaXMtdG9vLXNob3J0';
    const problems = problemsOf({ DATABASE_URL: 'mysql://root:hunter2@db/x', WAYBILL_MASTER_KEY: secret, WAYBILL_PORT: 'http', WAYBILL_LOG_LEVEL: 'loud' });
    expect(problems.map((one) => one.split(' ')[0])).toEqual(
      expect.arrayContaining(['DATABASE_URL', 'WAYBILL_MASTER_KEY', 'WAYBILL_CODEC_KEYS', 'WAYBILL_PORT', 'WAYBILL_LOG_LEVEL']),
    );
    expect(problems).toHaveLength(5);
    for (const problem of problems) expect(problem).toMatch(/^[A-Z_]+ is .+\.$/);
    expect(problems.join()).not.toMatch(/hunter2|c2VjcmV0/);
  });

  test('a blank value counts as absent', () => {
    expect(loadConfig({ ...enough, TEMPORAL_ADDRESS: ' ' }).temporal.address).toBe('127.0.0.1:7233');
    expect(problemsOf({ ...enough, DATABASE_URL: '' })[0]).toMatch(/^DATABASE_URL is missing/);
  });

  test('R116 codec keys keep their order; a repeated id and a short key are refused', () => {
    const other = randomBytes(32).toString('base64');
    expect(loadConfig({ ...enough, WAYBILL_CODEC_KEYS: `new:${other}, old:${key}` }).codecKeys.map((one) => one.id)).toEqual(['new', 'old']);
    for (const keys of [`a:${key},a:${other}`, 'a:c2hvcnQ=', key, `a:${key},`]) {
      expect(problemsOf({ ...enough, WAYBILL_CODEC_KEYS: keys })).toEqual([expect.stringMatching(/^WAYBILL_CODEC_KEYS is not a list/)]);
    }
  });

  test('the development login is refused anywhere but on this machine', () => {
    expect(loadConfig({ ...enough, WAYBILL_DEV_LOGIN: '1' }).devLogin).toBe(true);
    expect(problemsOf({ ...enough, WAYBILL_DEV_LOGIN: '1', WAYBILL_HOST: '0.0.0.0' })).toEqual([expect.stringMatching(/^WAYBILL_DEV_LOGIN/)]);
    for (const host of ['127.0.0.1.example.com', '127.evil', '0.0.0.0', '192.168.1.4']) {
      expect(problemsOf({ ...enough, WAYBILL_DEV_LOGIN: '1', WAYBILL_HOST: host })).toHaveLength(1);
    }
  });

  test('an API key for a Temporal elsewhere is passed on', () => {
    expect(loadConfig({ ...enough, TEMPORAL_ADDRESS: 'cloud.example:7233', TEMPORAL_API_KEY: 'abc' }).temporal.security).toMatchObject({
      apiKey: 'abc',
      tls: true,
    });
    expect(loadConfig(enough).temporal.security).toEqual({});
  });
});

describe('the settings of the local stack', () => {
  test('folders are absolute, inside the project unless said otherwise', () => {
    expect(loadLocalConfig({})).toMatchObject({ dataFolder: `${projectRoot}/.waybill`, cli: { cacheFolder: `${projectRoot}/.cache` }, databaseUrl: null });
    expect(loadLocalConfig({ WAYBILL_DATA_DIR: '/srv/waybill' }).dataFolder).toBe('/srv/waybill');
  });

  test('two settings may not name the same port', () => {
    expect(() => loadLocalConfig({ WAYBILL_PORT: '7233' })).toThrow('the same port');
  });
});
