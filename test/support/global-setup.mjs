/** Before all tests: a build that is up to date, and the servers that they share. */

import { existsSync } from 'node:fs';
import { prepare } from '../../bin/pre.mjs';
import { step } from '../../bin/steps.mjs';

const servers = new URL('../../dist/test/support/test-servers.js', import.meta.url);

export default async function globalSetup() {
  console.log('');
  try {
    await prepare({ dev: true });
  } catch (error) {
    // "npm test" has refused a broken build already; a single file may not need the part that is broken.
    if (!existsSync(servers)) throw error;
    console.warn(`The build is not up to date:\n${error.message.slice(0, 1_000)}\n`);
  }
  const { startTestServers } = await import(servers);
  globalThis.stopTestServers = await startTestServers(step);
}
