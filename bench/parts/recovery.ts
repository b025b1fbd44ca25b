/** All processes of a contestant killed without a word in the middle of a load, and started again: what is lost, doubled, and how long it takes. */

import type { DispatchDetail } from '../contestants/waybill-api.js';
import { enter, type Entrant } from '../contestants/entrant.js';
import { houseOf, type Lane, laneOf, mailChannel, ordersOf } from '../contestants/waybill.js';
import { nowMs } from '../measure/clock.js';
import { quantile } from '../measure/figures.js';
import { sendAll, sendPaced } from '../measure/load.js';
import { countOpenRuns } from '../measure/runs.js';
import { type Sent, sendRound, tokensOf, trySubmit, untilSettled } from '../measure/round.js';
import { figure } from '../report.js';
import type { Settings } from '../settings.js';
import { pause, requireUntil, waitUntil } from '../stack/processes.js';
import { onStack, type Stack } from '../stack/stack.js';
import { type Bench, participants } from './part.js';

const warmUpMessages = 200;
/** The processes die so long into a load that they keep up with; or, with a backlog asked for, as soon as so many have not arrived. */
const calmSeconds = 10;
const sinkDelayMs = 300;
/** More than goes out while the sink takes its time. */
const overloadPerSecond = 50;
const longestLoadSeconds = 60;
/** Everything outstanding has moved, mid-send or not, this long after the restart. */
const targetSeconds: Record<Lane, number> = { express: 3, queued: 15 };
const settledMs = 180_000;
/** A second copy may come late. */
const copyMs = 3_000;

/**
 * The time limits of a relay in the same house. A send that was under way may not be decided about before they are over, and the ones
 * that a channel has by default (a minute) would hide everything else.
 */
const nearRelay = {
  ladder: { connectMs: 500, replyMs: 1_000, exchangeMs: 2_000, heartbeatMs: 1_000 },
  retry: { deadlineMs: 600_000, initialMs: 200, maximumMs: 2_000 },
};

interface Outcome {
  accepted: number;
  /** Accepted, not ended when the processes died. */
  outstanding: number;
  /** Of these, those whose mail was being handed over. */
  inMidSend: number;
  readyMs: number;
  /** From the restart to the first sign of life of each. */
  moved: number[];
  movedFromMidSend: number[];
  lastHandOverMs: number;
  endedMs: number;
  lost: number;
  twice: number;
  twiceUnflagged: number;
}

export async function recovery(bench: Bench): Promise<void> {
  const rows: string[][] = [];
  const targets: string[][] = [];
  for (const contestant of participants(bench, ['express', 'queued', 'bare', 'five'])) {
    bench.note(`recovery: ${contestant.title}`);
    await onStack(bench.settings, async (stack) => {
      const entrant = await toNearRelay(stack, await enter(stack, contestant));
      await sendRound(stack, entrant, warmUpMessages, bench.settings.callers);
      await untilSettled(stack, entrant);
      const outcome = await killUnderLoad(stack, entrant, bench.settings);
      rows.push(tell(contestant.title, outcome));
      bench.note(`recovery: ${rows.at(-1)!.join(' | ')}`);
      const lane = laneOf(contestant);
      if (lane !== null) targets.push(judge(lane, outcome));
      await entrant.end();
    });
  }
  const { backlog, pace } = bench.settings;
  const moment = backlog === 0 ? `after ${calmSeconds} s of it` : `with ${backlog} messages to go`;
  bench.report.heading(`Recovery: kill -9 of all own processes under load, ${moment}; times from the restart, seconds`);
  bench.report.say(
    `Until then ${backlog === 0 ? pace : overloadPerSecond} are submitted a second and the sink answers after ${sinkDelayMs} ms. Waybill’s channel has the time limits of a near relay (exchange ${nearRelay.ladder.exchangeMs} ms, heartbeat ${nearRelay.ladder.heartbeatMs} ms). A dispatch has moved when its timeline has a new entry; one of the yardstick when its mail arrives.`,
  );
  bench.report.table(
    [
      '',
      'accepted',
      'outstanding',
      'of these in mid-send',
      'ready',
      'moved p50',
      'moved, last',
      'mid-send moved, last',
      'last hand-over',
      'all ended',
      'lost',
      'sent twice',
      'of these unflagged',
    ],
    rows,
  );
  if (targets.length > 0) bench.report.table(['Target', 'wanted', 'measured', ''], targets);
}

/** Waybill gets a channel of its own for this; the yardstick knows no time limits. */
async function toNearRelay(stack: Stack, entrant: Entrant): Promise<Entrant> {
  if (laneOf(entrant.contestant) === null) return entrant;
  const { lane, house, admin, service } = houseOf(stack, entrant);
  const channel = await admin.createChannel(mailChannel(stack, lane, house.hasLanes, 'Near relay', nearRelay));
  return { ...entrant, orders: ordersOf({ ...house, channelId: channel.id }, service) };
}

