/** /readyz */

import { z } from 'zod';
import { readNow } from '../../db/timeline.js';
import type { AppDeps } from '../deps.js';
import { Refusal, refuse } from '../problem.js';
import { route } from '../route.js';
import { within } from '../within.js';

/** How long a part may take to say that it is there. Milliseconds. */
const checkMs = 1_000;

export const readiness = route({
  method: 'get',
  path: '/readyz',
  operationId: 'readiness',
  tag: 'Operations',
  summary: 'Can it serve? Asks the database and Temporal',
  access: 'public',
  refusals: ['UNAVAILABLE'],
  response: { status: 200, description: 'It can.', schema: z.object({ status: z.literal('ready') }) },
  handle: async ({ deps }) => {
    if (deps.stopping.aborted) return refuse('UNAVAILABLE', { detail: 'The process is ending.' });
    const [database, temporal] = await Promise.all([answers(() => readNow(deps.db)), answers(() => askTemporal(deps))]);
    const silent = [...(database ? [] : ['database']), ...(temporal ? [] : ['temporal'])];
    if (silent.length === 0) return { body: { status: 'ready' as const } };
    return refuse('UNAVAILABLE', { retryAfterSeconds: 2, errors: silent.map((one) => ({ pointer: `/${one}`, detail: 'Does not answer.' })) });
  },
});

async function answers(ask: () => Promise<unknown>): Promise<boolean> {
  try {
    return !((await within(checkMs, ask)) instanceof Refusal);
  } catch {
    return false;
  }
}

function askTemporal({ temporal }: AppDeps): Promise<unknown> {
  return temporal.withDeadline(Date.now() + checkMs, () => temporal.connection.workflowService.getSystemInfo({}));
}
