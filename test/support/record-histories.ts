/**
 * Records `test/histories/`: drives every path of `dispatchMessage` on the real stack and writes what Temporal has of it. The tests
 * replay these files with the workflow code of the day, without a server (test/workflows/replay.test.ts).
 *
 *     npm run histories:record
 *
 * When to record, and when not to:
 * - A replay fails and the change has not been shipped: nobody has a run of the old code, so record again and commit the files
 *   together with the change. Look at the diff: only the paths that you meant to change may differ in their events.
 * - A replay fails and the old code has been shipped: somewhere a dispatch waits that was begun by it. Do not record. Put the change
 *   behind `patched('what-changed')`, so that runs of the old code go on as they began, and add paths for the new branch beside the
 *   old files, under new names. Old files go, together with the branch, when no run of the old code can be left: the longest deadline
 *   plus Temporal's retention later, by way of `deprecatePatch`.
 * - A path is new, or `replay.test.ts` lists one that has no file: add it to history-paths.ts and record.
 * Never edit a file by hand, and never write one from `JSON.stringify(fetchHistory())`: neither replays as a worker's own history does.
 *
 * The payloads stay as the codec left them, under the key of the test environment (stack.ts), which the replay uses too; the name of
 * the machine is taken out. It is run by Jest for the servers and helpers of the tests, and is no test itself. Nothing is written
 * unless every path came through.
 */

import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { inProject } from '../../runtime/paths.js';
import { commonPaths, type Path, roughPaths } from './history-paths.js';
import { buildHouse, find, type House, runOf } from './house.js';
import { until } from './stack.js';

/** Paths under way at once: most of their time they wait, but two cores must keep up with the time-outs. */
const atOnce = 8;
const deadlineMs = 120_000;
const folder = inProject('test', 'histories');

type Files = Map<string, string>;

/** An open run stands when its last event is its timer or its activity; every other path is recorded when its run has closed. */
const opened = /^EVENT_TYPE_(TIMER_STARTED|ACTIVITY_TASK_SCHEDULED)$/;
const closed = /^EVENT_TYPE_WORKFLOW_EXECUTION_(COMPLETED|CANCELED)$/;

test(
  'records the history of every path',
  async () => {
    const files: Files = new Map();
    const problems: string[] = [];
    const record = async (name: string, house: House, dispatchId: string): Promise<void> => void files.set(name, await exported(name, house, dispatchId));
    const house = await buildHouse();
    try {
      const waiting = Object.entries(await commonPaths(house));
      const drive = async (): Promise<void> => {
        for (let next = waiting.shift(); next; next = waiting.shift()) {
          const [name, path]: [string, Path] = next;
          await path()
            .then((dispatchId) => record(name, house, dispatchId))
            .catch((error: unknown) => problems.push(`${name}: ${(error as Error).message}`));
        }
      };
      const rough = roughPaths(record).catch((error: unknown) => problems.push(`rough paths: ${(error as Error).message}`));
      await Promise.all([rough, ...Array.from({ length: atOnce }, drive)]);
    } finally {
      await house.tear();
    }
    expect(problems).toEqual([]);
    write(files);
  },
  deadlineMs,
);

async function exported(name: string, house: House, dispatchId: string): Promise<string> {
  await until(async () => (await find(house, dispatchId)).runId, { what: `the run of ${name} to be started` });
  const stands = name.startsWith('open-');
  if (!stands)
    await runOf(house, dispatchId)
      .result()
      .catch(() => 'the end of a run that was cancelled in Temporal');
  return await until(
    async () => {
      const text = historyToJSON(await runOf(house, dispatchId).fetchHistory());
      const { events } = JSON.parse(text) as { events: { eventType: string }[] };
      const lines = events.map((event) => JSON.stringify(event, withoutMachine));
      return (stands ? opened : closed).test(events.at(-1)!.eventType) ? `{"events":[\n${lines.join(',\n')}\n]}\n` : null;
    },
    { what: `the history of ${name}` },
  );
}

function withoutMachine(key: string, value: unknown): unknown {
  return key === 'identity' ? 'recorded' : value;
}

function write(files: Files): void {
  mkdirSync(folder, { recursive: true });
  for (const file of readdirSync(folder)) rmSync(`${folder}/${file}`);
  for (const [name, text] of files) writeFileSync(`${folder}/${name}.json`, text);
  const size = [...files.values()].reduce((sum, text) => sum + text.length, 0);
  console.log(`${files.size} histories, ${Math.round(size / 1024)} KB`);
}