async function killUnderLoad(stack: Stack, entrant: Entrant, { backlog, pace }: Settings): Promise<Outcome> {
  const { sink } = stack;
  sink.delay(sinkDelayMs);
  const accepted: Sent[] = [];
  const hasArrived = ({ token }: Sent): boolean => sink.arrivals(token).length > 0;
  let over = false;
  const load = sendPaced({ perSecond: backlog === 0 ? pace : overloadPerSecond, seconds: longestLoadSeconds, isOver: () => over }, async (_, dueAt) => {
    const sent = await trySubmit(entrant, dueAt);
    if (sent.id !== '') accepted.push(sent);
  });
  if (backlog === 0) await pause(calmSeconds * 1_000);
  else
    await requireUntil(`${backlog} messages to be outstanding`, () => accepted.filter((one) => !hasArrived(one)).length >= backlog, longestLoadSeconds * 1_000);
  over = true;
  await entrant.kill();
  const killed = { at: nowMs(), wall: Date.now() };
  await load;
  const arrivedBefore = new Set(tokensOf(accepted.filter(hasArrived)));
  sink.delay(0);

  const restarted = { at: nowMs(), wall: Date.now() };
  await entrant.start();
  const readyMs = nowMs() - restarted.at;
  const ended = async (): Promise<boolean> => (await countOpenRuns(stack.temporal, entrant.contestant.taskQueue)) === 0;
  const settled = await waitUntil(async () => accepted.every(hasArrived) && (await ended()), settledMs, 100);
  const endedMs = settled ? nowMs() - restarted.at : Infinity;
  await pause(copyMs);

  const arrivals = accepted.flatMap(({ token }) => sink.arrivals(token)).filter((at) => at > killed.at);
  const twice = accepted.filter(({ token }) => sink.arrivals(token).length > 1);
  return {
    accepted: accepted.length,
    readyMs,
    lastHandOverMs: Math.max(...arrivals) - restarted.at,
    endedMs,
    lost: accepted.filter((one) => !hasArrived(one)).length,
    twice: twice.length,
    ...(await movements(stack, entrant, accepted, arrivedBefore, twice, { killed, restarted })),
  };
}

interface Instant {
  at: number;
  wall: number;
}

async function movements(
  stack: Stack,
  entrant: Entrant,
  accepted: readonly Sent[],
  arrivedBefore: ReadonlySet<string>,
  twice: readonly Sent[],
  { killed, restarted }: { killed: Instant; restarted: Instant },
): Promise<Pick<Outcome, 'outstanding' | 'inMidSend' | 'moved' | 'movedFromMidSend' | 'twiceUnflagged'>> {
  if (laneOf(entrant.contestant) === null) {
    const left = accepted.filter(({ token }) => !arrivedBefore.has(token));
    const moved = left.flatMap(({ token }) => (stack.sink.arrivals(token)[0] ?? NaN) - restarted.at);
    return { outstanding: left.length, inMidSend: NaN, moved, movedFromMidSend: [], twiceUnflagged: twice.length };
  }
  const { service } = houseOf(stack, entrant);
  const details = await sendAll(accepted.length, 8, (index) => service.findDispatch(accepted[index]!.id));
  const outstanding = details.filter(({ endedAt }) => endedAt === null || Date.parse(endedAt) > killed.wall);
  const isMidSend = ({ attempts }: DispatchDetail): boolean =>
    attempts.some(({ startedAt, finishedAt }) => Date.parse(startedAt) < killed.wall && (finishedAt === null || Date.parse(finishedAt) > killed.wall));
  const movedAfter = ({ timeline }: DispatchDetail): number => {
    const first = timeline.find(({ at }) => Date.parse(at) >= restarted.wall);
    return first ? Date.parse(first.at) - restarted.wall : Infinity;
  };
  const flagged = new Set(details.filter(({ possibleDuplicate }) => possibleDuplicate).map(({ id }) => id));
  return {
    outstanding: outstanding.length,
    inMidSend: outstanding.filter(isMidSend).length,
    moved: outstanding.filter((one) => !isMidSend(one)).map(movedAfter),
    movedFromMidSend: outstanding.filter(isMidSend).map(movedAfter),
    twiceUnflagged: twice.filter(({ id }) => !flagged.has(id)).length,
  };
}

function judge(lane: Lane, { moved, movedFromMidSend }: Outcome): string[] {
  const seconds = Math.max(...moved, ...movedFromMidSend) / 1_000;
  const wanted = targetSeconds[lane];
  return [`${lane}: everything outstanding has moved, seconds`, `≤ ${wanted}`, figure(seconds), seconds <= wanted ? 'holds' : 'does not hold'];
}

function tell(title: string, one: Outcome): string[] {
  const seconds = (ms: number): string => (Number.isFinite(ms) ? figure(ms / 1_000) : ms === Infinity ? 'never' : '–');
  return [
    title,
    String(one.accepted),
    String(one.outstanding),
    Number.isNaN(one.inMidSend) ? 'not known' : String(one.inMidSend),
    seconds(one.readyMs),
    seconds(quantile(one.moved, 0.5)),
    seconds(quantile(one.moved, 1)),
    seconds(quantile(one.movedFromMidSend, 1)),
    seconds(one.lastHandOverMs),
    seconds(one.endedMs),
    `${one.lost} of ${one.accepted}`,
    `${one.twice} of ${one.accepted}`,
    `${one.twiceUnflagged} of ${one.twice}`,
  ];
}
