/** Compiles the project into dist/ and bundles the workflows. `--no-check` leaves out the type check. */

import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { buildWorkflowBundle } from '../runtime/bundle.js';
import { identify } from '../runtime/local/processes.js';
import { inProject } from '../runtime/paths.js';

const bundleName = 'workflow-bundle.js';
/** The compiler leaves this one alone: it is CommonJS by hand. */
const converter = 'failure-converter.cjs';
const dist = inProject('dist');
const fresh = inProject(`dist.${process.pid}`);
const old = inProject(`dist.${process.pid}.old`);

// What a build that was killed left behind.
for (const name of readdirSync(inProject())) {
  const [, pid] = /^dist\.(\d+)/.exec(name) ?? [];
  if (pid !== undefined && identify(Number(pid)) === null) rmSync(inProject(name), { recursive: true, force: true });
}
const compiled = spawnSync(
  process.execPath,
  [
    inProject('node_modules', 'typescript', 'bin', 'tsc'),
    '-p',
    'tsconfig.build.json',
    '--outDir',
    fresh,
    ...(process.argv.includes('--no-check') ? ['--noCheck'] : []),
  ],
  { cwd: inProject(), stdio: 'inherit' },
);
if (compiled.status === 0) {
  copyFileSync(inProject('runtime', converter), `${fresh}/runtime/${converter}`);
  // In one move, so that a process that is just starting never reads half a build.
  if (existsSync(inProject('dist', bundleName))) copyFileSync(inProject('dist', bundleName), `${fresh}/${bundleName}`);
  if (existsSync(dist)) renameSync(dist, old);
  renameSync(fresh, dist);
  await buildWorkflowBundle(inProject('dist', bundleName));
  process.exitCode = spawnSync(process.execPath, [inProject('dist', 'bin', 'openapi.js')], { stdio: 'inherit' }).status ?? 1;
} else {
  process.exitCode = 1;
}
rmSync(fresh, { recursive: true, force: true });
rmSync(old, { recursive: true, force: true });
