/** Plants each fault in a copy of the checkout, alone, and expects the test that it names to fail: "npm run mutations", or "-- 3 7" for some. */

import { spawn, type ChildProcess } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { loadLocalConfig } from '../../runtime/local/local-config.js';
import { inProject, projectRoot } from '../../runtime/paths.js';
import { applyPatch, type Finding, type JestReport, judgeRun, type PlantedFault, readPlantedFaults } from './planted-faults.js';

/** Nothing that a build or a test makes is copied, but for the build itself: most of it stays as it is. */
const leftOut = /^(node_modules|\.git|\.waybill|\.cache|coverage|dist\..*)$/;

/** The slowest of the named tests ends by itself long before. Milliseconds. */
const longestRunMs = 480_000;

const scratch = mkdtempSync(join(tmpdir(), 'waybill-mutations-'));
let running: ChildProcess | null = null;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    running?.kill(signal);
    removeCopy();
    process.exit(1);
  });
}

try {
  const faults = chosen(readPlantedFaults(), process.argv.slice(2));
  copyCheckout();
  await control(faults);
  const findings: Finding[] = [];
  for (const fault of faults) findings.push(await told(fault, () => plant(fault)));
  const count = (kind: Finding['kind']): number => findings.filter((one) => one.kind === kind).length;
  console.log(
    `\n${count('caught')} of ${faults.length} caught by the test that they name, ${count('survived')} survived, ${count('error')} could not be judged.`,
  );
  if (count('caught') < faults.length) process.exitCode = 1;
} catch (error) {
  console.error(`\n${(error as Error).message}`);
  process.exitCode = 1;
} finally {
  removeCopy();
}

function chosen(all: PlantedFault[], numbers: string[]): PlantedFault[] {
  const unknown = numbers.filter((one) => !all.some(({ number }) => String(number) === one));
  if (unknown.length > 0) throw new Error(`There is no planted fault ${unknown.join(', ')}: give numbers from 1 to ${all.length}, or none for all.`);
  return numbers.length === 0 ? all : all.filter(({ number }) => numbers.includes(String(number)));
}

function copyCheckout(): void {
  cpSync(projectRoot, scratch, { recursive: true, filter: (path) => !leftOut.test(relative(projectRoot, path).split(sep)[0]!) });
  symlinkSync(inProject('node_modules'), join(scratch, 'node_modules'));
}

/** What was just killed may still be writing there. */
function removeCopy(): void {
  rmSync(scratch, { recursive: true, force: true, maxRetries: 10 });
}

/** Without a fault every named test passes: what fails afterwards fails because of the fault. */
async function control(faults: PlantedFault[]): Promise<void> {
  const begun = performance.now();
  const report = await runTests(faults);
  const wrong = faults.flatMap(({ test, title }) => {
    const finding = judgeRun(report, title);
    if (finding.kind === 'survived') return [];
    return [`  ${test}: ${title}\n${indented(finding.kind === 'error' ? finding.why : 'it fails', 4)}`];
  });
  if (wrong.length > 0) throw new Error(`Without any fault these tests do not pass:\n${wrong.join('\n')}`);
  console.log(
    `The named tests pass as long as no fault is planted (${seconds(begun)} s).\n\n  No.  Result    Seconds  What breaks, the test that has to fail, and how it did`,
  );
}

async function plant(fault: PlantedFault): Promise<Finding> {
  try {
    const refused = applyPatch(fault.patch, scratch);
    if (refused !== null) return { kind: 'error', why: `the patch does not apply\n${refused}` };
    const { code, output } = await run([join(scratch, 'bin', 'pre.mjs'), 'build']);
    if (code !== 0) return { kind: 'error', why: `it does not compile\n${output.trim()}` };
    return judgeRun(await runTests([fault]), fault.title);
  } catch (error) {
    return { kind: 'error', why: (error as Error).message };
  } finally {
    for (const { file } of fault.changes) cpSync(inProject(file), join(scratch, file));
  }
}

async function told(fault: PlantedFault, judge: () => Promise<Finding>): Promise<Finding> {
  const begun = performance.now();
  const finding = await judge();
  const result = finding.kind === 'caught' ? 'caught  ' : finding.kind === 'survived' ? 'SURVIVED' : 'ERROR   ';
  console.log(
    `  ${String(fault.number).padStart(3)}  ${result}  ${seconds(begun).padStart(7)}  ${fault.breaks}\n${' '.repeat(26)}${fault.test}: ${fault.title}`,
  );
  if (finding.kind !== 'survived') console.log(indented(finding.kind === 'caught' ? finding.by : finding.why, 26));
  return finding;
}

/** Runs the tests that these faults name, in the copy. */
async function runTests(faults: PlantedFault[]): Promise<JestReport> {
  const report = join(scratch, 'report.json');
  rmSync(report, { force: true });
  const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const { output } = await run([
    ...['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', join('node_modules', 'jest', 'bin', 'jest.js')],
    ...['--json', `--outputFile=${report}`, `--cacheDirectory=${join(scratch, '.cache', 'jest')}`],
    ...['--testNamePattern', faults.map(({ title }) => literal(title)).join('|'), '--runTestsByPath', ...new Set(faults.map((fault) => fault.test))],
  ]);
  try {
    return JSON.parse(readFileSync(report, 'utf8')) as JestReport;
  } catch {
    throw new Error(`the tests could not be run\n${output.trim()}`);
  }
}

/** Runs Node in the copy, with the Temporal CLI of this checkout. */
function run(args: string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, WAYBILL_CACHE_DIR: loadLocalConfig().cli.cacheFolder, FORCE_COLOR: undefined, NO_COLOR: '1' };
    const child = spawn(process.execPath, args, { cwd: scratch, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: longestRunMs });
    running = child;
    let output = '';
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-8_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}

function seconds(begun: number): string {
  return ((performance.now() - begun) / 1000).toFixed(1);
}

function indented(text: string, columns: number): string {
  return text.replace(/^/gm, ' '.repeat(columns));
}
