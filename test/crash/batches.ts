/** Batches of dispatches whose worker is cut off at named places, and what must come of each (H1–H3, H11, I1–I4). */

import { expect } from '@jest/globals';
import { eq, inArray, sql } from 'drizzle-orm';
import * as schema from '../../db/schema/index.js';
import type { ChannelPolicy, LanePolicy } from '../../domain/channel.js';
import { isEndState } from '../../domain/dispatch.js';
import { resolveOutcome } from '../../workflows/dispatch-message.contract.js';
import { type CrashPlan, type CrashPoint, type CrashSignal, nowLine, reachedLine } from '../support/crash-plan.js';
import {
  addClient,
  addEmailChannel,
  addWhatsappChannel,
  buildHouse,
  chat,
  freshPhone,
  mail,
  openWindow,
  quickPolicy,
  report,
  say,
  submit,
} from '../support/house.js';
import { type TestProcess, until } from '../support/stack.js';
import { patientLadder } from './cut-off.js';
import { judge, readAccounts } from './judge.js';
import { type ChannelType, type Place, placesOf } from './points.js';

/** Long enough that every dispatch of a batch comes to its place before the first one's attempt times out. */
const policy = {
  ...quickPolicy,
  ladder: { ...patientLadder, replyMs: 4_000, exchangeMs: 5_500, sendDeadlineMs: 6_000, startToCloseMs: 7_000 },
  retry: { deadlineMs: 120_000, initialMs: 200, maximumMs: 1_000 },
  unknownWaitMs: 500,
  receiptWindowMs: 500,
  // All of a batch stand in a send at the same time.
  maxInFlight: 200,
};

/** Rungs for a life that asks the ledger about a send which is still in its time, however slowly its worker starts; milliseconds. */
const unhurriedLadder = { ...patientLadder, sendDeadlineMs: 9_000, startToCloseMs: 10_000 };

/** How long dispatches of a stage are waited for; what a busy machine runs a second time may have gone past its place. Milliseconds. */
const arrivalMs = 30_000;
/** No step that is held lasts longer before the run goes on without it; milliseconds. */
const holdMs = 11_000;
/** A batch that did not come to its places is halved so often that a quarter of it has to. */
const mostTries = 3;

/** A dispatch and the place it is cut off at. */
export interface Subject {
  place: Place;
  dispatchId: string;
  points: CrashPoint[][];
}

export type Batches = Awaited<ReturnType<typeof buildBatches>>;

