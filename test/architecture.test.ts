/** The plan of the house, read from the sources: who imports whom, and the habits that no compiler checks. */

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { refusals, warnings } from '../domain/codes.js';
import { endReasons } from '../domain/dispatch.js';
import { providerReasons } from '../domain/failure.js';
import { inProject } from '../runtime/paths.js';

const rooms = ['domain', 'workflows', 'activities', 'channels', 'db', 'api', 'relay', 'runtime', 'sandbox', 'bin', 'bench'] as const;
type Room = (typeof rooms)[number];

interface Wall {
  /** What may be imported, as a path from the root of the project or as a package. */
  may: RegExp[];
  /** What may be imported as a type alone. */
  mayAsType?: RegExp[];
}

const own = (room: Room): RegExp => new RegExp(`^/${room}/`);
const node = /^node:/;
/** Any package of npm, but those with one of these beginnings. */
const packagesBut = (...beginnings: string[]): RegExp => new RegExp(`^(?!node:|/)(?!${beginnings.join('|')})`);
const contracts = /^\/workflows\/[a-z-]+\.contract\.ts$/;
const registry = /^\/channels\/(channel|registry|secrets)\.ts$/;
const temporal = '@temporalio/';

const walls: Record<Exclude<Room, 'bin'>, Wall> = {
  domain: { may: [own('domain')] },
  workflows: { may: [own('workflows'), /^\/domain\/(?!(contact-point|pattern)\.ts)/, /^@temporalio\/(workflow|common)$/], mayAsType: [own('activities')] },
  activities: {
    may: [own('activities'), own('domain'), own('db'), own('channels'), /^@temporalio\/(activity|common)$/, /^(liquidjs|uuid)$/, /^node:crypto$/],
  },
  channels: { may: [own('channels'), own('domain'), node, packagesBut(temporal, 'drizzle-orm', 'postgres$', 'express', 'pino')] },
  db: { may: [own('db'), own('domain'), /^drizzle-orm(\/|$)/, /^(postgres|uuid)$/, node] },
  api: {
    may: [
      own('api'),
      own('domain'),
      own('db'),
      contracts,
      registry,
      /^@temporalio\/(client|common)$/,
      packagesBut(temporal, 'drizzle-orm', 'postgres$', 'nodemailer'),
      node,
    ],
    mayAsType: [own('workflows')],
  },
  relay: { may: [own('relay'), own('domain'), own('db'), contracts, /^@temporalio\/(client|common)$/, node], mayAsType: [registry, /^pino$/] },
  runtime: { may: [own('runtime'), /^\/db\/migrate\.ts$/, node, packagesBut('express', 'drizzle-orm')] },
  sandbox: { may: [own('sandbox'), node, packagesBut(temporal, 'drizzle-orm', 'postgres$', 'nodemailer')] },
  bench: { may: [own('bench'), node, packagesBut('drizzle-orm', 'pino')], mayAsType: [/^\/api\/contract\//] },
};

const allowed = (room: keyof typeof walls, { file, typeOnly, target }: Import): boolean =>
  [...walls[room].may, ...(typeOnly ? (walls[room].mayAsType ?? []) : [])].some((one) => one.test(target)) ||
  (file === 'domain/contact-point.ts' && target === 'libphonenumber-js/max') ||
  (file === 'domain/pattern.ts' && target === 're2js');

interface Import {
  file: string;
  /** A path from the root of the project, with a leading slash, or a package. */
  target: string;
  typeOnly: boolean;
}

function sourcesOf(room: string): string[] {
  return readdirSync(inProject(room), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|mjs|cjs)$/.test(name) && !name.includes('node_modules'))
    .map((name) => join(room, name));
}

const read = (file: string): string => readFileSync(inProject(file), 'utf8');
/** Comments out, so that no word in them counts. */
const codeOf = (file: string): string =>
  read(file)
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '');

