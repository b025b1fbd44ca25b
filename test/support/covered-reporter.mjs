/** Ends a run with what was skipped and why, and with the requirements that no passed test is titled after. */

import { readFileSync } from 'node:fs';

const covered = JSON.parse(readFileSync(new URL('./covered.json', import.meta.url), 'utf8'));

export default class CoveredReporter {
  #complete;
  #missing = [];

  constructor({ testPathPatterns, nonFlagArgs, testNamePattern }) {
    this.#complete = !testPathPatterns?.patterns?.length && !nonFlagArgs?.length && !testNamePattern;
  }

  onRunComplete(_contexts, { testResults, numTotalTests, numPassedTests, numFailedTests, numPendingTests, numTodoTests }) {
    const tests = testResults.flatMap((file) => file.testResults);
    const proved = new Set(tests.filter((one) => one.status === 'passed').flatMap(numbersOf));
    this.#missing = covered.filter((number) => !proved.has(number));
    const ran = numPassedTests + numFailedTests;
    console.log(`\nTests: ${ran} of ${numTotalTests} ran, ${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests + numTodoTests} skipped.`);
    if (numPendingTests > 0) console.log(`Skipped: ${process.env.WAYBILL_TEST_TEMPORAL_MISSING ?? 'by a filter or by the test file itself; Temporal was there.'}`);
    if (!this.#complete) return;
    console.log(`Requirements with a passed test of their own: ${covered.length - this.#missing.length} of ${covered.length}.`);
    if (this.#missing.length > 0) console.log(`Without one: ${this.#missing.join(', ')}.`);
  }

  /** A whole run in which everything could run must prove every number. */
  getLastError() {
    const excused = process.env.WAYBILL_TEST_TEMPORAL_MISSING !== undefined;
    return this.#complete && !excused && this.#missing.length > 0 ? new Error(`No passed test is titled after ${this.#missing.join(', ')}.`) : undefined;
  }
}

/** The numbers that a title, or the title of a block around it, begins with: "R40 R43 …". */
function numbersOf({ ancestorTitles, title }) {
  return [...ancestorTitles, title].flatMap((text) => (/^(?:[RXH]\d+\b[\s,:·]*)+/.exec(text)?.[0] ?? '').match(/[RXH]\d+/g) ?? []);
}
