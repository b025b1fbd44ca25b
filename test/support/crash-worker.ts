/** The worker with checkpoints that carry out WAYBILL_TEST_CRASH; without it, an ordinary worker. */

import { startWorker } from '../../bin/compose-worker.js';
import { main } from '../../bin/main.js';
import { loadConfig } from '../../runtime/config.js';
import { createLogger } from '../../runtime/logger.js';
import { installRuntime } from '../../runtime/temporal.js';
import { crashAt, type CrashPlan } from './crash-plan.js';

const plan = process.env['WAYBILL_TEST_CRASH'];

await main('crash worker', async () => {
  const config = loadConfig();
  const logger = createLogger({ level: config.logLevel, name: 'crash-worker' });
  installRuntime({ logger, metricsPort: config.sdkMetricsPort });
  return await startWorker(config, logger, plan === undefined ? undefined : crashAt(JSON.parse(plan) as CrashPlan));
});
