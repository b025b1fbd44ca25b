/** Ours in both lanes beside the yardsticks: interleaved rounds on one stack, the order rotated, the first round dropped. */

import { enter, type Entrant } from '../contestants/entrant.js';
import { median, quantile, sum } from '../measure/figures.js';
import { pssMb, rssMb } from '../measure/proc.js';
import { type CpuReading, cpuEach, readCpu, sendAtPace, sendRound, type Sent, untilSettled } from '../measure/round.js';
import { describeRuns } from '../measure/runs.js';
import {
  countStatements,
  databaseBytes,
  readStatements,
  readTransactions,
  readWalBytes,
  resetStatements,
  transactionsSettleMs,
} from '../measure/statements.js';
import { figure, spread } from '../report.js';
import type { ContestantName } from '../settings.js';
import { pause } from '../stack/processes.js';
import { onStack, type Stack } from '../stack/stack.js';
import { type Bench, participants, tellMissingLanes } from './part.js';

/** Runs that are described after a round. */
const sampleSize = 20;
const idleMs = 10_000;

/** What one round of one contestant comes to; everything for each dispatch, times in milliseconds. */
interface Round {
  perSecond: number;
  cpu: CpuReading;
  /** Own processes, Temporal and Postgres; sink and callers do the same for all. */
  cpuTotal: number;
  statements: number;
  begins: number;
  walBytes: number;
  postgresBytes: number;
  temporalBytes: number;
  events: number;
  transitions: number;
  /** From the call to the answer; from the answer to the sink; from the call to the sink. */
  accept: number[];
  handOver: number[];
  whole: number[];
  pssMb: number;
  rssMb: number;
}

export async function lanes(bench: Bench): Promise<void> {
  await onStack(bench.settings, async (stack) => {
    const { settings, report, note } = bench;
    const entrants: Entrant[] = [];
    for (const contestant of participants(bench, ['express', 'queued', 'bare', 'five'])) {
      note(`lanes: ${contestant.title} starts`);
      entrants.push(await enter(stack, contestant));
    }
    const transactions = new Map<Entrant, number>();
    for (const entrant of entrants) {
      note(`lanes: warm-up, ${entrant.contestant.title}`);
      transactions.set(entrant, await warmUp(bench, stack, entrant));
    }
    const idle = await readIdle(stack, entrants);
    await stack.postgres.sql`checkpoint`;
    const rounds = new Map<Entrant, Round[]>(entrants.map((one) => [one, []]));
    for (let turn = 0; turn < settings.rounds; turn += 1) {
      for (let place = 0; place < entrants.length; place += 1) {
        const entrant = entrants[(place + turn) % entrants.length]!;
        const round = await measure(bench, stack, entrant);
        rounds.get(entrant)!.push(round);
        note(`lanes: round ${turn + 1}, ${entrant.contestant.title}: ${figure(round.perSecond)}/s, ${figure(round.cpuTotal)} CPU-ms`);
      }
    }
    report.heading(`Lanes: ${settings.messages} dispatches from ${settings.callers} callers, ${settings.rounds} rounds, median (least–most)`);
    tellMissingLanes(bench, stack, entrants);
    tellRates(report, rounds);
    tellStores(report, rounds, transactions);
    tellLatencies(report, rounds, settings);
    tellRatios(report, rounds);
    report.say(`Idle, with all of them running: ${idle}.`);
    for (const entrant of entrants) await entrant.end();
  });
}

/** The dropped round; transactions are counted here, because sessions tell them late. */
async function warmUp({ settings }: Bench, stack: Stack, entrant: Entrant): Promise<number> {
  const { messages, callers } = settings;
  await pause(transactionsSettleMs);
  const before = await readTransactions(stack.postgres, entrant.database);
  await sendRound(stack, entrant, messages, callers);
  await untilSettled(stack, entrant);
  await pause(transactionsSettleMs);
  return ((await readTransactions(stack.postgres, entrant.database)) - before) / messages;
}

