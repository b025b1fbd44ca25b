import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import { eq, sql } from 'drizzle-orm';
import fc from 'fast-check';
import { addRevision } from '../../db/submit.js';
import * as schema from '../../db/schema/index.js';
import type { EndState } from '../../domain/dispatch.js';
import type { AttemptOutcome, EndReason } from '../../domain/next-step.js';
import { depth, patience } from './depth.js';
import { type Copy, Hand, Injected, type ProviderAnswer, type Token } from './hand.js';
import { LedgerModel, newRun } from './ledger-model.js';
import { type Case, type ChannelKind, buildRig, clientWrites, type ReceiptStatus, report, revisionOn, type Rig, workerOf } from './rig.js';
import { judge } from './truth.js';

const runs = 120;
const mostHands = 4;

let rig: Rig;
/** What has been added to the clock. */
let passedMs = 0;

beforeAll(async () => {
  rig = await buildRig();
  const now = performance.now.bind(performance);
  jest.spyOn(performance, 'now').mockImplementation(() => now() + passedMs);
});
afterEach(async () => await rig.db.update(schema.installation).set({ sendEpoch: 1 }));
afterAll(async () => {
  console.log(
    stats,
    await rig.db.execute(sql`select attempt_no is null as d, from_state, to_state, count(*)::int from moves group by 1,2,3 order by 1,2,3`),
    await rig.db.execute(sql`select n, count(*) from (select count(*) as n from attempts group by dispatch_id) x group by 1`),
  );
  jest.restoreAllMocks();
  await rig?.drop();
});

/** The dispatch in the database, and the workers that have a hand in it. */
interface Real {
  one: Case;
  hands: Hand[];
  faults: unknown[];
  /** What the run's own hand has left to be written down. */
  unrecorded: unknown;
  /** Activities of the run itself. */
  acts: ReturnType<typeof workerOf>;
}

type Command = fc.AsyncCommand<LedgerModel, Real, false>;

/** A step that fits the model, and what it does to both; afterwards the ledger says what the model says. */
const stats: Record<string, number> = {};
const command = (title: string, fits: (model: Readonly<LedgerModel>) => boolean, run: (model: LedgerModel, real: Real) => Promise<void>): Command => ({
  check: fits,
  run: async (model, real) => {
    const k = title.replace(/\d/g, '');
    stats[k] = (stats[k] ?? 0) + 1;
    await run(model, real);
    await compare(model, real);
  },
  toString: () => title,
});

async function compare(model: LedgerModel, { one, hands, faults }: Real): Promise<void> {
  const now = await rig.snapshot(one);
  expect(judge(now, model.truth)).toEqual([]);
  expect(Object.fromEntries(now.attempts.map((row) => [row.attemptNo, `${row.state} ${row.generation}`]))).toEqual(model.states());
  const { state, endReason, possibleDuplicate, messageStatus, inDoubt } = now.dispatch;
  if (model.isDoubted()) expect(inDoubt).toBe(true);
  const end = model.end
    ? { state: model.end.state, endReason: model.end.reason }
    : { state: expect.not.stringMatching(/^(completed|rejected|cancelled|expired|failed)$/), endReason: null };
  expect({ state, endReason, possibleDuplicate, messageStatus }).toEqual({ ...end, possibleDuplicate: model.flagged, messageStatus: model.status });
  expect(hands.map((hand) => hand.at)).toEqual(model.hands.map((hand) => hand.at));
  expect(faults.filter((error) => !(error instanceof Injected))).toEqual([]);
}

const wordOf = (outcome: AttemptOutcome): string => (outcome.kind === 'decided' ? (outcome.fresh ? 'fresh' : 'same') : outcome.kind);
const refOf = (one: Case, { attemptNo, generation, revision }: Token) => ({ dispatchId: one.dispatchId, attemptNo, generation, revision });

