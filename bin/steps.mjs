/** Step printer of the launcher and its pre-step; needs nothing installed. */

import { stdout } from 'node:process';

const quietMs = 1_000;
const plainEveryMs = 15_000;

/**
 * Runs one step and prints one line for it with its time. `say` notes how far it is: shown at once on a terminal, every 15 s elsewhere;
 * the last note stays on the line. A failing step prints its line and throws on. `marks` begin the two kinds of line.
 * @template T
 * @param {string} title
 * @param {(say: (note: string) => void) => Promise<T> | T} work
 * @param {{ done: string, failed: string }} marks
 * @returns {Promise<T>}
 */
export async function step(title, work, marks = { done: '✓', failed: '✗' }) {
  const begun = Date.now();
  let note = '';
  const label = () => (note === '' ? title : `${title}: ${note}`);
  const seconds = () => `${((Date.now() - begun) / 1000).toFixed(1)} s`;
  const terminal = stdout.isTTY === true;
  const show = () => (terminal ? redraw(`  … ${label()} (${seconds()})`) : console.log(`  … ${label()} (${seconds()})`));
  let repeat;
  const first = setTimeout(() => {
    show();
    repeat = setInterval(show, terminal ? 500 : plainEveryMs);
  }, quietMs);
  const finish = (mark) => {
    clearTimeout(first);
    clearInterval(repeat);
    if (terminal) redraw('');
    console.log(`  ${mark} ${label()} (${seconds()})`);
  };
  try {
    const result = await work((text) => {
      note = text;
    });
    finish(marks.done);
    return result;
  } catch (error) {
    finish(marks.failed);
    throw error;
  }
}

/** Replaces the current line of the terminal, cut to its width. */
function redraw(line) {
  stdout.write(`\r\u001b[K${line.slice(0, (stdout.columns ?? 80) - 1)}`);
}
