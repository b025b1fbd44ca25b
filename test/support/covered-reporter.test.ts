import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { inProject } from '../../runtime/paths.js';
// @ts-expect-error The reporter is plain JavaScript, so that Jest can load it before anything is built.
import CoveredReporter from './covered-reporter.mjs';

const covered = JSON.parse(readFileSync(inProject('test/support/covered.json'), 'utf8')) as string[];
const missing = 'WAYBILL_TEST_TEMPORAL_MISSING';
const before = process.env[missing];

interface Result {
  title: string;
  status: string;
  ancestorTitles?: string[];
}

/** What a run with these results prints, and whether it fails the run. */
function report(results: Result[], options: Record<string, unknown> = {}): { printed: string; error: string | undefined } {
  const lines: string[] = [];
  const log = jest.spyOn(console, 'log').mockImplementation((text: string) => void lines.push(text));
  const reporter = new CoveredReporter(options, { atExit: (text: string) => void lines.push(text) });
  const count = (...statuses: string[]): number => results.filter((one) => statuses.includes(one.status)).length;
  reporter.onRunComplete(new Set(), {
    testResults: [{ testResults: results.map((one) => ({ ancestorTitles: [], ...one })) }],
    numPassedTests: count('passed'),
    numFailedTests: count('failed'),
    numPendingTests: count('pending'),
    numTodoTests: count('todo'),
    numRuntimeErrorTestSuites: 0,
  });
  log.mockRestore();
  return { printed: lines.join('\n'), error: reporter.getLastError()?.message };
}

const all: Result[] = covered.map((number) => ({ title: `${number} holds`, status: 'passed' }));

afterEach(() => {
  if (before === undefined) delete process.env[missing];
  else process.env[missing] = before;
});

describe('the end of a test run', () => {
  test('its last line counts what passed, failed and was skipped', () => {
    delete process.env[missing];
    const { printed } = report([...all, { title: 'x', status: 'failed' }, { title: 'y', status: 'pending' }, { title: 'z', status: 'todo' }]);
    expect(printed.trimEnd().split('\n').at(-1)).toBe(`${covered.length} passed, 1 failed, 2 skipped`);
  });

  test('a number without a passed test of its own fails a whole run and is named', () => {
    delete process.env[missing];
    expect(report(all).error).toBeUndefined();
    const { printed, error } = report(all.slice(1));
    expect(error).toBe(`No passed test is titled after ${covered[0]}.`);
    expect(printed).toContain(`Without one: ${covered[0]}.`);
    expect(report([{ ...all[0]!, status: 'failed' }, ...all.slice(1)]).error).toContain(covered[0]);
  });

  test('a part of the suite proves only its part, and does not fail for the rest', () => {
    delete process.env[missing];
    for (const options of [
      { testPathPatterns: { patterns: ['x'] } },
      { testNamePattern: 'x' },
      { nonFlagArgs: ['x'] },
      { shard: { shardIndex: 1, shardCount: 2 } },
    ]) {
      expect(report([], options).error).toBeUndefined();
    }
  });

  test('numbers count at the beginning of a title or of the block around it, nowhere else', () => {
    delete process.env[missing];
    const [first, second, ...others] = covered as [string, string, ...string[]];
    const rest = others.map((number) => ({ title: `${number} holds`, status: 'passed' }));
    expect(report([{ title: `${first} ${second} both hold`, status: 'passed' }, ...rest]).error).toBeUndefined();
    expect(report([{ title: 'holds', ancestorTitles: [`${first}, ${second}: both`], status: 'passed' }, ...rest]).error).toBeUndefined();
    expect(report([{ title: `as ${first} and ${second} say`, status: 'passed' }, ...rest]).error).toBe(`No passed test is titled after ${first}, ${second}.`);
    expect(report([{ title: `${first}0 holds`, status: 'passed' }, { title: `${second} holds`, status: 'passed' }, ...rest]).error).toContain(first);
  });

  test('each skipped test is named with its reason, and a run without Temporal is excused', () => {
    process.env[missing] = 'none could be had.';
    const { printed, error } = report([
      { title: 'R1 one workflow', status: 'pending' },
      { title: 'runs as its own user (needs root)', status: 'pending', ancestorTitles: ['the cluster'] },
    ]);
    expect(printed).toContain('  R1 one workflow: needs Temporal: none could be had.');
    expect(printed).toContain('  the cluster › runs as its own user (needs root): needs root');
    expect(error).toBeUndefined();
  });
});
