import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { eq, sql } from 'drizzle-orm';
import fc from 'fast-check';
import type { Database } from '../../db/connect.js';
import * as schema from '../../db/schema/index.js';
import { settleAttempt } from '../../db/settle.js';
import type { Answer } from '../../db/settle.js';
import type { EndReason } from '../../domain/next-step.js';
import { depth, patience } from './depth.js';
import { type Copy, deliver, outcomes, type ProviderAnswer, takes, type Token } from './hand.js';
import { type Actor, openStage, type Stage, type Turn } from './interleaving.js';
import { buildRig, type Case, clientWrites, externalIdOf, type ReceiptStatus, report, type Rig, type Send, workerOf } from './rig.js';
import { judge, newTruth, type Truth } from './truth.js';

const runs = 150;
const mostActors = 4;

let rig: Rig;
let stage: Stage;
/** What has been added to the clock. */
let passedMs = 0;

beforeAll(async () => {
  rig = await buildRig();
  await rig.db.execute(sql.raw(`alter database ${new URL(rig.database.url).pathname.slice(1)} set deadlock_timeout = '50ms'`));
  stage = await openStage(rig.database.url, mostActors);
  const now = performance.now.bind(performance);
  jest.spyOn(performance, 'now').mockImplementation(() => now() + passedMs);
});
afterAll(async () => {
  jest.restoreAllMocks();
  await stage?.close();
  await rig?.drop();
});

/** One dispatch between its actors. */
interface Scene {
  one: Case;
  truth: Truth;
  /** The ledger says that it is over: whoever hands over now is too late. */
  over: boolean;
  wrong: string[];
}

const token = (attemptNo: number): Token => ({ attemptNo, generation: attemptNo, revision: 1, sendEpoch: 1 });
const refOf = ({ one }: Scene, attemptNo: number) => ({ dispatchId: one.dispatchId, attemptNo, generation: attemptNo, revision: 1 });
const nobody: Turn = async () => {};

function workerIn(scene: Scene, db: Database, turn: Turn, answer: ProviderAnswer) {
  const send: Send = async (_message, { attemptId, attemptNo, assertMayHandOver }) => {
    assertMayHandOver();
    if (takes(answer)) scene.truth.copies.push({ attemptNo, attemptId });
    if (scene.over) scene.wrong.push(`attempt ${attemptNo} was handed over after the end`);
    await turn('the provider answers');
    return outcomes[answer](attemptId);
  };
  return {
    db,
    checkpoint: (name: string) => (name === 'deliver.leaving' ? undefined : turn(name)),
    send,
    faults: (error: unknown) => void scene.wrong.push(String((error as Error).cause ?? error)),
  };
}
const actsIn = (scene: Scene, db: Database, turn: Turn) => workerOf(workerIn(scene, db, turn, 'unsent'));

async function check(scene: Scene, db: Database, turn: Turn, attemptNo: number): Promise<void> {
  const { dispatchId, channelId, contactPointId } = scene.one;
  const acts = actsIn(scene, db, turn);
  const found = await acts.checkEligibility({ dispatchId, revision: 1, attemptNo, generation: 1, pick: null, firstCheck: false });
  if (!('overtaken' in found) && found.step.kind === 'send') await acts.renderTemplate({ dispatchId, revision: 1, channelId, contactPointId });
}

async function timePasses(scene: Scene): Promise<void> {
  passedMs += 3 * 3_600_000;
  await rig.db
    .update(schema.attempts)
    .set({ sendDeadlineAt: sql`now() - interval '1 second'` })
    .where(eq(schema.attempts.dispatchId, scene.one.dispatchId));
}

/** Where a dispatch stands when several come to it at once; its first attempt was handed over, and its owner still has the answer. */
const situations = ['fresh', 'sending', 'overdue', 'in_doubt', 'parked', 'refused', 'accepted'] as const;
type Situation = (typeof situations)[number];

