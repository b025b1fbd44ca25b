/** Runs the API; ends after the open requests are answered on SIGTERM or SIGINT. */

import { loadConfig } from '../runtime/config.js';
import { createLogger } from '../runtime/logger.js';
import { startApi } from './compose-api.js';
import { main } from './main.js';

await main('API', async () => {
  const config = loadConfig();
  return await startApi(config, createLogger({ level: config.logLevel, name: 'api' }));
});
