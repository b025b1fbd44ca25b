/** `npm start`: what must hold before the launcher itself can run, then the launcher. Needs nothing installed. */

import { nodeProblem, prepare } from './pre.mjs';
import { step } from './steps.mjs';

const problem = nodeProblem();
try {
  if (problem !== null) throw new Error(problem);
  console.log('\nWaybill starts\n');
  await prepare({ dev: false });
  const { start } = await import('../dist/bin/start.js');
  process.exit(await start(step));
} catch (error) {
  console.error(`\n${error.message}\n`);
  process.exit(1);
}
