/** The planted faults: small breaks of the core, each a patch whose head says what breaks and which test has to notice. */

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { inProject } from '../../runtime/paths.js';

export interface PlantedFault {
  /** From the name of the patch. */
  number: number;
  /** Absolute path of the patch. */
  patch: string;
  /** What breaks, in one sentence. */
  breaks: string;
  /** The file of the test that has to fail, from the root of the project, and what its title contains. */
  test: string;
  title: string;
  changes: Change[];
}

/** One place that a patch changes: the lines that are there, and those that it takes out and puts in. */
export interface Change {
  file: string;
  anchor: string;
  removed: number;
  added: number;
}

/** All of them by number; the head of a patch is its lines "Breaks: …", "Test: …" and "Title: …". */
export function readPlantedFaults(): PlantedFault[] {
  const folder = inProject('test', 'mutations');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.patch'))
    .toSorted()
    .map((name) => {
      const text = readFileSync(join(folder, name), 'utf8');
      const said = (word: string): string => new RegExp(`^${word}: (.+)$`, 'm').exec(text)?.[1] ?? '';
      return {
        number: Number.parseInt(name, 10),
        patch: join(folder, name),
        breaks: said('Breaks'),
        test: said('Test'),
        title: said('Title'),
        ...readChanges(text),
      };
    });
}

function readChanges(patch: string): Pick<PlantedFault, 'changes'> {
  const files = patch.split(/^--- a\/.+\n\+\+\+ b\//m).slice(1);
  const changes = files.flatMap((part) => {
    const [file, ...lines] = part.split('\n');
    const places = lines
      .join('\n')
      .split(/^@@ .*\n/m)
      .slice(1);
    return places.map((place): Change => {
      const marked = (mark: string): string[] => place.split('\n').filter((line) => line.startsWith(mark));
      const there = place.split('\n').filter((line) => line.startsWith(' ') || line.startsWith('-'));
      return { file: file!, anchor: there.map((line) => line.slice(1)).join('\n'), removed: marked('-').length, added: marked('+').length };
    });
  });
  return { changes };
}

/** Applies a patch to the tree in this folder, or only asks whether it would; what git has against it, or null. A repository is not needed. */
export function applyPatch(patch: string, folder: string, options: string[] = []): string | null {
  // No repository above the folder is looked for: in one of those git leaves out what lies beside.
  const env = { ...process.env, GIT_DIR: undefined, GIT_WORK_TREE: undefined, GIT_CEILING_DIRECTORIES: dirname(folder) };
  const { status, stderr, error } = spawnSync('git', ['apply', ...options, patch], { cwd: folder, env, encoding: 'utf8' });
  return status === 0 ? null : (error?.message ?? stderr.trim());
}

/** What Jest tells of a run, as far as it is needed here. */
export interface JestReport {
  testResults: {
    message: string;
    assertionResults: { fullName: string; status: string; failureMessages: string[] | null }[];
  }[];
}

/** `by`: the expectation that failed; `error`: the run says nothing about the fault. */
export type Finding = { kind: 'caught'; by: string } | { kind: 'survived' } | { kind: 'error'; why: string };

/** A fault is caught when a test of its title ran and its own expectation failed; whatever else went wrong is no catch. */
export function judgeRun(report: JestReport, title: string): Finding {
  const ran = report.testResults
    .flatMap((file) => file.assertionResults)
    .filter(({ fullName, status }) => fullName.includes(title) && (status === 'passed' || status === 'failed'));
  if (ran.length === 0) return { kind: 'error', why: report.testResults.map((file) => file.message).join('\n') || 'no test of this title ran' };
  const failures = ran.flatMap((test) => test.failureMessages ?? []);
  const by = failures.map(expectationOf).find((one) => one !== undefined);
  if (by !== undefined) return { kind: 'caught', by };
  return failures.length === 0 ? { kind: 'survived' } : { kind: 'error', why: failures.join('\n') };
}

/** Jest's own words, or those of `until`, which waits for a condition with a deadline; and where in the test it was. */
function expectationOf(message: string): string | undefined {
  const [, said] = /^(?:Error: )?((?:expect\(|Waited \d).*)/.exec(message) ?? [];
  const [, line] = /\.test\.ts:(\d+)/.exec(message) ?? [];
  return said && line ? `line ${line}: ${said}` : said;
}