/** Once round the loop: check, render, and a worker takes up the attempt. */
const begin = command(
  'begin',
  ({ run, hands }) => run.phase === 'ready' && hands.filter((hand) => hand.at !== null).length < mostHands,
  async (model, real) => {
    const { run } = model;
    const { one, acts } = real;
    const check = await acts.checkEligibility({ dispatchId: one.dispatchId, ...run.token, pick: null, firstCheck: run.isNew });
    if ('overtaken' in check) throw new Error('Nobody else moved the dispatch while it was checked.');
    if (run.isNew && !model.end) {
      run.token = { ...model.position(), sendEpoch: run.token.sendEpoch };
      expect(check.position).toEqual({ attemptNo: run.token.attemptNo, generation: run.token.generation, revision: run.token.revision });
    }
    run.isNew &&= model.end !== null;
    const row = model.attempts.get(run.token.attemptNo);
    const stored = row !== undefined && (row.owner !== null || row.state === 'reconciled_sent');
    if (!model.end && !stored) model.revision = run.token.revision;
    const goes = !model.end && (stored || model.isEligible());
    expect(check.step.kind === 'send').toBe(goes);
    if (!goes) return;
    const { channelId, contactPointId, dispatchId } = one;
    expect(await acts.renderTemplate({ dispatchId, revision: run.token.revision, channelId, contactPointId })).toEqual({ rendered: true });
    const token = { ...run.token };
    model.past.push(token);
    model.hands.push({ token, at: 'deliver.before-claim', told: null, answer: 'accepted', expired: false });
    run.hand = model.hands.at(-1)!;
    run.phase = 'sending';
    run.waitsFor = null;
    real.hands.push(await Hand.begin({ db: rig.db, one, token, copies: model.truth.copies, faults: (error) => real.faults.push(error) }));
  },
);

const alive = (model: Readonly<LedgerModel>, pick: number) =>
  model.hands.flatMap((hand, i) => (hand.at === null ? [] : [i])).at(pick % Math.max(1, model.hands.filter((hand) => hand.at !== null).length));

/** The run hears the result of its own hand; nobody hears the others. */
function hear(model: LedgerModel, real: Real, index: number, wasRuns: boolean): void {
  const hand = real.hands[index]!;
  if (hand.result === null || !wasRuns) return;
  real.unrecorded = hand.result.unrecorded;
  if (model.run.phase === 'owes') expect(hand.result.unrecorded).not.toBeNull();
  else expect(hand.result.unrecorded).toBeNull();
}

const step = (pick: number, answer: ProviderAnswer, fails: boolean): Command =>
  command(
    `hand ${pick} ${fails ? 'fails' : 'goes on'} (${answer})`,
    (model) => alive(model, pick) !== undefined,
    async (model, real) => {
      const index = alive(model, pick)!;
      const hand = model.hands[index]!;
      const own = model.run.hand === hand;
      model.move(hand, answer, fails);
      await (fails ? real.hands[index]!.fail() : real.hands[index]!.goOn(answer));
      const { result } = real.hands[index]!;
      if (hand.at === null && hand.told !== null && hand.told !== 'claimed' && result?.unrecorded === null) expect(wordOf(result.outcome)).toBe(hand.told);
      hear(model, real, index, own);
    },
  );

/** The worker dies; if it was the run's, the run does not know yet. */
const die = (pick: number): Command =>
  command(
    `hand ${pick} dies`,
    (model) => alive(model, pick) !== undefined,
    async (model, real) => {
      const index = alive(model, pick)!;
      const hand = model.hands[index]!;
      hand.at = null;
      if (model.run.hand === hand) {
        model.run.hand = null;
        model.run.phase = 'waits';
      }
      await real.hands[index]!.die();
    },
  );

