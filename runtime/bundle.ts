/** The workflow bundle: built once, found again by the content of what went into it. */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { failureConverterPath } from './data-converter.js';
import { inProject, projectRoot } from './paths.js';

/**
 * Writes the bundle of `workflows/` to this path unless the one there was built from the same sources by the same SDK. Says whether it
 * was built. Throws when workflow code imports what the sandbox forbids.
 */
export async function buildWorkflowBundle(bundlePath: string): Promise<{ built: boolean }> {
  const key = `// ${bundleKey()}\n`;
  if (existsSync(bundlePath) && readFileSync(bundlePath, 'utf8').startsWith(key)) return { built: false };
  const { code } = await bundleWorkflowCode({
    workflowsPath: inProject('workflows', 'index.ts'),
    failureConverterPath,
    logger: new DefaultLogger('WARN'),
  });
  mkdirSync(dirname(bundlePath), { recursive: true });
  const unfinished = `${bundlePath}.${process.pid}`;
  writeFileSync(unfinished, key + code);
  renameSync(unfinished, bundlePath);
  return { built: true };
}

/** Changes with every byte that can reach the bundle. */
function bundleKey(): string {
  const hash = createHash('sha256').update(sdkVersion());
  const files = [...sourcesBelow(inProject('workflows')), ...sourcesBelow(inProject('domain')), failureConverterPath];
  for (const file of files.toSorted()) hash.update(relative(projectRoot, file)).update('\0').update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}

function sourcesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

function sdkVersion(): string {
  return (createRequire(import.meta.url)('@temporalio/worker/package.json') as { version: string }).version;
}
