/** One round of one contestant: as fast as it goes, everything counted until nothing is left to do. */

import type { Entrant } from '../contestants/entrant.js';
import { requireUntil } from '../stack/processes.js';
import type { Stack } from '../stack/stack.js';
import { nowMs } from './clock.js';
import { type Answer, send, sendAll, sendPaced } from './load.js';
import { cpuMs } from './proc.js';
import { countOpenRuns } from './runs.js';

const arrivalMs = 300_000;
const settleMs = 120_000;
const settlePollMs = 250;

/** A message that a contestant has taken. */
export interface Sent {
  token: string;
  /** Of the dispatch. */
  id: string;
  answer: Answer;
}

let messages = 0;

/** Gives the contestant a message that nobody has had yet; rejects when it does not take it. */
export async function submitOne(entrant: Entrant, dueAt?: number): Promise<Sent> {
  const sent = await trySubmit(entrant, dueAt);
  if (sent.id === '') throw new Error(`${entrant.contestant.title} answered ${sent.answer.status}: ${sent.answer.body.slice(0, 500)}`);
  return sent;
}

/** The same, where a "no" is an answer too: the id is empty then. */
export async function trySubmit({ orders }: Entrant, dueAt?: number): Promise<Sent> {
  const index = messages++;
  const token = `n${Date.now().toString(36)}x${index}`;
  const answer = await send(orders.submit({ token, index }), dueAt);
  const id = answer.status === 202 ? (JSON.parse(answer.body) as { id: string }).id : '';
  return { token, id, answer };
}

/** So many messages from so many callers; resolves when all of them have been accepted and have arrived. */
export async function sendRound(stack: Stack, entrant: Entrant, total: number, callers: number): Promise<{ sent: Sent[]; perSecond: number }> {
  const begun = nowMs();
  const sent = await sendAll(total, callers, () => submitOne(entrant));
  await stack.sink.untilArrived(tokensOf(sent), arrivalMs);
  const last = Math.max(...sent.map(({ token }) => stack.sink.arrivals(token)[0]!));
  return { sent, perSecond: (total * 1_000) / (last - begun) };
}

/** At a fixed rate, far below what it can do: how long each message takes. */
export async function sendAtPace(stack: Stack, entrant: Entrant, perSecond: number, seconds: number): Promise<Sent[]> {
  const sent = await sendPaced({ perSecond, seconds }, (_, dueAt) => submitOne(entrant, dueAt));
  await stack.sink.untilArrived(tokensOf(sent), arrivalMs);
  return sent;
}

/** Waits until the contestant has no open run left. */
export async function untilSettled(stack: Stack, { contestant }: Entrant, deadlineMs = settleMs): Promise<void> {
  const none = async (): Promise<boolean> => (await countOpenRuns(stack.temporal, contestant.taskQueue)) === 0;
  await requireUntil(`all runs of ${contestant.title} to end`, none, deadlineMs, settlePollMs);
}

export function tokensOf(sent: readonly Pick<Sent, 'token'>[]): string[] {
  return sent.map((one) => one.token);
}

/** Processor time so far, in milliseconds, by what spent it. */
export interface CpuReading {
  own: Record<string, number>;
  temporal: number;
  postgres: number;
  sink: number;
  callers: number;
}

export function readCpu(stack: Stack, entrant: Entrant): CpuReading {
  const { user, system } = process.cpuUsage();
  return {
    own: Object.fromEntries(entrant.processes().map(({ name, pid }) => [name, cpuMs(pid)])),
    temporal: cpuMs(stack.temporal.process.pid),
    postgres: cpuMs(stack.postgres.pid),
    sink: cpuMs(stack.sink.process.pid),
    callers: (user + system) / 1_000,
  };
}

/** What was spent between two readings, for each of so many. */
export function cpuEach(before: CpuReading, after: CpuReading, count: number): CpuReading {
  const each = (from: number, to: number): number => (to - from) / count;
  return {
    own: Object.fromEntries(Object.entries(after.own).map(([name, ms]) => [name, each(before.own[name] ?? 0, ms)])),
    temporal: each(before.temporal, after.temporal),
    postgres: each(before.postgres, after.postgres),
    sink: each(before.sink, after.sink),
    callers: each(before.callers, after.callers),
  };
}
