/** What the documents say about the code, as far as it can be compared. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { dispatchStates, type DispatchState, mayFollow, waitingFors } from '../domain/dispatch.js';
import { inProject } from '../runtime/paths.js';
import { magicAddresses } from '../sandbox/magic-addresses.js';
import { magicNumbers } from '../sandbox/whatsapp-cloud/magic-numbers.js';
import { searchAttributes } from '../workflows/dispatch-message.contract.js';

const read = (path: string): string => readFileSync(inProject(path), 'utf8');
const documents = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(inProject('docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];
const all = documents.map(read).join('\n');

describe.each(documents)('%s', (document) => {
  const text = read(document);

  test('links to what is there', () => {
    const links = [...text.matchAll(/\]\(([^)#]+)(#[^)]*)?\)/g)].map((match) => match[1]!).filter((link) => !/^[a-z]+:/.test(link));
    expect(links.filter((link) => !existsSync(inProject(dirname(document), link)))).toEqual([]);
  });

  test('names files and folders that are there', () => {
    const rooms = 'domain|workflows|activities|channels|db|api|relay|runtime|sandbox|bin|test|docs|docker|patches';
    const paths = [...text.matchAll(new RegExp(`\`((?:${rooms})/[\\w./-]*)\``, 'g'))].map((match) => match[1]!);
    expect(paths.filter((path) => !existsSync(inProject(path)))).toEqual([]);
  });

  test('names commands that are there', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = [...text.matchAll(/npm (?:run )?([a-z][a-z:]*)/g)].map((match) => match[1]!).filter((name) => name !== 'ci' && name !== 'install');
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });
});

test('README.md tells of magic recipients that there are', () => {
  const table = /\| Recipient +\|[^\n]*\n((?:\|[^\n]*\n)+)/.exec(read('README.md'))![1]!;
  const named = [...table.matchAll(/^\|[^|`]*`([^`]+)`[^|]*\|/gm)].map((match) => match[1]!);
  expect(named.length).toBeGreaterThanOrEqual(6);
  const isMagic = (recipient: string): boolean =>
    recipient.includes('@') ? magicAddresses.some((one) => one.pattern.test(recipient.split('@')[0]!)) : magicNumbers.some((one) => one.ending === recipient);
  expect(named.filter((recipient) => !isMagic(recipient))).toEqual([]);
});

describe('docs/operate.md', () => {
  const guide = read('docs/operate.md');
  const told = new Set([...guide.matchAll(/`([A-Z][A-Z_]{3,})`/g)].map((match) => match[1]!));
  const variables = (path: string): string[] =>
    [...read(path).matchAll(/^\s+([A-Z][A-Z_]{3,}): (?:z|port|url|folder|milliseconds|$)/gm)].map((match) => match[1]!);
  const settings = new Set([...variables('runtime/config.ts'), ...variables('runtime/local/local-config.ts')]);

  test('tells of every setting', () => {
    expect(settings.size).toBeGreaterThan(30);
    expect([...settings].filter((name) => !told.has(name))).toEqual([]);
  });

  test('tells of no setting that nothing reads', () => {
    const sources = ['runtime/config.ts', 'runtime/local/local-config.ts', 'bin/sandbox.ts', 'docker-compose.yml'].map(read).join('\n');
    const ours = [...told].filter((name) => name.startsWith('WAYBILL_'));
    expect(ours.filter((name) => !sources.includes(name))).toEqual([]);
  });

  test('searches by attributes that a dispatch has', () => {
    const known = new Set(Object.values(searchAttributes).map((one) => one.name));
    const used = [...all.matchAll(/\bDispatch[A-Z]\w+/g)].map((match) => match[0]);
    expect(used.filter((name) => !known.has(name))).toEqual([]);
  });
});

test('docs/overview.md tells of every state and of everything that is waited for', () => {
  const overview = read('docs/overview.md');
  for (const name of [...dispatchStates, ...waitingFors]) expect(overview).toContain(`\`${name}\``);
  const picture = /```mermaid\nstateDiagram-v2\n([\s\S]*?)```/.exec(overview)![1]!;
  const steps = [...picture.matchAll(/^\s+(\w+) --> (\w+)/gm)].map((match) => [match[1], match[2]] as [DispatchState, DispatchState]);
  expect(steps.length).toBeGreaterThanOrEqual(20);
  expect(steps.filter(([from, to]) => !(dispatchStates as readonly string[]).includes(from) || !mayFollow(from, to))).toEqual([]);
});
