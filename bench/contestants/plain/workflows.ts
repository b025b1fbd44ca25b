/** The two workflows of the yardstick, with Temporal's own retries. */

import { proxyActivities } from '@temporalio/workflow';
import type { Activities } from './activities.js';

const steps = proxyActivities<Activities>({ startToCloseTimeout: '30 seconds' });

/** One activity does everything. */
export async function bareDispatch(dispatchId: string): Promise<void> {
  await steps.sendDispatch(dispatchId);
}

/** One activity for each step. */
export async function fiveSteps(dispatchId: string): Promise<void> {
  const facts = await steps.checkEligibility(dispatchId);
  if (facts === null) return;
  const mail = await steps.renderTemplate(facts);
  const attemptId = await steps.beginAttempt(dispatchId);
  const externalId = await steps.sendMail(facts, mail);
  await steps.settleAttempt(facts, attemptId, externalId);
}
