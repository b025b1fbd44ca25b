/** `npm run demo`: the story of Waybill, told on the running stack through the public API. Exit status 1 when a step fails. */

import { pathToFileURL } from 'node:url';
import { inProject } from '../runtime/paths.js';
import { choiceAcrossCrash, nobodyChooses, secondPick } from './demo/choices.js';
import { bounced, droppedLine, rateLimited } from './demo/failures.js';
import { type Scene, setScene } from './demo/scene.js';
import { findStack } from './demo/stack.js';
import { plainEmail, sameSubmitTwice } from './demo/submits.js';
import { clientWritesMeanwhile, goneTarget } from './demo/threads.js';
import type { Step } from './start.js';

/** Titles are short: on a terminal, what goes on right now stands behind them. */
const story: [string, (scene: Scene) => Promise<void>][] = [
  ['A plain email', plainEmail],
  ['Two phones, and kill -9', choiceAcrossCrash],
  ['Two picks at once', secondPick],
  ['429 with 7 s', rateLimited],
  ['550 no such mailbox', bounced],
  ['Taken, then the line is dropped', droppedLine],
  ['The transfer target is gone', goneTarget],
  ['Nobody chooses', nobodyChooses],
  ['The client writes meanwhile', clientWritesMeanwhile],
  ['The same submit twice', sameSubmitTwice],
];

const { step } = (await import(pathToFileURL(inProject('bin', 'steps.mjs')).href)) as { step: Step };

try {
  process.exitCode = await tellStory();
} catch (error) {
  console.error(`\n${(error as Error).message}\n`);
  process.exitCode = 1;
}

async function tellStory(): Promise<number> {
  const stack = findStack();
  const set = await setScene(stack);
  console.log(`\nWaybill's story, told to ${stack.apiUrl}; everything that is received: ${stack.sandboxUrl}\n`);
  const begun = Date.now();
  const failed: number[] = [];
  for (const [index, [title, act]] of story.entries()) {
    if (!(await play(`${index + 1}. ${title}`, act, set))) failed.push(index + 1);
  }
  const outcome = failed.length === 0 ? `All ${story.length} steps passed` : `${failed.length} of ${story.length} steps failed (${failed.join(', ')})`;
  console.log(`\n${outcome}, in ${Math.round((Date.now() - begun) / 1000)} s.\n`);
  return failed.length === 0 ? 0 : 1;
}

/** One step with its line, and below it what it has told; false: it failed. */
async function play(title: string, act: (scene: Scene) => Promise<void>, set: Omit<Scene, 'say' | 'tell'>): Promise<boolean> {
  const told = new Set<string>();
  const below = () => told.forEach((line) => console.log(`       ${line}`));
  try {
    await step(title, (say) => act({ ...set, say, tell: (line) => told.add(line) }), { done: 'PASS', failed: 'FAIL' });
    below();
    return true;
  } catch (error) {
    console.log(`       ${(error as Error).message}`);
    below();
    return false;
  }
}