/** Temporal gives the hand up, or the run asks again: the ledger is asked; the hand may go on all the same. */
const ask = command(
  'ask',
  ({ run }) => run.phase === 'sending' || run.phase === 'waits',
  async (model, { one, acts }) => {
    const { token } = model.run;
    const ref = refOf(one, token);
    const expected = model.ask(token);
    expect(wordOf(await acts.reconcileAttempt(ref))).toBe(expected);
    model.follow(expected);
  },
);

const record = command(
  'record',
  ({ run }) => run.phase === 'owes',
  async (model, { one, acts, unrecorded }) => {
    const ref = refOf(one, model.run.token);
    // The hand is needed once more to tell whose row it is.
    const expected = model.record();
    expect(wordOf(await acts.recordOutcome({ ...ref, unrecorded: unrecorded as never }))).toBe(expected);
    model.follow(expected);
  },
);

const timePasses = command(
  'time passes',
  ({ hands }) => hands.length > 0,
  async (model, { one }) => {
    model.timePasses();
    passedMs += 3 * 3_600_000;
    await rig.db
      .update(schema.attempts)
      .set({ sendDeadlineAt: sql`now() - interval '1 second'` })
      .where(eq(schema.attempts.dispatchId, one.dispatchId));
  },
);

const receipt = (pick: number, status: ReceiptStatus, byOurId: boolean): Command =>
  command(
    `${status} of copy ${pick} by ${byOurId ? 'our' : 'its'} id`,
    ({ kind, truth }) => kind === 'whatsapp' && truth.copies.length > 0,
    async (model, { one }) => {
      const { attemptNo, attemptId } = model.truth.copies[pick % model.truth.copies.length] as Copy;
      model.receive(attemptNo, status, byOurId);
      await report(rig.db, one.channelId, attemptId, status, byOurId);
    },
  );

const resolve = (outcome: 'sent' | 'not_sent' | 'resend' | 'parked'): Command =>
  command(
    `resolve ${outcome}`,
    ({ run }) => run.phase === 'doubt' || (run.phase === 'asks' && outcome !== 'parked'),
    async (model, { one, acts }) => {
      const ref = refOf(one, model.run.token);
      model.resolve(outcome);
      await acts.recordResolution({ ...ref, outcome, actorId: outcome === 'parked' ? null : 'agent-1' });
    },
  );

/** The channel's policy repeats what is in doubt, under the same key. */
const repeat = command(
  'repeat',
  ({ run }) => run.phase === 'doubt',
  async (model) => {
    model.next(false);
    model.run.waitsFor = 'retry';
  },
);

const readReceipts = command(
  'read receipts',
  ({ run, kind }) => run.phase === 'accepted' && kind === 'whatsapp',
  async (model, { one, acts }) => {
    const { failure } = await acts.readReceipts({ dispatchId: one.dispatchId, attemptNo: model.run.token.attemptNo });
    expect(failure !== null).toBe(model.isRefusedLate());
    if (!failure) return;
    model.next(true);
    model.run.waitsFor = 'template';
  },
);

const asked: { state: EndState; reason: EndReason }[] = [
  { state: 'cancelled', reason: 'CANCELLED_BY_STAFF' },
  { state: 'failed', reason: 'INTERNAL' },
  { state: 'failed', reason: 'ABANDONED' },
  { state: 'rejected', reason: 'CLIENT_BLOCKED' },
  { state: 'expired', reason: 'OUTCOME_UNKNOWN' },
];
const end = (index: number): Command =>
  command(
    `end ${asked[index]!.state} ${asked[index]!.reason}`,
    () => true,
    async (model, { one, acts }) => {
      const expected = model.finish(asked[index]!);
      expect(await acts.endDispatch({ dispatchId: one.dispatchId, ...asked[index]! })).toMatchObject(expected ?? { stillSendingMs: expect.any(Number) });
    },
  );
const complete = command(
  'complete',
  ({ run, kind }) => run.phase === 'accepted' && kind === 'email',
  async (model, { one, acts }) => {
    expect(await acts.endDispatch({ dispatchId: one.dispatchId, state: 'completed', reason: null })).toMatchObject(
      model.finish({ state: 'completed', reason: null }) ?? { stillSendingMs: expect.any(Number) },
    );
  },
);