/** A house whose workers are cut off; in the `auto` lane a channel stays express whatever happens on it. */
export async function buildBatches(lane: LanePolicy) {
  const house = await buildHouse({ workerEntry: 'test/support/crash-worker.js', withWorker: false });
  const channels = await addChannels({ ...policy, lane }, '100');
  const unhurried = await addChannels({ ...policy, lane, ladder: unhurriedLadder }, '200');
  await house.control('PUT', '/receipt-behaviour', { mode: 'none' });
  await house.db.execute(
    sql.raw(`create function untroubled() returns trigger language plpgsql as $$ begin new.troubled_at := null; return new; end $$;
      create trigger untroubled before update on channels for each row execute function untroubled();`),
  );
  const workers: TestProcess[] = [];
  let points = 0;
  let batches = 0;
  let longestMs = 0;
  return { house, runBatch, drainsLeaveNoDoubt, leave, tell: () => `${points} points, none held for longer than ${longestMs} ms` };

  async function addChannels(set: Partial<ChannelPolicy>, number: string): Promise<Record<ChannelType, string>> {
    return { email: await addEmailChannel(house, set), whatsapp: await addWhatsappChannel(house, set, number) };
  }

  /** In the express lane a send past its deadline is told with the next claim, and nobody asks the ledger. */
  function channelOf({ channel, lives }: Place): string {
    const asks = lives.flat().some((step) => step.checkpoint.startsWith('reconcile.'));
    return (lane === 'auto' && asks ? unhurried : channels)[channel];
  }

  /** A batch that did not come to its places as a whole is held to what must never happen, and done again in two halves. */
  async function runBatch(signal: CrashSignal, places: Place[], tries = 1): Promise<Subject[]> {
    batches += 1;
    const subjects = await Promise.all(places.map(prepare));
    const lives = Math.max(...places.map((place) => place.lives.length));
    const frozen: TestProcess[] = [];
    let missed: string[] = [];
    for (let life = 0; life < lives && missed.length === 0; life++) {
      const cut = await cutOff(signal, life, subjects);
      missed = cut.missed;
      if (signal === 'SIGKILL') expect(await cut.worker.exited).toMatchObject({ signal });
      else if (signal === 'SIGSTOP') frozen.push(cut.worker);
      else expect(await cut.worker.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    }
    workers.push(await house.startWorker());
    await settled(subjects);
    await agreed();
    for (const worker of frozen) worker.signal('SIGCONT');
    if (missed.length === 0) {
      points += lives * subjects.length;
      if (frozen.length > 0) await lateOwnersHeard(subjects);
      await expectOutcomes(signal, subjects);
    }
    await decideDoubts(subjects);
    await expectAllSentOnce(subjects);
    await agreed();
    if (missed.length === 0) return subjects;
    if (tries === mostTries) throw new Error(`In ${mostTries} tries these never came to their places: ${missed.join(', ')}.`);
    console.log(`${signal}, once more in two halves, because of ${missed.join(', ')}.`);
    const half = Math.ceil(places.length / 2);
    const again: Subject[] = [];
    for (const part of [places.slice(0, half), places.slice(half)]) {
      await leave();
      if (part.length > 0) again.push(...(await runBatch(signal, part, tries + 1)));
    }
    return again;
  }

  /** One channel at a time: what a busy machine leaves in doubt is not the drain's doing. */
  async function drainsLeaveNoDoubt(): Promise<void> {
    for (const channel of ['email', 'whatsapp'] as const) {
      const subjects = await runBatch('SIGTERM', placesOf(channel, 'SIGTERM'));
      const accounts = await readAccounts(house);
      for (const { place, dispatchId } of subjects) {
        const { attempts } = accounts.get(dispatchId)!;
        expect({ place: place.title, states: attempts.map((one) => one.state) }).toEqual({
          place: place.title,
          states: expect.not.arrayContaining(['in_doubt', 'parked']),
        });
      }
      await leave();
    }
  }

  async function leave(): Promise<void> {
    await Promise.all(workers.splice(0).map((worker) => worker.kill()));
  }

  /** Journal, ledger and runs say the same; a run may end a moment after its dispatch. */
  async function agreed(): Promise<void> {
    let wrong: string[] = [];
    await until(async () => (wrong = await judge(house)).length === 0, { deadlineMs: 20_000, what: 'all to agree' }).catch(() => {});
    expect(wrong).toEqual([]);
  }

  /** A dispatch of its own client, with its provider's fault, accepted but not started yet. */
  async function prepare(place: Place, index: number): Promise<Subject> {
    const { channel, faults = [] } = place;
    const value = channel === 'email' ? `b${batches}-${index}@example.test` : freshPhone();
    const {
      clientId,
      points: [point],
    } = await addClient(house, [{ kind: channel === 'email' ? 'email' : 'phone', value }]);
    if (channel === 'whatsapp') await openWindow(house, channelOf(place), point!);
    for (const fault of faults) await house.control('POST', '/faults', { channel, recipient: value, count: 1, do: fault });
    const dispatchId = await submit(house, {
      clientId,
      channelId: channelOf(place),
      content: channel === 'email' ? mail(place.title) : chat(place.title),
      disposition: channel === 'email' ? null : { kind: 'close' },
    });
    if (place.stage > 0)
      await house.db
        .update(schema.outbox)
        .set({ leasedUntil: sql`now() + interval '1 hour'` as never })
        .where(eq(schema.outbox.dispatchId, dispatchId));
    return { place, dispatchId, points: place.lives.map((steps) => steps.map((step) => ({ dispatchId, ...step }))) };
  }

  /** One life of a worker, up to the signal; tells who did not come to the place in time. */
  async function cutOff(signal: CrashSignal, life: number, subjects: Subject[]): Promise<{ worker: TestProcess; missed: string[] }> {
    const here = subjects.flatMap((one) => one.points[life] ?? []);
    const plan: CrashPlan = { signal, points: here };
    const worker = await house.startWorker({ WAYBILL_TEST_CRASH: JSON.stringify(plan) });
    workers.push(worker);
    const isMissing = ({ points }: Subject): boolean =>
      points[life]?.some((point) => point.act !== 'throw' && !worker.output().includes(reachedLine(point.dispatchId, point.checkpoint))) ?? false;
    let heldSince: number | null = null;
    const isThere = (staged: Subject[]): boolean => {
      if (worker.output().includes('crash-worker: ')) heldSince ??= Date.now();
      return !staged.some(isMissing);
    };
    for (const stage of [0, 1, 2]) {
      const staged = subjects.filter(({ place }) => place.stage === stage);
      const ids = staged.map((one) => one.dispatchId);
      if (ids.length > 0)
        await house.db
          .update(schema.outbox)
          .set({ leasedUntil: new Date(0) })
          .where(inArray(schema.outbox.dispatchId, ids));
      await until(() => isThere(staged), { deadlineMs: arrivalMs, what: 'all dispatches to be at their points' }).catch(() => {});
    }
    const missed = subjects.filter(isMissing).map((one) => titleOf(subjects, one.dispatchId));
    if (missed.length === 0) await until(() => worker.output().includes(nowLine), { what: 'the signal' });
    else worker.signal(signal);
    const heldMs = Date.now() - (heldSince ?? Date.now());
    longestMs = Math.max(longestMs, heldMs);
    if (heldMs > holdMs) missed.push(`a hold of ${heldMs} ms`);
    return { worker, missed };
  }

  async function settled(
    subjects: Subject[],
    isSettled = (row: typeof schema.dispatches.$inferSelect) => isEndState(row.state) || row.waitingFor === 'outcome',
  ): Promise<void> {
    const ids = new Set(subjects.map((one) => one.dispatchId));
    let open: string[] = [];
    try {
      await until(
        async () => {
          const rows = await house.db.select().from(schema.dispatches);
          open = rows.filter((row) => ids.has(row.id) && !isSettled(row)).map((row) => `${titleOf(subjects, row.id)} is ${row.state}/${row.waitingFor}`);
          return open.length === 0;
        },
        { deadlineMs: 120_000, what: 'every dispatch to end or to wait for its outcome' },
      );
    } catch (error) {
      throw new Error(`${(error as Error).message} Open: ${open.join(', ')}`, { cause: error });
    }
  }

  /** The frozen workers go on where they stood; what they find is that they are late. */
  async function lateOwnersHeard(subjects: Subject[]): Promise<void> {
    // What a late owner knows settles the doubt: on WhatsApp only a call that was cut off stays unknown.
    const unknowable = new Set(subjects.filter(({ place }) => isUnknowable(place) || mayForget(place)).map((one) => one.dispatchId));
    await settled(subjects, (row) => isEndState(row.state) || (unknowable.has(row.id) && row.waitingFor === 'outcome'));
  }

  /**
   * In the express lane a run may lose what its attempt told it together with the worker, if the server had not heard of it yet: then
   * nobody can tell, and the ledger says that.
   */
  function mayForget({ title }: Place): boolean {
    return lane === 'auto' && title.startsWith('record.');
  }

  /** What the ledger and the journal say before any person has decided. */
  async function expectOutcomes(signal: CrashSignal, subjects: Subject[]): Promise<void> {
    const accounts = await readAccounts(house);
    const found = subjects.map(({ place, dispatchId }) => {
      const { row, handedOver } = accounts.get(dispatchId)!;
      // A flagged repeat may end in doubt itself on a busy machine; the judge holds the copies to what the attempts admit.
      return {
        place: `${place.channel} ${place.title}`,
        state: row.state,
        copies: row.possibleDuplicate ? Math.min(handedOver.length, 2) : handedOver.length,
        flagged: row.possibleDuplicate,
      };
    });
    expect(found).toEqual(
      subjects.map(({ place }) => ({
        place: `${place.channel} ${place.title}`,
        ...(mayForget(place) && signal !== 'SIGTERM' ? eitherOutcome : outcomeOf(signal, place)),
      })),
    );
  }

  /** People and late receipts decide about what nobody can tell. */
  async function decideDoubts(subjects: Subject[]): Promise<void> {
    const accounts = await readAccounts(house);
    await Promise.all(
      subjects.map(async ({ dispatchId }, index) => {
        const { row, handedOver } = accounts.get(dispatchId)!;
        if (row.waitingFor !== 'outcome') return;
        if (handedOver.length === 1 && index % 2 === 0) await report(house, dispatchId, 'delivered');
        else {
          const outcome = handedOver.length === 1 ? ('sent' as const) : ('not_sent' as const);
          // NOT_WAITING: a worker that was frozen has settled it meanwhile, as it may where its batch did not wait for it.
          expect(['taken', 'NOT_WAITING']).toContain(await say(house, dispatchId, resolveOutcome, { outcome, actorId: 'agent-1', sendEpoch: 1 }));
        }
      }),
    );
    await settled(subjects, (row) => isEndState(row.state));
  }

  async function expectAllSentOnce(subjects: Subject[]): Promise<void> {
    const accounts = await readAccounts(house);
    const found = subjects.map(({ place, dispatchId }) => {
      const { row, handedOver } = accounts.get(dispatchId)!;
      return {
        place: place.title,
        state: row.state,
        disposition: row.dispositionStatus,
        once: handedOver.length === 1 || (row.possibleDuplicate && handedOver.length > 1),
      };
    });
    expect(found).toEqual(
      subjects.map(({ place }) => ({ place: place.title, state: 'completed', disposition: place.channel === 'email' ? 'not_applicable' : 'done', once: true })),
    );
    const threads = await house.db.select().from(schema.threads);
    expect(threads.filter((thread) => thread.status !== 'closed')).toEqual([]);
  }
}

function titleOf(subjects: Subject[], dispatchId: string): string {
  const { place } = subjects.find((one) => one.dispatchId === dispatchId)!;
  return `${place.channel} ${place.title}`;
}

/** Frozen with the message gone and the answer lost: only a receipt or a person can tell. */
const isUnknowable = (place: Place): boolean => place.channel === 'whatsapp' && (place.title === 'the call under way' || place.stage === 2);

/** Sent, or in doubt; the judge holds the copies to what the attempts admit. */
const eitherOutcome = {
  state: expect.stringMatching(/^(completed|outcome_unknown)$/) as unknown as string,
  copies: expect.any(Number),
  flagged: expect.any(Boolean) as unknown as boolean,
};

function outcomeOf(signal: CrashSignal, place: Place): { state: string; copies: unknown; flagged: boolean } {
  const once = { state: 'completed', copies: 1, flagged: false };
  if (signal === 'SIGTERM' || place.when === 'before' || place.when === 'after') return once;
  if (place.channel === 'email') {
    // In doubt, email is repeated and flagged; a frozen sender's last byte may still arrive.
    const copies: unknown = place.anyCopies ? expect.any(Number) : place.when === 'left' ? 2 : 1;
    return { state: 'completed', copies, flagged: true };
  }
  const parked = { state: 'outcome_unknown', copies: place.when === 'left' ? 1 : 0, flagged: false };
  if (signal === 'SIGKILL') return parked;
  if (place.stage === 2) return { state: expect.any(String) as unknown as string, copies: expect.any(Number), flagged: false };
  return isUnknowable(place) ? parked : once;
}