async function prepare(scene: Scene, situation: Situation): Promise<void> {
  const { one, truth } = scene;
  const acts = actsIn(scene, rig.db, nobody);
  await check(scene, rig.db, nobody, 1);
  if (situation === 'fresh') return;
  if (situation === 'refused' || situation === 'accepted') {
    await deliver(workerIn(scene, rig.db, nobody, situation === 'refused' ? 'temporary' : 'accepted'), one, token(1));
    return;
  }
  // Its answer never reaches the ledger: an actor may bring it.
  const worker = workerIn(scene, rig.db, nobody, 'accepted');
  const checkpoint = (name: string): void => {
    if (name === 'deliver.answered') throw new Error('later');
  };
  await deliver({ ...worker, checkpoint, faults: () => {} }, one, token(1));
  expect(truth.copies).toHaveLength(1);
  if (situation === 'sending') return;
  await timePasses(scene);
  if (situation === 'overdue') return;
  expect(await acts.reconcileAttempt(refOf(scene, 1))).toMatchObject({ kind: 'unknown' });
  if (situation === 'parked') await acts.recordResolution({ ...refOf(scene, 1), outcome: 'parked', actorId: null });
}

type Part =
  | { does: 'deliver'; attemptNo: number; answer: ProviderAnswer }
  | { does: 'check' | 'ask'; attemptNo: number }
  | { does: 'owner' | 'park' | 'dispose' | 'inbound' | 'clock' }
  | { does: 'receipt'; status: ReceiptStatus; byOurId: boolean }
  | { does: 'resolve'; outcome: 'sent' | 'not_sent' }
  | { does: 'end'; state: 'cancelled' | 'failed'; reason: EndReason };

const doubts: readonly Situation[] = ['in_doubt', 'parked'];
const handedOver: readonly Situation[] = ['sending', 'overdue', ...doubts];

/** Who may come by at all: nobody resolves what is not in doubt, and the next attempt begins once the one before is over. */
function fits(situation: Situation, part: Part): boolean {
  switch (part.does) {
    case 'deliver':
    case 'check':
    case 'ask':
      return part.attemptNo === 1 || [...doubts, 'refused'].includes(situation);
    case 'owner':
      return handedOver.includes(situation);
    case 'receipt':
      // The provider's own id is known once its answer is written down.
      return situation === 'accepted' || (part.byOurId && handedOver.includes(situation));
    case 'resolve':
    case 'park':
      return doubts.includes(situation);
    case 'dispose':
      return situation === 'accepted';
    default:
      return true;
  }
}

const delivered = (attemptId: string): Answer => ({
  kind: 'accepted',
  externalIds: [externalIdOf(attemptId)],
  canonicalValue: null,
  recipients: [],
  sentWithoutReceipt: false,
});

function actorOf(scene: Scene, part: Part): Actor {
  const { one, truth } = scene;
  const { dispatchId } = one;
  const first = (): Copy => truth.copies.find((copy) => copy.attemptNo === 1)!;
  const name = Object.values(part).join(' ');
  const actor = (act: Actor['act']): Actor => ({ name, act });
  switch (part.does) {
    case 'deliver':
      return actor((db, turn) => deliver(workerIn(scene, db, turn, part.answer), one, token(part.attemptNo)));
    case 'check':
      return actor((db, turn) => check(scene, db, turn, part.attemptNo));
    case 'ask':
      return actor((db, turn) => actsIn(scene, db, turn).reconcileAttempt(refOf(scene, part.attemptNo)));
    case 'owner':
      return actor((db) => settleAttempt(db, first().attemptId, delivered(first().attemptId)));
    case 'receipt': {
      truth.receipts.set(1, (truth.receipts.get(1) ?? new Set()).add(part.status));
      return actor((db) => report(db, one.channelId, first().attemptId, part.status, part.byOurId));
    }
    case 'resolve':
      (part.outcome === 'sent' ? truth.saidSent : truth.denied).add(1);
      return actor((db, turn) => actsIn(scene, db, turn).recordResolution({ ...refOf(scene, 1), outcome: part.outcome, actorId: 'agent-1' }));
    case 'park':
      return actor(async (db, turn) => {
        const acts = actsIn(scene, db, turn);
        await acts.recordResolution({ ...refOf(scene, 1), outcome: 'parked', actorId: null });
        await acts.recordWait({ dispatchId, state: 'outcome_unknown', waitingFor: 'outcome', waitMs: 60_000, reason: null, releaseThread: true });
      });
    case 'dispose':
      return actor((db, turn) => actsIn(scene, db, turn).closeThread({ dispatchId, repair: null, actorId: null }));
    case 'inbound':
      return actor((db) => clientWrites(db, one));
    case 'end':
      return actor(async (db, turn) => {
        const { state, reason } = part;
        const end = () => actsIn(scene, db, turn).endDispatch({ dispatchId, state, reason });
        // As Temporal does with a step that fails.
        return await end().catch((error: Error) => (error.message.includes('it is asked again') ? end() : Promise.reject(error)));
      });
    case 'clock':
      return actor(async (_db, turn) => {
        await turn('time passes');
        await timePasses(scene);
      });
  }
}

