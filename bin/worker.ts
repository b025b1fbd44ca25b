/** Runs the worker; ends after draining on SIGTERM or SIGINT. */

import { loadConfig } from '../runtime/config.js';
import { createLogger } from '../runtime/logger.js';
import { installRuntime } from '../runtime/temporal.js';
import { startWorker } from './compose-worker.js';
import { main } from './main.js';

await main('worker', async () => {
  const config = loadConfig();
  const logger = createLogger({ level: config.logLevel, name: 'worker' });
  installRuntime({ logger, metricsPort: config.sdkMetricsPort });
  return await startWorker(config, logger);
});