async function readIdle(stack: Stack, entrants: readonly Entrant[]): Promise<string> {
  const before = entrants.map((one) => readCpu(stack, one));
  await pause(idleMs);
  const spent = entrants.map((one, place) => cpuEach(before[place]!, readCpu(stack, one), idleMs / 100));
  const own = spent.flatMap(({ own: processes }) => Object.entries(processes));
  const shares = [...own, ['Temporal', spent[0]!.temporal] as const, ['Postgres', spent[0]!.postgres] as const];
  return shares.map(([name, percent]) => `${name} ${figure(percent)} %`).join(', ') + ' of a core';
}

async function measure({ settings }: Bench, stack: Stack, entrant: Entrant): Promise<Round> {
  const { messages, callers, pace, paceSeconds } = settings;
  const { postgres, temporal } = stack;
  await resetStatements(postgres, entrant.database);
  const bytesBefore = { wal: await readWalBytes(postgres), postgres: await databaseBytes(postgres, entrant.database), temporal: temporal.bytes() };
  const cpuBefore = readCpu(stack, entrant);
  const { sent, perSecond } = await sendRound(stack, entrant, messages, callers);
  await untilSettled(stack, entrant);
  const cpu = cpuEach(cpuBefore, readCpu(stack, entrant), messages);
  const { work, begins } = countStatements(await readStatements(postgres, entrant.database));
  const walBytes = ((await readWalBytes(postgres)) - bytesBefore.wal) / messages;
  const postgresBytes = ((await databaseBytes(postgres, entrant.database)) - bytesBefore.postgres) / messages;
  const temporalBytes = (temporal.bytes() - bytesBefore.temporal) / messages;
  const sample = Array.from({ length: Math.min(sampleSize, messages) }, (_, index) => sent[Math.floor((index * messages) / sampleSize)]!);
  const runs = await describeRuns(
    temporal,
    sample.map((one) => entrant.orders.workflowIdOf(one)),
  );
  const paced = await sendAtPace(stack, entrant, pace, paceSeconds);
  await untilSettled(stack, entrant);
  return {
    perSecond,
    cpu,
    cpuTotal: sum(Object.values(cpu.own)) + cpu.temporal + cpu.postgres,
    statements: work / messages,
    begins: begins / messages,
    walBytes,
    postgresBytes,
    temporalBytes,
    ...runs,
    ...latencies(stack, paced),
    pssMb: sum(entrant.processes().map(({ pid }) => pssMb(pid))),
    rssMb: sum(entrant.processes().map(({ pid }) => rssMb(pid))),
  };
}

function latencies({ sink }: Stack, sent: readonly Sent[]): Pick<Round, 'accept' | 'handOver' | 'whole'> {
  const arrivedAt = ({ token }: Sent): number => sink.arrivals(token)[0]!;
  return {
    accept: sent.map(({ answer }) => answer.answeredAt - answer.dueAt),
    handOver: sent.map((one) => arrivedAt(one) - one.answer.answeredAt),
    whole: sent.map((one) => arrivedAt(one) - one.answer.dueAt),
  };
}

type Rounds = ReadonlyMap<Entrant, readonly Round[]>;

function rowsOf(rounds: Rounds, ...columns: ((round: Round) => number)[]): string[][] {
  return [...rounds].map(([{ contestant }, all]) => [contestant.title, ...columns.map((column) => spread(all.map(column)))]);
}

function tellRates(report: Bench['report'], rounds: Rounds): void {
  report.table(
    ['', 'dispatches/s', 'CPU-ms: own + Temporal + Postgres', 'own', 'Temporal', 'Postgres', 'sink', 'callers'],
    rowsOf(
      rounds,
      (one) => one.perSecond,
      (one) => one.cpuTotal,
      (one) => sum(Object.values(one.cpu.own)),
      (one) => one.cpu.temporal,
      (one) => one.cpu.postgres,
      (one) => one.cpu.sink,
      (one) => one.cpu.callers,
    ),
  );
  const processes = [...rounds].flatMap(([, all]) => {
    const names = Object.keys(all[0]!.cpu.own);
    return names.length < 2 ? [] : names.map((name) => `${name} ${spread(all.map((one) => one.cpu.own[name]!))}`);
  });
  if (processes.length > 0) report.say(`Own CPU-ms by process: ${processes.join(', ')}.`);
}

