/** `npm run doctor`: what `npm start` checks, without starting or changing anything. Exit status 1 when something stands in its way. */

import { isBuilt, isInstalled, nodeProblem } from './pre.mjs';
import { isSetUp } from './setup.mjs';

let problems = 0;
const tell = ({ title, problem, note }) => {
  if (problem) problems += 1;
  const [first, ...below] = (problem ?? note).split('\n');
  console.log([`  ${problem ? '✗' : '✓'} ${title}: ${first}`, ...below.map((line) => `    ${line}`)].join('\n'));
};

console.log('');
tell({ title: 'Node', problem: nodeProblem(), note: process.versions.node });
if (problems === 0) {
  const installed = isInstalled(false);
  tell({ title: 'Packages', note: installed ? 'all there' : '"npm start" installs them (npm ci)' });
  if (installed) {
    tell({ title: 'Set-up', note: isSetUp() ? 'done' : '"npm start" does it' });
    tell({ title: 'Build', note: isBuilt() ? 'up to date' : '"npm start" does it' });
    const { register } = await import('tsx/esm/api');
    register();
    const { examine } = await import('./doctor.ts');
    for await (const finding of examine()) tell(finding);
  } else {
    console.log('\n  Postgres, Temporal and the ports can be looked at once the packages are there.');
  }
}
console.log(
  problems === 0
    ? '\nNothing stands in the way of "npm start".\n'
    : `\n${problems === 1 ? 'One thing stands' : `${problems} things stand`} in the way of "npm start".\n`,
);
process.exitCode = problems === 0 ? 0 : 1;
