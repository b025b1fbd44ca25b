/** One campaign: load and faults side by side, then quiet, then people who decide, then the judge. */

import { until } from '../support/stack.js';
import { type Ask, createCaller } from './caller.js';
import { decideAll, unsettled } from './decide.js';
import { type Diary, openDiary } from './diary.js';
import { gather } from './evidence.js';
import { type Furniture, furnish, textOf } from './furnish.js';
import { voidKinds } from './happened.js';
import type { Finding } from './invariants/finding.js';
import { judge } from './judge.js';
import { pause } from './pause.js';
import type { Plan } from './plan.js';
import { play, type Scene } from './play.js';
import { readMails } from './reader.js';
import { sabotage } from './saboteur.js';
import { buildStage, type Stage } from './stage.js';
import type { Story } from './stories.js';
import { timelinesOf } from './timelines.js';
import { readVitals, type Vitals } from './vitals.js';

/** From the last fault until everything has ended or waits visibly, and from then until people have decided everything; milliseconds. */
const settleDeadlineMs = 60_000;
const decideDeadlineMs = 60_000;
const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
/** Stories under way at once: enough that what is held up does not hold up what comes after it. */
const atOnce = 250;
const lookMs = 250;
/** Shortly before the first fault of a plan, under load. */
const vitalsAtMs = 2_800;

export interface Outcome {
  plan: Plan;
  findings: Finding[];
  /** Of the dispatches that are named in them. */
  timelines: string;
  happened: Map<string, number>;
  /** Kinds of the plan that never happened: the campaign says nothing then. */
  never: string[];
  failedStarts: number;
  /** From the last fault and the last promise until everything had ended or waited visibly, and from then until people had decided it. */
  settledMs: number;
  decidedMs: number;
}

/** `tell` hears how far it is, one line at a time. */
export async function runCampaign(plan: Plan, tell: (line: string) => void = () => {}): Promise<Outcome> {
  const began = Date.now();
  const stage = await buildStage();
  tell(`up after ${seconds(Date.now() - began)}`);
  try {
    return await perform(plan, stage, tell);
  } finally {
    await stage.tear();
  }
}

async function perform(plan: Plan, stage: Stage, tell: (line: string) => void): Promise<Outcome> {
  const reader = readMails(stage.house);
  try {
    return await performBeside(reader, plan, stage, tell);
  } finally {
    await reader.stop();
  }
}

async function performBeside(reader: ReturnType<typeof readMails>, plan: Plan, stage: Stage, tell: (line: string) => void): Promise<Outcome> {
  const diary = openDiary();
  const doors = stage.apiUrls.map((url, instance) => ({ url, undisturbedSince: (at: number) => stage.crew.undisturbedSince('api', instance, at) }));
  const ask = createCaller(doors, diary, plan.patienceMs);
  let troubled = true;
  const scene: Scene = { stage, furniture: await furnish(stage, ask), ask, diary, seed: plan.seed, goesOn: () => troubled };
  const began = Date.now();
  const since = (at: number): string => seconds(Date.now() - at);
  const [sabotaged, before] = await allDone([
    sabotage(stage, plan.faults).finally(() => {
      troubled = false;
      tell(`faults over after ${since(began)}`);
    }),
    vitalsUnderLoad(stage),
    playAll(scene, plan.stories).finally(() => tell(`callers answered after ${since(began)}`)),
    edit(scene.furniture, stage, ask, diary, plan.editsAtMs),
  ]);
  const quietAt = Math.max(sabotaged.lastEndedAt, diary.lastPromiseAt);
  await settle(scene, quietAt + settleDeadlineMs);
  const settledMs = Date.now() - quietAt;
  tell(`settled ${seconds(settledMs)} after the last fault and the last promise`);
  const asked = Date.now();
  await decideAll(scene, decideDeadlineMs);
  const decidedMs = Date.now() - asked;
  tell(`decided after ${seconds(decidedMs)}`);
  const evidence = await gather(scene, await reader.stop(), before);
  tell('at rest');
  const findings = [...judge(evidence), ...ofMode(plan, evidence, stage)];
  return {
    plan,
    findings,
    timelines: await timelinesOf(
      stage.house,
      findings.flatMap((one) => one.broken),
    ),
    happened: sabotaged.happened,
    never: voidKinds(plan, sabotaged, stage.house.sandbox.journal.list()),
    failedStarts: stage.crew.failedStarts(),
    settledMs,
    decidedMs,
  };
}

/** What the processes say of themselves, and what only some plans ask for. */
function ofMode({ mode, faults }: Plan, { moves }: Awaited<ReturnType<typeof gather>>, { crew }: Stage): Finding[] {
  const stops = faults.filter((fault) => fault.what === 'restart').length;
  const doubted = moves.filter((one) => one.what === 'attempt' && one.became === 'in_doubt').map((one) => `attempt ${one.id} at ${one.at}`);
  const findings: Finding[] = [
    {
      no: '',
      what: 'no uncaught error, no process that ended by itself or did not drain',
      broken: crew.faults(),
      of: crew.outputs().length,
      unit: 'processes',
    },
  ];
  if (mode === 'drain') findings.push({ no: '', what: 'no attempt in doubt from a SIGTERM', broken: doubted, of: stops, unit: 'SIGTERMs' });
  return findings;
}

async function vitalsUnderLoad({ crew }: Stage): Promise<Vitals[]> {
  await pause(vitalsAtMs);
  return await readVitals(crew.pids());
}

async function playAll(scene: Scene, stories: readonly Story[]): Promise<void> {
  const began = Date.now();
  const playing = new Set<Promise<void>>();
  const errors: unknown[] = [];
  for (const story of stories) {
    await pause(began + story.atMs - Date.now());
    while (playing.size >= atOnce) await Promise.race(playing);
    const turn: Promise<void> = play(scene, story)
      .catch((error: unknown) => void errors.push(error))
      .finally(() => playing.delete(turn));
    playing.add(turn);
  }
  await Promise.all(playing);
  if (errors.length > 0) throw errors[0];
}

/** Waits for all of them, also when one has failed: what is still at work would disturb whatever comes next. */
async function allDone<T extends readonly unknown[]>(parts: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
  const failed = (await Promise.allSettled(parts)).find((one) => one.status === 'rejected');
  if (failed) throw failed.reason;
  return (await Promise.all(parts)) as unknown as T;
}

async function edit({ mailTemplate }: Furniture, { keys }: Stage, ask: Ask, diary: Diary, timesMs: readonly number[]): Promise<void> {
  const began = Date.now();
  for (const [i, atMs] of timesMs.entries()) {
    await pause(began + atMs - Date.now());
    const version = textOf(`edit ${i}`);
    const answer = await ask({
      as: keys.admin,
      method: 'POST',
      path: `/v1/templates/${mailTemplate}/versions`,
      body: { subject: 'For {{ who }}', ...version },
    });
    if (answer?.status === 201) diary.edited.push({ templateId: mailTemplate, body: version.body });
  }
}

/** Until nothing is on its way any more. */
async function settle(scene: Scene, deadlineAt: number): Promise<void> {
  let last: Awaited<ReturnType<typeof unsettled>> = [];
  await until(
    async () => {
      last = await unsettled(scene);
      if (last.length === 0) return true;
      await pause(lookMs);
      return false;
    },
    { deadlineMs: deadlineAt - Date.now(), what: 'everything to end or to wait visibly' },
  ).catch(async (error: Error) => {
    const left = last.map((one) => `${one.id} ${one.state}`);
    throw new Error(`${error.message} Left: ${left.join(', ')}\n${await timelinesOf(scene.stage.house, left)}`);
  });
}