function tellStores(report: Bench['report'], rounds: Rounds, transactions: ReadonlyMap<Entrant, number>): void {
  report.table(
    ['For each dispatch', 'statements', 'transactions', 'of several', 'events', 'state transitions', 'WAL KB', 'Postgres KB', 'Temporal KB'],
    [...rounds].map(([entrant, all]) => {
      const cell = (column: (round: Round) => number): string => spread(all.map(column));
      return [
        entrant.contestant.title,
        cell((one) => one.statements),
        figure(transactions.get(entrant)!),
        cell((one) => one.begins),
        cell((one) => one.events),
        cell((one) => one.transitions),
        cell((one) => one.walBytes / 1024),
        cell((one) => one.postgresBytes / 1024),
        cell((one) => one.temporalBytes / 1024),
      ];
    }),
  );
}

function tellLatencies(report: Bench['report'], rounds: Rounds, { pace, paceSeconds }: Bench['settings']): void {
  report.say(`At ${pace} dispatches a second for ${paceSeconds} s, milliseconds:`);
  report.table(
    ['', 'accept p50', 'p99', 'accept to hand-over p50', 'p99', 'call to hand-over p50', 'p99', 'memory PSS MB', 'RSS MB'],
    rowsOf(
      rounds,
      (one) => quantile(one.accept, 0.5),
      (one) => quantile(one.accept, 0.99),
      (one) => quantile(one.handOver, 0.5),
      (one) => quantile(one.handOver, 0.99),
      (one) => quantile(one.whole, 0.5),
      (one) => quantile(one.whole, 0.99),
      (one) => one.pssMb,
      (one) => one.rssMb,
    ),
  );
}

interface Target {
  who: ContestantName;
  what: string;
  wanted: string;
  /** Null: not with another one. */
  beside: ContestantName | null;
  value: (own: Round, other: Round) => number;
  holds: (value: number) => boolean;
}

const targets: Target[] = [
  {
    who: 'express',
    what: 'CPU-ms, times the bare workflow’s',
    wanted: '≤ 1.0',
    beside: 'bare',
    value: (own, other) => own.cpuTotal / other.cpuTotal,
    holds: (value) => value <= 1,
  },
  {
    who: 'express',
    what: 'rate, times the bare workflow’s',
    wanted: '≥ 1.0',
    beside: 'bare',
    value: (own, other) => own.perSecond / other.perSecond,
    holds: (value) => value >= 1,
  },
  {
    who: 'express',
    what: 'p50 accept to hand-over, times the bare workflow’s',
    wanted: '≤ 0.33',
    beside: 'bare',
    value: (own, other) => quantile(own.handOver, 0.5) / quantile(other.handOver, 0.5),
    holds: (value) => value <= 1 / 3,
  },
  { who: 'express', what: 'events', wanted: '≤ 10', beside: null, value: (own) => own.events, holds: (value) => value <= 10 },
  { who: 'express', what: 'state transitions', wanted: '≤ 3', beside: null, value: (own) => own.transitions, holds: (value) => value <= 3 },
  { who: 'queued', what: 'events', wanted: '≤ 15', beside: null, value: (own) => own.events, holds: (value) => value <= 15 },
  ...(['express', 'queued'] as const).map((who): Target => ({
    who,
    what: 'rate, times that of five activities',
    wanted: '≥ 2.0',
    beside: 'five',
    value: (own, other) => own.perSecond / other.perSecond,
    holds: (value) => value >= 2,
  })),
];

/** Ratios are taken within each round, their median counts. */
function tellRatios(report: Bench['report'], rounds: Rounds): void {
  const roundsOf = (name: ContestantName | null): readonly Round[] | undefined => [...rounds].find(([{ contestant }]) => contestant.name === name)?.[1];
  const rows = targets.flatMap(({ who, what, wanted, beside, value, holds }) => {
    const own = roundsOf(who);
    const other = beside === null ? own : roundsOf(beside);
    if (!own || !other) return [];
    const values = own.map((round, turn) => value(round, other[turn]!));
    return [[`${who}: ${what}`, wanted, spread(values), holds(median(values)) ? 'holds' : 'does not hold']];
  });
  if (rows.length > 0) report.table(['Target', 'wanted', 'measured', ''], rows);
}
