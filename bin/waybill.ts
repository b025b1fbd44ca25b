/** Runs API and worker in one process; each drains on SIGTERM or SIGINT, the worker last. */

import { loadConfig } from '../runtime/config.js';
import { createLogger } from '../runtime/logger.js';
import { installRuntime } from '../runtime/temporal.js';
import { startApi } from './compose-api.js';
import { startWorker } from './compose-worker.js';
import { main } from './main.js';

await main('API with its worker', async () => {
  const config = loadConfig();
  const logger = createLogger({ level: config.logLevel, name: 'waybill' });
  installRuntime({ logger, metricsPort: config.sdkMetricsPort });
  const api = await startApi(config, logger);
  const worker = await startWorker(config, logger);
  api.startWith(worker.starter);
  return {
    // Whichever ends first takes the other with it: half a service would look whole.
    ended: Promise.race([api.ended, worker.ended]).finally(async () => {
      api.drain();
      worker.drain();
      await Promise.all([api.ended, worker.ended]);
    }),
    drain: api.drain,
  };
});
