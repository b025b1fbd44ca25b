/** Many dispatches that wait for a person: what they cost while nothing happens, and how soon one moves when somebody picks. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { addressOf, clientCount, nameOf } from '../contestants/contestant.js';
import { enter, type Entrant } from '../contestants/entrant.js';
import { houseOf } from '../contestants/waybill.js';
import type { Client } from '../contestants/waybill-api.js';
import { nowMs } from '../measure/clock.js';
import { quantile, sum } from '../measure/figures.js';
import { send, sendAll, sendPaced } from '../measure/load.js';
import { pssMb } from '../measure/proc.js';
import { cpuEach, readCpu, tokensOf } from '../measure/round.js';
import { figure } from '../report.js';
import { pause, requireUntil } from '../stack/processes.js';
import { onStack, type Stack } from '../stack/stack.js';
import { type Base, type Lot, openLot, type Step } from './parked-lot.js';
import { type Bench, participants, tellMissingLanes } from './part.js';

const firstStep = 1_000;
/** So many are submitted, then all of them have to be waiting, before more are: the figures are not those of a backlog. */
const chunk = 1_000;
const waitingMs = 600_000;
const arrivalMs = 120_000;
const choicesPerSecond = 5;
/** After a burst caches are cleaned up: at rest is when a window costs no less than nine tenths of the one before. */
const windowMs = 10_000;
const mostWindows = 18;
const leastShownBytes = 10;

export async function parked(bench: Bench): Promise<void> {
  for (const contestant of participants(bench, ['queued'])) {
    await onStack(bench.settings, async (stack) => {
      const entrant = await enter(stack, contestant);
      const lot = openLot(stack);
      const clients = await findOrMakeClients(stack, entrant);
      const base = lot.base ?? { tables: await readTables(stack, entrant), temporal: stack.temporal.bytes() };
      if (lot.base === null) lot.keepBase(base);
      const steps = [...lot.steps];
      for (const target of stepsTo(bench.settings.parked).filter((one) => one >= lot.count() && steps.every(({ parked: done }) => done < one))) {
        const createdPerSecond = await fill(bench, stack, entrant, lot, target, clients);
        const step = { ...(await measure(bench, stack, entrant, lot, target, base)), createdPerSecond };
        lot.keepStep(step);
        steps.push(step);
      }
      tell(bench, contestant.title, steps);
      tellMissingLanes(bench, stack, [entrant]);
      await entrant.end();
    });
  }
}

function stepsTo(most: number): number[] {
  const steps: number[] = [];
  for (let step = firstStep; step < most; step *= 10) steps.push(step);
  return [...steps, most];
}

async function findOrMakeClients(stack: Stack, entrant: Entrant): Promise<Client[]> {
  const file = join(stack.folder, 'parked-clients.json');
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Client[];
  const { admin } = houseOf(stack, entrant);
  const made = await sendAll(clientCount, 16, (index) => {
    const contactPoints = [1, 2].map((place) => ({ kind: 'email' as const, value: addressOf(index, place) }));
    return admin.createClient({ name: nameOf(index), contactPoints });
  });
  writeFileSync(file, JSON.stringify(made));
  return made;
}

/** Submits until so many wait; how many a second came to wait, null when they did already. */
async function fill({ settings, note }: Bench, stack: Stack, entrant: Entrant, lot: Lot, target: number, clients: readonly Client[]): Promise<number | null> {
  const { house, service } = houseOf(stack, entrant);
  const before = lot.count();
  const begun = nowMs();
  while (lot.count() < target) {
    await lot.add(Math.min(chunk, target - lot.count()), settings.callers, house, service, clients);
    await untilWaiting(stack, lot.count());
    note(`parked: ${lot.count()} wait`);
  }
  return lot.count() === before ? null : ((lot.count() - before) * 1_000) / (nowMs() - begun);
}

/** By the search that an operator would use. */
async function untilWaiting({ temporal }: Stack, count: number): Promise<void> {
  const all = async (): Promise<boolean> =>
    (await temporal.client.workflow.count(`DispatchWaitingFor = 'recipient' AND ExecutionStatus = 'Running'`)).count >= count;
  await requireUntil(`${count} dispatches to wait`, all, waitingMs, 500);
}

async function measure(
  { settings, note }: Bench,
  stack: Stack,
  entrant: Entrant,
  lot: Lot,
  target: number,
  base: Base,
): Promise<Omit<Step, 'createdPerSecond'>> {
  const restSeconds = await untilAtRest(stack, entrant);
  note(`parked: at rest after ${figure(restSeconds)} s`);
  const cpuBefore = readCpu(stack, entrant);
  await pause(settings.idleSeconds * 1_000);
  // Milliseconds in tenths of a second are percent.
  const idle = cpuEach(cpuBefore, readCpu(stack, entrant), settings.idleSeconds * 10);
  const tables = await readTables(stack, entrant);
  const temporal = stack.temporal.bytes();
  return {
    parked: target,
    restSeconds,
    idle,
    memoryMb: Object.fromEntries(entrant.processes().map(({ name, pid }) => [name, pssMb(pid)])),
    tableBytes: Object.fromEntries(Object.entries(tables).map(([table, bytes]) => [table, (bytes - (base.tables[table] ?? 0)) / target])),
    temporalBytes: (temporal - base.temporal) / target,
    ...(await choose(stack, entrant, lot, Math.min(settings.resumes, lot.count()))),
  };
}

