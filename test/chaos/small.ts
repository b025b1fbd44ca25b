import { describe, expect, test } from '@jest/globals';
import { temporalCli } from '../crash/own-temporal.js';
import { runCampaign } from './campaign.js';
import { keptSeeds } from './kept-seeds.js';
import { makePlan, sizeOf } from './plan.js';
import { announce, report, verdict } from './report.js';

/** Small enough to be run beside other work, under seeds that are known to be worth it; `npm run chaos` does the large one under fresh seeds. */
const small = sizeOf('campaign', { dispatches: 200, kills: 10, seconds: 28 });
const deadlineMs = 200_000;
/** A campaign in which something never happened proves nothing: another one follows, so many times. */
const mostCampaigns = 3;

const describeWithOwnTemporal = temporalCli === undefined ? describe.skip : describe;

describeWithOwnTemporal('a small campaign: API, worker, Temporal and Postgres are killed, frozen, restarted and cut off under load', () => {
  test.each(keptSeeds)(
    'H1 H2 H3 H4 H5 H6 H7 H8 H11 R113 the invariants hold (seed $seed, which found $found)',
    async ({ seed }) => {
      let outcome = await campaign(seed);
      for (let more = 1; more < mostCampaigns && verdict(outcome).startsWith('VOID'); more++) outcome = await campaign(seed + more);
      expect({ verdict: verdict(outcome), lines: report(outcome) }).toEqual({ verdict: expect.stringMatching(/^HELD/), lines: report(outcome) });
    },
    deadlineMs * mostCampaigns,
  );
});

async function campaign(seed: number): ReturnType<typeof runCampaign> {
  const plan = makePlan('campaign', seed, small);
  const outcome = await runCampaign(plan).catch((error: Error) => {
    throw new Error(`${announce(plan)}${error.message}`, { cause: error });
  });
  console.log(report(outcome));
  return outcome;
}
