/** Where the time goes: statements, threads and functions, during one round of each contestant by itself. */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Contestant } from '../contestants/contestant.js';
import { enter, type Entrant } from '../contestants/entrant.js';
import { cpuMsByThread } from '../measure/proc.js';
import { endProfile, profileOptions, startProfile, type ProfileSummary } from '../measure/profile.js';
import { cpuEach, readCpu, sendRound, untilSettled } from '../measure/round.js';
import { describeRuns } from '../measure/runs.js';
import { countStatements, readStatements, readTransactions, resetStatements, transactionsSettleMs } from '../measure/statements.js';
import { figure } from '../report.js';
import { pause } from '../stack/processes.js';
import { onStack, type Stack } from '../stack/stack.js';
import { type Bench, participants, tellMissingLanes } from './part.js';

const functionCount = 40;
const leastShare = 0.004;
const shownLetters = 160;

export async function profile(bench: Bench): Promise<void> {
  for (const contestant of participants(bench, ['express', 'queued'])) {
    bench.note(`profile: ${contestant.title}`);
    await onStack(bench.settings, (stack) => profileOne(bench, stack, contestant));
  }
}

async function profileOne(bench: Bench, stack: Stack, contestant: Contestant): Promise<void> {
  const { settings, report } = bench;
  const { messages, callers } = settings;
  const folder = join(stack.folder, 'profiles');
  mkdirSync(folder, { recursive: true });
  const entrant = await enter(stack, contestant, profileOptions(folder));
  await sendRound(stack, entrant, messages, callers);
  await untilSettled(stack, entrant);
  await pause(transactionsSettleMs);

  await resetStatements(stack.postgres, entrant.database);
  const transactionsBefore = await readTransactions(stack.postgres, entrant.database);
  const cpuBefore = readCpu(stack, entrant);
  const { sent, perSecond } = await sendRound(stack, entrant, messages, callers);
  await untilSettled(stack, entrant);
  const cpu = cpuEach(cpuBefore, readCpu(stack, entrant), messages);
  const statements = await readStatements(stack.postgres, entrant.database);
  const runs = await describeRuns(
    stack.temporal,
    sent.slice(0, 20).map((one) => entrant.orders.workflowIdOf(one)),
  );
  await pause(transactionsSettleMs);
  const transactions = (await readTransactions(stack.postgres, entrant.database)) - transactionsBefore;

  const { work, begins } = countStatements(statements);
  report.heading(`Profile: ${contestant.title}, ${messages} dispatches`);
  tellMissingLanes(bench, stack, [entrant]);
  report.say(
    [
      `${figure(perSecond)} dispatches/s.`,
      `CPU-ms per dispatch: ${[...Object.entries(cpu.own), ['Temporal', cpu.temporal], ['Postgres', cpu.postgres], ['sink', cpu.sink], ['callers', cpu.callers]].map(([name, ms]) => `${name} ${figure(ms as number)}`).join(', ')}.`,
      `Statements per dispatch: ${figure(work / messages)}, in ${figure(transactions / messages)} transactions, ${figure(begins / messages)} of them of several statements (a begin and a commit more each).`,
      `Events ${figure(runs.events)}, state transitions ${figure(runs.transitions)}.`,
    ].join('\n'),
  );
  report.table(
    ['Statement', 'calls/dispatch', 'rows/call', 'µs each', 'µs/dispatch'],
    statements
      .filter(({ calls }) => calls / messages >= 0.05)
      .map(({ text, calls, rows, execMs }) => [
        shorten(text),
        figure(calls / messages),
        figure(rows / calls),
        figure((execMs * 1_000) / calls),
        figure((execMs * 1_000) / messages),
      ]),
  );
  await profileThreads(report, stack, entrant, folder, settings);
  await entrant.end();
}

/** In a round of its own: the profiler has its price. */
async function profileThreads(
  report: Bench['report'],
  stack: Stack,
  entrant: Entrant,
  folder: string,
  { messages, callers }: Bench['settings'],
): Promise<void> {
  const threadsBefore = entrant.processes().map(({ pid }) => cpuMsByThread(pid));
  for (const one of entrant.processes()) startProfile(one);
  await sendRound(stack, entrant, messages, callers);
  await untilSettled(stack, entrant);
  const threads = entrant.processes().map(({ pid }) => cpuMsByThread(pid));
  for (const [place, process] of entrant.processes().entries()) {
    const summary = await endProfile(process, folder);
    const spent = [...threads[place]!]
      .map(([name, ms]): [string, number] => [name, (ms - (threadsBefore[place]!.get(name) ?? 0)) / messages])
      .filter(([, ms]) => ms > 0.02)
      .toSorted((a, b) => b[1] - a[1]);
    report.say(`### ${process.name}, while it is profiled`);
    report.table(
      ['Threads, by the kernel', 'CPU-ms/dispatch'],
      spent.map(([name, ms]) => [name, figure(ms)]),
    );
    tellTimes(report, `JavaScript threads (${summary.threads}), time by package or room`, summary.groups, summary, messages, Infinity);
    tellTimes(report, 'Self time by function', summary.functions, summary, messages, functionCount);
  }
}

function tellTimes(report: Bench['report'], title: string, times: ProfileSummary['groups'], { busyMs }: ProfileSummary, messages: number, most: number): void {
  const shown = times.filter(([, ms]) => ms / busyMs >= leastShare).slice(0, most);
  report.table(
    [title, 'ms/dispatch', '%'],
    shown.map(([name, ms]) => [name, figure(ms / messages), figure((ms * 100) / busyMs)]),
  );
}

function shorten(statement: string): string {
  const line = statement.replace(/\s+/g, ' ').trim();
  return `\`${(line.length > shownLetters ? `${line.slice(0, shownLetters)} …` : line).replaceAll('|', '\\|')}\``;
}