const answers = fc.constantFrom<ProviderAnswer>('accepted', 'accepted', 'lost', 'temporary', 'unsent');
const attemptNo = fc.constantFrom(1, 2);
const parts: fc.Arbitrary<Part> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ does: fc.constant('deliver' as const), attemptNo, answer: answers }) },
  { weight: 3, arbitrary: fc.record({ does: fc.constantFrom('check' as const, 'ask' as const, 'ask' as const), attemptNo }) },
  {
    weight: 5,
    arbitrary: fc.record({
      does: fc.constantFrom('owner' as const, 'owner' as const, 'park' as const, 'dispose' as const, 'inbound' as const, 'clock' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant('receipt' as const),
      status: fc.constantFrom<ReceiptStatus>('sent', 'delivered', 'read', 'failed'),
      byOurId: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('resolve' as const), outcome: fc.constantFrom('sent' as const, 'not_sent' as const) }) },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Part>(
      { does: 'end', state: 'cancelled', reason: 'CANCELLED_BY_STAFF' },
      { does: 'end', state: 'failed', reason: 'ABANDONED' },
      { does: 'end', state: 'failed', reason: 'INTERNAL' },
    ),
  },
);
const play = fc.constantFrom(...situations).chain((situation) =>
  fc.record({
    situation: fc.constant(situation),
    cast: fc.array(
      parts.filter((part) => fits(situation, part)),
      { minLength: 2, maxLength: mostActors },
    ),
  }),
);

/** Afterwards: time passes, everybody asks, the dispatch is ended, and the provider reports what it has. */
async function finish(scene: Scene): Promise<void> {
  const { one, truth } = scene;
  const acts = actsIn(scene, rig.db, nobody);
  await timePasses(scene);
  for (const no of [1, 2]) await acts.reconcileAttempt(refOf(scene, no));
  await acts.endDispatch({ dispatchId: one.dispatchId, state: 'cancelled', reason: 'CANCELLED_BY_STAFF' });
  expect(judge(await rig.snapshot(one), truth)).toEqual([]);
  for (const { attemptNo: no, attemptId } of truth.copies) {
    truth.receipts.set(no, (truth.receipts.get(no) ?? new Set()).add('delivered'));
    await report(rig.db, one.channelId, attemptId, 'delivered', true);
  }
  const proved = await rig.snapshot(one);
  expect(judge(proved, truth)).toEqual([]);
  // With the proofs in, a person's word is no excuse any more.
  expect(truth.copies.length <= 1 || proved.dispatch.possibleDuplicate).toBe(true);
}

test(
  'I2 I4 I5 I6 H1 H3 H7 H8 H12 whoever comes to a dispatch at once, statement by statement: no copy twice, none after the end, no false end',
  async () => {
    const seen = { statements: 0, copies: 0 };
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), play, async (scheduler, { situation, cast }) => {
        const one = await rig.newCase('whatsapp');
        const scene: Scene = { one, truth: newTruth(), over: false, wrong: [] };
        await prepare(scene, situation);
        const ends = await stage.play(
          scheduler,
          cast.map((part) => actorOf(scene, part)),
          async () => {
            const now = await rig.snapshot(one);
            scene.over = ['completed', 'rejected', 'cancelled', 'expired', 'failed'].includes(now.dispatch.state);
            if (now.attempts.filter((row) => row.state === 'sending').length > 1) scene.wrong.push('two attempts are sending');
            seen.statements += 1;
          },
        );
        seen.copies += scene.truth.copies.length;
        expect(ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []))).toEqual([]);
        expect(scene.wrong).toEqual([]);
        expect(judge(await rig.snapshot(one), scene.truth)).toEqual([]);
        await finish(scene);
      }),
      depth(runs),
    );
    console.log(`${JSON.stringify(seen)} in ${runs} plays`);
  },
  patience(runs),
);
