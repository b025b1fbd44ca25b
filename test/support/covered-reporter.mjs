/** Ends a run with what was skipped and why, and with the requirements that no passed test is titled after. */

import { readFileSync, writeSync } from 'node:fs';

/** The numbers that the test suite proves; a requirement that is built is added here. */
const covered = JSON.parse(readFileSync(new URL('./covered.json', import.meta.url), 'utf8'));

export default class CoveredReporter {
  #wholeRun;
  #filtered;
  #missing = [];
  #atExit;

  /** Jest prints a summary of its own after every reporter; the counts come last, when the process ends. */
  constructor(options, { atExit = (text) => process.once('exit', () => writeSync(1, text)) } = {}) {
    this.#wholeRun = isWhole(options);
    this.#filtered = Boolean(options.testNamePattern);
    this.#atExit = atExit;
  }

  onRunComplete(_contexts, { testResults, numPassedTests, numFailedTests, numPendingTests, numTodoTests, numRuntimeErrorTestSuites }) {
    const tests = testResults.flatMap((file) => file.testResults);
    const skipped = tests.filter((one) => one.status !== 'passed' && one.status !== 'failed');
    if (skipped.length > 0 && !this.#filtered) console.log(`\nSkipped:\n${tellSkipped(skipped).join('\n')}`);
    if (this.#wholeRun) {
      const proved = new Set(tests.filter((one) => one.status === 'passed').flatMap(numbersOf));
      this.#missing = covered.filter((number) => !proved.has(number));
      console.log(`\nRequirements with a passed test of their own: ${covered.length - this.#missing.length} of ${covered.length}.`);
      if (this.#missing.length > 0) console.log(`Without one: ${this.#missing.join(', ')}.`);
    }
    if (numRuntimeErrorTestSuites > 0) console.log(`\nTest files that could not be run: ${numRuntimeErrorTestSuites}.`);
    this.#atExit(`\n${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests + numTodoTests} skipped\n`);
  }

  /** A whole run in which everything could run must prove every number; Jest then fails the run. */
  getLastError() {
    const excused = process.env.WAYBILL_TEST_TEMPORAL_MISSING !== undefined;
    return !excused && this.#missing.length > 0 ? new Error(`No passed test is titled after ${this.#missing.join(', ')}.`) : undefined;
  }
}

/** Nothing was asked for by file, by title or by what has changed. */
function isWhole({ testPathPatterns, nonFlagArgs, testNamePattern, onlyChanged, onlyFailures, findRelatedTests, shard }) {
  return !testPathPatterns?.patterns?.length && !nonFlagArgs?.length && !testNamePattern && !onlyChanged && !onlyFailures && !findRelatedTests && !shard;
}

/** One line per skipped test with its reason: the one its title ends with, "(needs …)", else that there is no Temporal. */
function tellSkipped(tests) {
  const withoutTemporal = process.env.WAYBILL_TEST_TEMPORAL_MISSING;
  return tests.map(({ ancestorTitles, title }) => {
    const told = [title, ...ancestorTitles.toReversed()].map((text) => /\((needs [^)]+)\)$/.exec(text)?.[1]).find(Boolean);
    const reason = told ?? (withoutTemporal === undefined ? 'left out by its file' : `needs Temporal: ${withoutTemporal}`);
    return `  ${[...ancestorTitles, title].join(' › ')}: ${reason}`;
  });
}

/** The numbers that a title, or the title of a block around it, begins with: "R40 R43 …". */
function numbersOf({ ancestorTitles, title }) {
  return [...ancestorTitles, title].flatMap((text) => (/^(?:[RXH]\d+\b[\s,:·]*)+/.exec(text)?.[0] ?? '').match(/[RXH]\d+/g) ?? []);
}