const dispose = command(
  'dispose',
  ({ run, kind }) => run.phase === 'accepted' && kind === 'whatsapp',
  async (_model, { one, acts }) => void (await acts.closeThread({ dispatchId: one.dispatchId, repair: null, actorId: null })),
);

const waits = {
  retry: { state: 'sending', waitingFor: 'retry' },
  template: { state: 'needs_template', waitingFor: 'template' },
  doubt: { state: 'outcome_unknown', waitingFor: 'outcome' },
  asks: { state: 'outcome_unknown', waitingFor: 'outcome' },
  accepted: { state: 'awaiting_receipt', waitingFor: 'receipt' },
} as const;
const waitOf = ({ run, kind }: Readonly<LedgerModel>): keyof typeof waits | null => {
  if (run.phase === 'ready') return run.waitsFor;
  return run.phase === 'doubt' || run.phase === 'asks' || (run.phase === 'accepted' && kind === 'whatsapp') ? run.phase : null;
};
const wait = (parks: boolean): Command =>
  command(
    `wait${parks ? ', parked' : ''}`,
    (model) => waitOf(model) !== null,
    async (model, { one, acts }) => {
      const { state, waitingFor } = waits[waitOf(model)!];
      const releaseThread = parks && waitingFor !== 'receipt' && waitingFor !== 'retry';
      await acts.recordWait({ dispatchId: one.dispatchId, state, waitingFor, waitMs: 60_000, reason: null, releaseThread });
      // It ends or waits visibly (I1); only a run that was set back behind an acceptance is not asked about.
      const isBehind = model.run.phase !== 'accepted' && model.run.waitsFor !== 'template' && model.wasAccepted();
      if (!model.end && !isBehind) expect((await rig.snapshot(one)).dispatch).toMatchObject({ state, waitingFor });
    },
  );

/** The run is lost, and another one begins from the ledger. */
const restart = command(
  'restart',
  () => true,
  async (model) => void (model.run = newRun()),
);

/** The run is set back to an earlier attempt. */
const reset = (pick: number): Command =>
  command(
    `reset ${pick}`,
    ({ past }) => past.length > 0,
    async (model) => void (model.run = newRun({ ...model.past[pick % model.past.length]! }, false)),
  );

const revise = command(
  'revise',
  ({ run, end: ended, past }) => run.phase === 'ready' && !run.isNew && !ended && past.length > 0,
  async (model, { one }) => {
    model.run.token.revision = await addRevision(rig.db, one.dispatchId, revisionOn(one.channelId, one.kind));
    model.run.token.generation += 1;
  },
);

const raiseEpoch = command(
  'raise the epoch',
  () => true,
  async (model) => {
    model.epoch += 1;
    await rig.db.update(schema.installation).set({ sendEpoch: model.epoch });
  },
);

const block = command(
  'block or unblock',
  () => true,
  async (model, { one }) => {
    model.blocked = !model.blocked;
    await rig.db.delete(schema.blocks).where(eq(schema.blocks.clientId, one.clientId));
    if (model.blocked) await rig.db.insert(schema.blocks).values({ id: crypto.randomUUID(), clientId: one.clientId, origin: 'staff' });
  },
);

const inbound = command(
  'the client writes',
  ({ clientWrote }) => !clientWrote,
  async (model, { one }) => {
    model.clientWrote = true;
    await clientWrites(rig.db, one);
  },
);

type Word = 'sent' | 'not_sent' | 'resend' | 'parked' | 'repeat';

