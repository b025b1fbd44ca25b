/**
 * Runs campaigns as they are asked for and prints what they found: `npm run chaos`. It is run by Jest for the servers and helpers of
 * the tests, and is no test of the suite.
 *
 *     npm run chaos                                               5,000 dispatches, 200 kills, a fresh seed
 *     WAYBILL_CHAOS_SEED=1,2,3 npm run chaos                      the same for three seeds
 *     WAYBILL_CHAOS_MODE=drain npm run chaos                      100 workers end by SIGTERM under load: none leaves a doubt
 *     WAYBILL_CHAOS_MODE=database npm run chaos                   Postgres is restarted 50 times under load
 *     WAYBILL_CHAOS_MODE=outages npm run chaos                    Postgres is away for 10 minutes, then Temporal
 *
 * WAYBILL_CHAOS_DISPATCHES, _KILLS, _TIMES, _SECONDS and _OUTAGE_SECONDS change the size. The same settings make the same plan.
 */

import { expect, test } from '@jest/globals';
import { runCampaign } from './campaign.js';
import { announce, report, verdict } from './report.js';
import { plansAskedFor } from './settings.js';

/** Beside the time of the load: everything comes up, settles, is decided and judged. */
const aroundMs = 600_000;

for (const plan of plansAskedFor()) {
  test(
    `${plan.mode}, seed ${plan.seed}`,
    async () => {
      process.stdout.write(announce(plan));
      const outcome = await runCampaign(plan, (line) => process.stdout.write(`       ${line}\n`));
      process.stdout.write(report(outcome));
      expect(verdict(outcome)).toMatch(/^HELD/);
    },
    plan.seconds * 3_000 + aroundMs,
  );
}