function importsOf(file: string): Import[] {
  const statements = [...codeOf(file).matchAll(/^\s*(import|export)\s+(type\s+)?([^'";]*?\bfrom\s+)?'([^']+)'/gm)].map((match) => ({
    typeOnly: match[2] !== undefined || onlyTypes(match[3] ?? ''),
    target: match[4]!,
  }));
  const calls = [...codeOf(file).matchAll(/\bimport\(\s*'([^']+)'\s*\)/g)].map((match) => ({ typeOnly: false, target: match[1]! }));
  return [...statements, ...calls].map(({ typeOnly, target }) => ({ file, typeOnly, target: resolve(file, target) }));
}

/** `{ type A, type B } from`: every name is a type. */
function onlyTypes(clause: string): boolean {
  const names =
    /^\{([^}]*)\}/
      .exec(clause.trim())?.[1]
      ?.split(',')
      .map((one) => one.trim())
      .filter(Boolean) ?? [];
  return names.length > 0 && names.every((one) => one.startsWith('type '));
}

function resolve(file: string, target: string): string {
  return target.startsWith('.') ? `/${normalize(join(dirname(file), target)).replace(/\.js$/, '.ts')}` : target;
}

const lines = (file: string): number => read(file).trimEnd().split('\n').length;

describe('who imports whom', () => {
  test.each(Object.keys(walls) as (keyof typeof walls)[])('%s keeps to its walls', (room) => {
    const imports = sourcesOf(room).flatMap(importsOf);
    expect(imports.length).toBeGreaterThan(0);
    expect(imports.filter((one) => !allowed(room, one)).map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
  });

  test.each([
    { room: 'domain', targets: ['/db/connect.ts', 'node:crypto', 'zod', 'libphonenumber-js/max', 're2js', '@temporalio/workflow'] },
    {
      room: 'workflows',
      targets: ['/db/connect.ts', '/channels/channel.ts', '/api/problem.ts', '/runtime/config.ts', '/domain/contact-point.ts', '/domain/pattern.ts'],
    },
    { room: 'workflows', targets: ['/activities/index.ts', 'node:fs', 'zod', 'pino', '@temporalio/client', '@temporalio/activity'] },
    {
      room: 'activities',
      targets: ['/api/problem.ts', '/workflows/dispatch-message.ts', '/runtime/config.ts', '/relay/outbox.ts', '@temporalio/client', 'node:fs'],
    },
    { room: 'channels', targets: ['/db/connect.ts', '/api/problem.ts', '/activities/index.ts', '/runtime/logger.ts', '@temporalio/common', 'postgres'] },
    { room: 'db', targets: ['/channels/channel.ts', '/api/problem.ts', '/activities/index.ts', '@temporalio/client', 'express'] },
    {
      room: 'api',
      targets: ['/activities/index.ts', '/workflows/dispatch-message.ts', '/relay/outbox.ts', '/runtime/config.ts', '/channels/http.ts', 'drizzle-orm'],
    },
    { room: 'relay', targets: ['/api/problem.ts', '/activities/index.ts', '/workflows/dispatch-message.ts', '/channels/registry.ts', 'express'] },
    { room: 'runtime', targets: ['/domain/dispatch.ts', '/db/connect.ts', '/api/problem.ts', '/channels/channel.ts', '/sandbox/http.ts'] },
    { room: 'sandbox', targets: ['/channels/channel.ts', '/domain/failure.ts', '/db/connect.ts', '/runtime/logger.ts', '@temporalio/client'] },
    {
      room: 'bench',
      targets: ['/db/connect.ts', '/domain/channel.ts', '/runtime/local/postgres.ts', '/api/app.ts', '/api/contract/dispatches.ts', '/bin/start.ts'],
    },
  ] as const)('the walls of $room keep out $targets', ({ room, targets }) => {
    expect(targets.filter((target) => allowed(room, { file: `${room}/x.ts`, target, typeOnly: false }))).toEqual([]);
  });

  test('the reader of imports sees them all: names over several lines, side effects, types, calls', () => {
    const seen = importsOf('domain/recipient.ts');
    expect(seen).toContainEqual({ file: 'domain/recipient.ts', target: '/domain/eligibility.ts', typeOnly: true });
    expect(seen).toContainEqual({ file: 'domain/recipient.ts', target: '/domain/template-use.ts', typeOnly: false });
    expect(seen.length).toBe((codeOf('domain/recipient.ts').match(/\bfrom '/g) ?? []).length);
    for (const room of rooms) {
      for (const file of sourcesOf(room)) expect(`${file} ${importsOf(file).length}`).toBe(`${file} ${countImports(file)}`);
    }
  });

  test('nothing but the tests imports the tests', () => {
    const imports = rooms.flatMap(sourcesOf).flatMap(importsOf);
    expect(imports.filter((one) => one.target.startsWith('/test/')).map((one) => one.file)).toEqual([]);
  });
});

/** Counted another way: module names in quotes behind `from`, `import` or `import(`. */
function countImports(file: string): number {
  return (codeOf(file).match(/(\bfrom|^\s*import|\bimport\()\s*'(?:\.{1,2}\/|node:|@?[a-z])[^']*'/gm) ?? []).length;
}

describe('habits', () => {
  const all = rooms.flatMap(sourcesOf);
  const typescript = all.filter((file) => file.endsWith('.ts'));
  const offenders = (files: string[], pattern: RegExp): string[] => files.filter((file) => pattern.test(codeOf(file)));

  test('only runtime/config.ts reads the environment; a program in bin/ may read its own options', () => {
    const readers = offenders(all, /\bprocess\.env\b/).filter((file) => !file.startsWith('bin/'));
    expect(readers).toEqual(['runtime/config.ts']);
  });

  test('no default exports', () => {
    expect(offenders(typescript, /^export default\b/m)).toEqual([]);
  });

  test('no enums and no namespaces', () => {
    expect(offenders(typescript, /^\s*(export\s+)?(declare\s+)?(const\s+)?(enum|namespace)\s+\w/m)).toEqual([]);
  });

  test('nothing in domain/ reads a clock, draws a random number, waits or throws', () => {
    const pure = sourcesOf('domain');
    expect(offenders(pure, /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bawait\b|\basync\b|\bthrow\b|\bsetTimeout\b/)).toEqual([]);
  });

  test('R115 no workflow file has state outside its function, and none speaks to the console', () => {
    expect(offenders(sourcesOf('workflows'), /^(export\s+)?(let|var)\b/m)).toEqual([]);
    expect(offenders(sourcesOf('workflows'), /\bconsole\./)).toEqual([]);
  });

  test('the workflow is one page', () => {
    expect(lines('workflows/dispatch-message.ts')).toBeLessThanOrEqual(150);
  });

  test('files are named in kebab-case', () => {
    const odd = all.filter((file) => !file.split('/').every((part) => /^(\[[a-zA-Z]+\]|[a-z0-9]+(-[a-z0-9]+)*)(\.[a-z-]+)*$/.test(part)));
    expect(odd).toEqual([]);
  });

  test('an index file exists only where a tool loads it', () => {
    expect(all.filter((file) => /(^|\/)index\.ts$/.test(file)).toSorted()).toEqual(['activities/index.ts', 'db/schema/index.ts', 'workflows/index.ts']);
  });

  test('nothing is left to be done later', () => {
    expect([...all, ...sourcesOf('test')].filter((file) => /\b(TODO|FIXME|XXX)\b/.test(file === 'test/architecture.test.ts' ? '' : read(file)))).toEqual([]);
  });
});

describe('codes', () => {
  const known = new Set<string>([
    ...Object.keys(refusals),
    ...Object.keys(warnings),
    ...endReasons,
    ...providerReasons,
    'CLIENT_WROTE',
    'THREAD_CLOSED',
    'NOT_SELECTED',
  ]);
  /** Words of others that look like codes: Temporal's options, errors of the driver and of Node. */
  const foreign = /^(REJECT_DUPLICATE|USE_EXISTING|CONNECTION_(CLOSED|ENDED|DESTROYED)|CONNECT_TIMEOUT|EAI_AGAIN|[A-Z]+_PAYLOADS?)$/;
  const files = (['workflows', 'activities', 'db', 'api', 'relay'] as const).flatMap(sourcesOf);

  test('a code is spelled in domain/ first: no other room makes one up', () => {
    const unknown = files.flatMap((file) =>
      [...codeOf(file).matchAll(/'([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)'/g)]
        .map((match) => match[1]!)
        .filter((one) => !known.has(one) && !foreign.test(one))
        .map((one) => `${file}: ${one}`),
    );
    expect(unknown).toEqual([]);
  });

  test('no other room lists them again as a type', () => {
    const lists = files.filter((file) => {
      const unions = codeOf(file).match(/'[A-Z][A-Z0-9_]+'(\s*\|\s*'[A-Z][A-Z0-9_]+'){2,}/g) ?? [];
      return unions.some((union) => [...union.matchAll(/'([A-Z0-9_]+)'/g)].filter((match) => known.has(match[1]!)).length > 2);
    });
    expect(lists).toEqual([]);
  });
});

describe('packages', () => {
  interface Lock {
    packages: Record<string, { version?: string; integrity?: string; link?: boolean; inBundle?: boolean }>;
  }
  const lock = JSON.parse(read('package-lock.json')) as Lock;
  const manifest = JSON.parse(read('package.json')) as Record<'dependencies' | 'devDependencies', Record<string, string>>;

  test('R115 there is exactly one protobufjs 8, the one that replays histories', () => {
    const eights = Object.entries(lock.packages).filter(([path, { version }]) => path.endsWith('node_modules/protobufjs') && version?.startsWith('8.'));
    expect(eights.map(([path, { version }]) => `${path} ${version}`)).toEqual([`node_modules/protobufjs ${manifest.dependencies['protobufjs']}`]);
  });

  test('every package of the lock file carries its checksum', () => {
    const without = Object.entries(lock.packages).filter(([path, one]) => path !== '' && !one.link && !one.inBundle && !one.integrity?.startsWith('sha512-'));
    expect(without.map(([path]) => path)).toEqual([]);
  });

  test('every dependency is pinned to one version', () => {
    const loose = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }).filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version));
    expect(loose).toEqual([]);
  });

  test('all parts of the Temporal SDK have one version', () => {
    const versions = Object.entries(manifest.dependencies)
      .filter(([name]) => name.startsWith('@temporalio/'))
      .map(([, version]) => version);
    expect(new Set(versions).size).toBe(1);
  });
});