/** What the run does by itself where it stands; a person's word or the channel's policy where it waits for one. */
function nextOf({ run, hands }: Readonly<LedgerModel>, answer: ProviderAnswer, fails: boolean, word: Word): Command {
  switch (run.phase) {
    case 'ready':
      return begin;
    case 'sending':
      return step(hands.filter((hand) => hand.at !== null).indexOf(run.hand!), answer, fails);
    case 'owes':
      return record;
    case 'waits':
      return ask;
    case 'doubt':
    case 'asks':
      return word === 'repeat' ? repeat : resolve(word);
    case 'accepted':
      return answer === 'accepted' ? complete : answer === 'lost' ? wait(false) : answer === 'unsent' ? dispose : readReceipts;
  }
}
const goOn = (answer: ProviderAnswer, fails: boolean, word: Word): Command => ({
  check: (model) => nextOf(model, answer, fails, word).check(model),
  run: (model, real) => nextOf(model, answer, fails, word).run(model, real),
  toString: () => `go on (${answer}${fails ? ', fails' : ''}, ${word})`,
});

const answers = fc.constantFrom<ProviderAnswer>('accepted', 'lost', 'lost', 'unsent', 'temporary', 'permanent');
const seldom = fc.integer({ min: 0, max: 11 }).map((luck) => luck === 11);
const words = fc.constantFrom<Word>('sent', 'not_sent', 'resend', 'parked', 'repeat');

/** What happens in every story, and what happens in some: few disturbances at once lead further than all of them. */
const course: fc.Arbitrary<Command>[] = [
  ...Array.from({ length: 8 }, () => fc.tuple(answers, seldom, words).map((args) => goOn(...args))),
  ...Array.from({ length: 2 }, () => fc.tuple(fc.nat(mostHands - 1), answers, seldom).map((args) => step(...args))),
  fc.constant(ask),
];
const disturbances: fc.Arbitrary<Command>[] = [
  ...[timePasses, restart, raiseEpoch, inbound, block, revise].map((one) => fc.constant(one)),
  fc.nat(mostHands - 1).map(die),
  fc.nat(9).map(reset),
  fc.nat(asked.length - 1).map(end),
  fc.boolean().map(wait),
];
const story = (...more: fc.Arbitrary<Command>[]) =>
  fc.subarray(disturbances, { minLength: 1, maxLength: 4 }).chain((some) => fc.commands([...course, ...more, ...some], { maxCommands: 50, size: 'max' }));
const receipts = fc.tuple(fc.nat(3), fc.constantFrom<ReceiptStatus>('sent', 'delivered', 'read', 'failed'), fc.boolean()).map((args) => receipt(...args));

async function play(kind: ChannelKind, commands: Iterable<Command>): Promise<void> {
  const one = await rig.newCase(kind);
  await rig.db
    .insert(schema.installation)
    .values({ sendEpoch: 1 })
    .onConflictDoUpdate({ target: schema.installation.id, set: { sendEpoch: 1 } });
  const faults: unknown[] = [];
  const acts = workerOf({
    db: rig.db,
    checkpoint: () => {},
    send: () => Promise.reject(new Error('A run hands nothing over itself.')),
    faults: (error) => faults.push(error),
  });
  const real: Real = { one, hands: [], faults, unrecorded: null, acts };
  try {
    await fc.asyncModelRun(() => ({ model: new LedgerModel(kind), real }), commands);
  } finally {
    for (const hand of real.hands) if (hand.at !== null) await hand.die();
  }
}

test(
  'I2 I4 I6 H1 H3 H11 H12 H14 an email dispatch does what its model does, whatever happens in whatever order',
  async () => {
    await fc.assert(
      fc.asyncProperty(story(), (commands) => play('email', commands)),
      depth(runs),
    );
  },
  patience(runs),
);

test(
  'I2 I4 I6 I12 H1 H3 H7 H11 H12 H14 a chat dispatch with its receipts and its thread does what its model does, whatever happens in whatever order',
  async () => {
    await fc.assert(
      fc.asyncProperty(story(receipts, receipts), (commands) => play('whatsapp', commands)),
      depth(runs),
    );
  },
  patience(runs),
);
