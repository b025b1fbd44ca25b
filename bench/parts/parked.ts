/** Many dispatches that wait for a person: what they cost while nothing happens, and how soon one moves when somebody picks. */

import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { addressOf, clientCount, nameOf } from '../contestants/contestant.js';
import { enter, type Entrant } from '../contestants/entrant.js';
import { type House, houseOf } from '../contestants/waybill.js';
import type { Client, ServiceApi } from '../contestants/waybill-api.js';
import { nowMs } from '../measure/clock.js';
import { median, quantile, sum } from '../measure/figures.js';
import { send, sendAll, sendPaced } from '../measure/load.js';
import { pssMb } from '../measure/proc.js';
import { cpuEach, readCpu, tokensOf } from '../measure/round.js';
import { figure } from '../report.js';
import { pause, requireUntil } from '../stack/processes.js';
import { onStack, type Stack } from '../stack/stack.js';
import { type Bench, participants, tellMissingLanes } from './part.js';

const firstStep = 1_000;
/** So many are submitted, then all of them have to be waiting, before more are: the figures are not those of a backlog. */
const chunk = 1_000;
const waitingMs = 600_000;
const monthSeconds = 30 * 86_400;
const choicesPerSecond = 5;
const leastShownBytes = 10;
/** After a burst the caches are cleaned up: at rest is when a window costs no less than nine tenths of the one before. */
const windowMs = 10_000;
const mostWindows = 18;

/** A dispatch that waits. */
interface Parked {
  token: string;
  id: string;
  /** The one that will be picked. */
  contactPointId: string;
}

interface Step {
  parked: number;
  createdPerSecond: number;
  settledSeconds: number;
  /** Percent of a core. */
  idle: { own: Record<string, number>; temporal: number; postgres: number };
  memoryMb: Record<string, number>;
  /** By table, with its indexes; for each that waits. */
  rowBytes: Record<string, number>;
  temporalBytes: number;
  choice: number[];
  resume: number[];
  refused: number;
}