async function untilAtRest(stack: Stack, entrant: Entrant): Promise<number> {
  const begun = nowMs();
  let last = Infinity;
  for (let windows = 0; windows < mostWindows; windows += 1) {
    const before = readCpu(stack, entrant);
    await pause(windowMs);
    const { own, temporal, postgres: database } = cpuEach(before, readCpu(stack, entrant), 1);
    const spent = sum(Object.values(own)) + temporal + database;
    if (spent > last * 0.9) break;
    last = spent;
  }
  return (nowMs() - begun) / 1_000;
}

/** Bytes of each table with its indexes. */
async function readTables({ postgres: server }: Stack, { database }: Entrant): Promise<Record<string, number>> {
  const sql = postgres(server.url(database), { max: 1 });
  const rows = await sql<{ table: string; bytes: number }[]>`
    select c.relname as "table", pg_total_relation_size(c.oid)::float8 as bytes
    from pg_class c where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace`;
  await sql.end();
  return Object.fromEntries(rows.map(({ table, bytes }) => [table, bytes]));
}

/** Somebody picks, one dispatch after the other, any of them: how long until the answer, and until the mail is handed over. */
async function choose(stack: Stack, entrant: Entrant, lot: Lot, count: number): Promise<Pick<Step, 'choice' | 'resume' | 'refused'>> {
  const { service } = houseOf(stack, entrant);
  const picked = await sendPaced({ perSecond: choicesPerSecond, seconds: count / choicesPerSecond }, async (_, dueAt) => {
    const { token, id, contactPointId } = lot.take();
    return { token, answer: await send(service.chooseRecipient(id, contactPointId), dueAt) };
  });
  const taken = picked.filter(({ answer }) => answer.status === 200);
  await stack.sink.untilArrived(tokensOf(taken), arrivalMs);
  return {
    choice: taken.map(({ answer }) => answer.answeredAt - answer.dueAt),
    resume: taken.map(({ token, answer }) => stack.sink.arrivals(token)[0]! - answer.dueAt),
    refused: picked.length - taken.length,
  };
}

function tell({ report, settings }: Bench, title: string, steps: readonly Step[]): void {
  const last = steps.at(-1);
  if (!last) return;
  report.heading(`Parked: ${title}, dispatches that wait for a recipient choice`);
  report.say(`Idle over ${settings.idleSeconds} s, percent of a core; choices of any of them, ${choicesPerSecond} a second, milliseconds.`);
  report.table(
    ['Waiting', 'created/s', 'at rest after s', 'idle: own', 'by process', 'Temporal', 'Postgres', 'memory PSS MB', 'own rows KB each', 'Temporal KB each'],
    steps.map((step) => [
      String(step.parked),
      figure(step.createdPerSecond ?? NaN),
      figure(step.restSeconds),
      figure(idleOf(step)),
      entriesOf(step.idle.own),
      figure(step.idle.temporal),
      figure(step.idle.postgres),
      entriesOf(step.memoryMb),
      figure(rowsOf(step) / 1024),
      figure(step.temporalBytes / 1024),
    ]),
  );
  report.table(
    ['Waiting', 'choice answered p50', 'p99', 'choice to hand-over p50', 'p99', 'most', 'refused'],
    steps.map((step) => [
      String(step.parked),
      ...[0.5, 0.99].map((share) => figure(quantile(step.choice, share))),
      ...[0.5, 0.99, 1].map((share) => figure(quantile(step.resume, share))),
      `${step.refused} of ${step.refused + step.choice.length}`,
    ]),
  );
  const tables = Object.entries(last.tableBytes).filter(([, bytes]) => bytes >= leastShownBytes);
  report.say(`Own rows at ${last.parked}, bytes each with their indexes: ${entriesOf(Object.fromEntries(tables.toSorted((a, b) => b[1] - a[1])))}.`);
  tellTargets(report, steps[0]!, last);
}

/** At the most that waited, beside the fewest. */
function tellTargets(report: Bench['report'], first: Step, last: Step): void {
  const worker = ({ memoryMb }: Step): number => Object.values(memoryMb).at(-1)!;
  const rows: [what: string, wanted: string, measured: number, holds: boolean][] = [
    [`idle CPU of our processes at ${last.parked}, % of a core`, '≤ 2', idleOf(last), idleOf(last) <= 2],
    [`memory of the worker, times that at ${first.parked}`, '≤ 1.2', worker(last) / worker(first), worker(last) <= 1.2 * worker(first)],
    ['our own rows, KB each', '≤ 3', rowsOf(last) / 1024, rowsOf(last) <= 3 * 1024],
    ['resume p99, ms', '< 300', quantile(last.resume, 0.99), quantile(last.resume, 0.99) < 300],
  ];
  report.table(
    ['Target', 'wanted', 'measured', ''],
    rows.map(([what, wanted, measured, holds]) => [what, wanted, figure(measured), holds ? 'holds' : 'does not hold']),
  );
}

const idleOf = (step: Step): number => sum(Object.values(step.idle.own));

const rowsOf = (step: Step): number => sum(Object.values(step.tableBytes));

function entriesOf(figures: Record<string, number>): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${figure(value)}`)
    .join(', ');
}
