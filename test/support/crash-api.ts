/** The API, but for one thing: it holds each submit between its commit and its start, and kills itself at the tenth. */

import { loadConfig } from '../../runtime/config.js';
import { createLogger } from '../../runtime/logger.js';
import { startApi } from '../../bin/compose-api.js';
import { main } from '../../bin/main.js';

const commitsBeforeDeath = 10;
let committed = 0;

await main('API', async () => {
  const config = loadConfig();
  return await startApi(config, createLogger({ level: config.logLevel, name: 'api' }), async () => {
    committed += 1;
    if (committed === commitsBeforeDeath) process.kill(process.pid, 'SIGKILL');
    await new Promise(() => {});
  });
});
