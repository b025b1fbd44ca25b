import { describe, expect, test } from '@jest/globals';
import { temporalCli } from '../crash/own-temporal.js';
import { runCampaign } from './campaign.js';
import { keptSeeds } from './kept-seeds.js';
import { makePlan, sizeOf } from './plan.js';
import { announce, report, verdict } from './report.js';
import { freshSeed } from './settings.js';

/** Small enough for every run of the tests; `npm run chaos` does the large one. */
const small = sizeOf('campaign', { dispatches: 200, kills: 10, seconds: 28 });
const deadlineMs = 240_000;

const describeWithOwnTemporal = temporalCli === undefined ? describe.skip : describe;

describeWithOwnTemporal('a small campaign: API, worker, Temporal and Postgres are killed, frozen, restarted and cut off under load', () => {
  test.each([{ seed: freshSeed(), found: 'nothing yet' }, ...keptSeeds])(
    'H1 H2 H3 H4 H5 H6 H7 H8 H11 R113 the invariants hold (seed $seed, which found $found)',
    async ({ seed }) => {
      const plan = makePlan('campaign', seed, small);
      process.stdout.write(announce(plan));
      const outcome = await runCampaign(plan).catch((error: Error) => {
        throw new Error(`${announce(plan)}${error.message}`, { cause: error });
      });
      const lines = report(outcome);
      console.log(lines);
      expect({ verdict: verdict(outcome), lines }).toEqual({ verdict: expect.stringMatching(/^HELD/), lines });
    },
    deadlineMs,
  );
});