export async function parked(bench: Bench): Promise<void> {
  for (const contestant of participants(bench, ['queued'])) {
    await onStack(bench.settings, async (stack) => {
      const entrant = await enter(stack, contestant);
      const { house, service, admin } = houseOf(stack, entrant);
      bench.note(`parked: clients with two addresses each`);
      const clients = await findOrMakeClients(stack, (index) => admin.createClient(clientWithTwo(index)));
      const steps: Step[] = [];
      const lot = openLot(stack, house, service, clients);
      const base = { rows: lot.base.rows ?? (await rowBytes(stack, entrant)), temporal: lot.base.temporal ?? stack.temporal.bytes() };
      lot.keepBase(base);
      for (const target of stepsTo(bench.settings.parked)) {
        if (lot.count() > target) continue;
        steps.push(await measure(bench, stack, entrant, lot, target, base));
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

const clientWithTwo = (index: number) => ({
  name: nameOf(index),
  contactPoints: [1, 2].map((place) => ({ kind: 'email' as const, value: addressOf(index, place) })),
});

async function findOrMakeClients(stack: Stack, make: (index: number) => Promise<Client>): Promise<Client[]> {
  const file = join(stack.folder, 'parked-clients.json');
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Client[];
  const made = await sendAll(clientCount, 16, make);
  appendFileSync(file, JSON.stringify(made));
  return made;
}

/** Bytes before anything waited. */
interface Base {
  rows: Record<string, number>;
  temporal: number;
}

/** The dispatches that wait; kept beside their databases, so that a later run goes on from them. */
function openLot(stack: Stack, house: House, service: ServiceApi, clients: readonly Client[]) {
  const file = join(stack.folder, 'parked.jsonl');
  const known = (existsSync(file) ? readFileSync(file, 'utf8') : '').split('\n').filter(Boolean);
  const entries = known.map((line) => JSON.parse(line) as Parked | { gone: string } | Base);
  const gone = new Set(entries.map((one) => ('gone' in one ? one.gone : null)));
  const lot = entries.filter((one): one is Parked => 'id' in one && !gone.has(one.id));
  const keep = (...lines: object[]): void => appendFileSync(file, lines.map((one) => `${JSON.stringify(one)}\n`).join(''));
  const { channelId, templateId } = house;
  return {
    base: (entries.find((one) => 'rows' in one) ?? {}) as Partial<Base>,
    keepBase: (base: Base): void => keep(base),
    count: () => lot.length,
    add: async (total: number, callers: number): Promise<void> => {
      const made = await sendAll(total, callers, async (index): Promise<Parked> => {
        const client = clients[index % clients.length]!;
        const token = `p${Date.now().toString(36)}x${index}`;
        const body = {
          clientId: client.id,
          channelId,
          content: { kind: 'template' as const, templateId, variables: { order: token, name: client.name } },
          deadlines: { choiceSeconds: monthSeconds },
        };
        const answer = await send(service.submit(body, token));
        if (answer.status !== 202) throw new Error(`A submit was answered ${answer.status}: ${answer.body.slice(0, 300)}`);
        return { token, id: (JSON.parse(answer.body) as { id: string }).id, contactPointId: client.contactPoints[0]!.id };
      });
      lot.push(...made);
      keep(...made);
    },
    /** One of them, any of them. */
    take: (): Parked => {
      const [one] = lot.splice(Math.floor(Math.random() * lot.length), 1);
      keep({ gone: one!.id });
      return one!;
    },
  };
}

type Lot = ReturnType<typeof openLot>;

async function measure(bench: Bench, stack: Stack, entrant: Entrant, lot: Lot, target: number, base: Base): Promise<Step> {
  const { settings, note } = bench;
  const before = lot.count();
  const begun = nowMs();
  while (lot.count() < target) {
    await lot.add(Math.min(chunk, target - lot.count()), settings.callers);
    await untilWaiting(stack, lot.count());
    note(`parked: ${lot.count()} wait`);
  }
  const createdPerSecond = ((lot.count() - before) * 1_000) / (nowMs() - begun);
  const settledSeconds = await untilAtRest(stack, entrant);
  note(`parked: at rest after ${figure(settledSeconds)} s`);
  const cpuBefore = readCpu(stack, entrant);
  await pause(settings.idleSeconds * 1_000);
  // Milliseconds in tenths of a second are percent.
  const idle = cpuEach(cpuBefore, readCpu(stack, entrant), settings.idleSeconds * 10);
  const memoryMb = Object.fromEntries(entrant.processes().map(({ name, pid }) => [name, pssMb(pid)]));
  const bytes = { rows: await rowBytes(stack, entrant), temporal: stack.temporal.bytes() };
  const choices = await choose(stack, entrant, lot, Math.min(settings.resumes, lot.count()));
  return {
    parked: target,
    createdPerSecond,
    settledSeconds,
    idle,
    memoryMb,
    rowBytes: Object.fromEntries(Object.entries(bytes.rows).map(([table, size]) => [table, (size - (base.rows[table] ?? 0)) / target])),
    temporalBytes: (bytes.temporal - base.temporal) / target,
    ...choices,
  };
}

/** By the search that an operator would use. */
async function untilWaiting({ temporal }: Stack, count: number): Promise<void> {
  const all = async (): Promise<boolean> =>
    (await temporal.client.workflow.count(`DispatchWaitingFor = 'recipient' AND ExecutionStatus = 'Running'`)).count >= count;
  await requireUntil(`${count} dispatches to wait`, all, waitingMs, 500);
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

async function rowBytes({ postgres: server }: Stack, { database }: Entrant): Promise<Record<string, number>> {
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
    return { token, id, answer: await send(service.chooseRecipient(id, contactPointId), dueAt) };
  });
  const taken = picked.filter(({ answer }) => answer.status === 200);
  await stack.sink.untilArrived(tokensOf(taken), 120_000);
  return {
    choice: taken.map(({ answer }) => answer.answeredAt - answer.dueAt),
    resume: taken.map(({ token, answer }) => stack.sink.arrivals(token)[0]! - answer.dueAt),
    refused: picked.length - taken.length,
  };
}

function tell({ report, settings }: Bench, title: string, steps: readonly Step[]): void {
  report.heading(`Parked: ${title}, dispatches that wait for a recipient choice`);
  report.say(
    `Idle over ${settings.idleSeconds} s, percent of a core; ${settings.resumes} choices, ${choicesPerSecond} a second, of any of them, milliseconds.`,
  );
  const own = (step: Step): number => sum(Object.values(step.idle.own));
  report.table(
    ['Waiting', 'created/s', 'at rest after s', 'idle: own', 'by process', 'Temporal', 'Postgres', 'memory PSS MB', 'own rows KB each', 'Temporal KB each'],
    steps.map((step) => [
      String(step.parked),
      figure(step.createdPerSecond),
      figure(step.settledSeconds),
      figure(own(step)),
      entriesOf(step.idle.own),
      figure(step.idle.temporal),
      figure(step.idle.postgres),
      entriesOf(step.memoryMb),
      figure(rowsEach(step) / 1024),
      figure(step.temporalBytes / 1024),
    ]),
  );
  report.table(
    ['Waiting', 'choice answered p50', 'p99', 'choice to hand-over p50', 'p99', 'most', 'refused'],
    steps.map((step) => [
      String(step.parked),
      ...[quantile(step.choice, 0.5), quantile(step.choice, 0.99), median(step.resume), quantile(step.resume, 0.99), quantile(step.resume, 1)].map(figure),
      `${step.refused} of ${step.refused + step.choice.length}`,
    ]),
  );
  const [largest] = steps.slice(-1);
  if (largest) {
    const tables = Object.entries(largest.rowBytes).filter(([, bytes]) => bytes >= leastShownBytes);
    report.say(`Own rows at ${largest.parked}, bytes each, with their indexes: ${entriesOf(Object.fromEntries(tables.toSorted((a, b) => b[1] - a[1])))}.`);
  }
  tellTargets(report, steps, own);
}

function rowsEach({ rowBytes: each }: Step): number {
  return sum(Object.values(each));
}

/** At the largest step, beside the smallest. */
function tellTargets(report: Bench['report'], steps: readonly Step[], own: (step: Step) => number): void {
  const [first] = steps;
  const last = steps.at(-1);
  if (!first || !last) return;
  const worker = ({ memoryMb }: Step): number => Object.values(memoryMb).at(-1)!;
  const rows: [what: string, wanted: string, measured: number, holds: boolean][] = [
    [`idle CPU of our processes at ${last.parked}, % of a core`, '≤ 2', own(last), own(last) <= 2],
    [`memory of the worker, times that at ${first.parked}`, '≤ 1.2', worker(last) / worker(first), worker(last) <= 1.2 * worker(first)],
    ['our own rows, KB each', '≤ 3', rowsEach(last) / 1024, rowsEach(last) <= 3 * 1024],
    ['resume p99, ms', '< 300', quantile(last.resume, 0.99), quantile(last.resume, 0.99) < 300],
  ];
  report.table(
    ['Target', 'wanted', 'measured', ''],
    rows.map(([what, wanted, measured, holds]) => [what, wanted, figure(measured), holds ? 'holds' : 'does not hold']),
  );
}

function entriesOf(figures: Record<string, number>): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${figure(value)}`)
    .join(', ');
}
