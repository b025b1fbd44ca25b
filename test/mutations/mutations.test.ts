import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { inProject, projectRoot } from '../../runtime/paths.js';
import { applyPatch, type Change, type JestReport, judgeRun, type PlantedFault, readPlantedFaults } from './planted-faults.js';

const faults = readPlantedFaults();
const named = faults.map((fault) => [basename(fault.patch), fault] as const);
const describeWithGit = spawnSync('git', ['--version']).status === 0 ? describe : describe.skip;

test('there are twenty or more, numbered without a gap', () => {
  expect(faults.length).toBeGreaterThanOrEqual(20);
  expect(faults.map((fault) => fault.number)).toEqual(faults.map((_, i) => i + 1));
});

describe.each(named)('%s', (_name, { breaks, test: file, title, changes }) => {
  test('says what breaks, in one to three lines', () => {
    expect(breaks).toMatch(/^[A-Z].+\.$/);
    expect(changes).not.toEqual([]);
    const lines = (kind: 'removed' | 'added'): number => changes.reduce((sum, one) => sum + one[kind], 0);
    expect(Math.max(lines('removed'), lines('added'))).toBeLessThanOrEqual(3);
  });

  test('names a test that is there', () => {
    expect(existsSync(inProject(file))).toBe(true);
    expect(title.length).toBeGreaterThan(10);
    expect(readFileSync(inProject(file), 'utf8')).toContain(title);
  });

  test('changes lines that stand in its file once', () => {
    for (const change of changes) expect({ file: change.file, found: countOf(change.file, change.anchor) }).toEqual({ file: change.file, found: 1 });
  });
});

describeWithGit('the sources (needs git)', () => {
  test.each(named)('take %s', (_name, { patch }) => {
    expect(applyPatch(patch, projectRoot, ['--check'])).toBeNull();
  });

  test('refuse a patch whose lines have moved on, in a folder without a repository too', () => {
    const folder = mkdtempSync(join(tmpdir(), 'waybill-planted-'));
    const [{ patch, changes }] = faults as [PlantedFault];
    const [{ file }] = changes as [Change];
    try {
      cpSync(inProject(file), join(folder, file));
      expect(applyPatch(patch, folder, ['--check'])).toBeNull();
      expect(applyPatch(patch, folder)).toBeNull();
      expect(applyPatch(patch, folder, ['--check'])).toContain(file);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('what counts as caught', () => {
  const run = (...tests: [title: string, status: string, failure?: string][]): JestReport => ({
    testResults: [
      { message: '', assertionResults: tests.map(([fullName, status, failure]) => ({ fullName, status, failureMessages: failure ? [failure] : [] })) },
    ],
  });

  test('the named test failed by its own expectation, or by a condition that did not come to hold', () => {
    expect(
      judgeRun(run(['a block H1 holds', 'failed', 'Error: expect(received).toBe(expected)\n\n    at Object.toBe (/tmp/test/a.test.ts:7:9)']), 'H1 holds'),
    ).toEqual({
      kind: 'caught',
      by: 'line 7: expect(received).toBe(expected)',
    });
    expect(judgeRun(run(['H1 holds 1', 'passed'], ['H1 holds 2', 'failed', 'Error: Waited 45 s for it.']), 'H1 holds')).toEqual({
      kind: 'caught',
      by: 'Waited 45 s for it.',
    });
  });

  test('a test that passes lets the fault survive, whatever others do', () => {
    expect(judgeRun(run(['H1 holds', 'passed'], ['H2 holds', 'failed', 'Error: expect(received).toBe(expected)']), 'H1 holds')).toEqual({ kind: 'survived' });
  });

  test('a test that is not found, was left out, broke down or could not be loaded tells nothing', () => {
    for (const report of [
      run(['H2 holds', 'failed', 'Error: expect(received).toBe(expected)']),
      run(['H1 holds', 'pending']),
      run(['H1 holds', 'failed', 'Error: bin/worker.js ended before it was ready.']),
      { testResults: [{ message: 'SyntaxError: Unexpected token', assertionResults: [] }] },
    ])
      expect(judgeRun(report, 'H1 holds')).toMatchObject({ kind: 'error', why: expect.stringMatching(/\w/) });
  });
});

function countOf(file: string, lines: string): number {
  return `\n${readFileSync(inProject(file), 'utf8')}`.split(`\n${lines}\n`).length - 1;
}
