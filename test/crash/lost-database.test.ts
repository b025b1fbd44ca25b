import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { sql } from 'drizzle-orm';
import { attemptsOf, find, report, runOf, untilEnded, untilWaiting } from '../support/house.js';
import { describeWithTemporal, type TestProcess, until } from '../support/stack.js';
import { buildCrashHouse, type CrashHouse, cutOff, nextFault, patientLadder, submitChat, submitMail } from './cut-off.js';
import { type DatabaseProxy, startDatabaseProxy } from './database-proxy.js';
import { judge } from './judge.js';
import { resetRun } from './reset-run.js';

/** Rungs short enough to see a time-out, with room for writes. */
const policy = { ladder: patientLadder, retry: { deadlineMs: 120_000, initialMs: 200, maximumMs: 1_000 } };

describeWithTemporal('the database is lost around a hand-over', () => {
  let crash: CrashHouse;
  let proxy: DatabaseProxy;
  let env: Record<string, string>;
  const workers: TestProcess[] = [];
  const work = async (worker: Promise<TestProcess>): Promise<TestProcess> => {
    workers.push(await worker);
    return workers.at(-1)!;
  };

  beforeAll(async () => {
    crash = await buildCrashHouse(policy);
    proxy = await startDatabaseProxy(crash.house.database.url);
    env = { DATABASE_URL: proxy.url };
    // The test decides for which dispatches an accepted answer cannot be written.
    await crash.house.db.execute(sql`create table refused_answers (dispatch_id uuid primary key)`);
    await crash.house.db.execute(sql`create function refuse_answer() returns trigger language plpgsql as $$
      begin if exists (select 1 from refused_answers r where r.dispatch_id = new.dispatch_id) then raise exception 'not now'; end if; return new; end $$`);
    await crash.house.db.execute(
      sql`create trigger refuse_answer before update on attempts for each row when (new.state = 'accepted') execute function refuse_answer()`,
    );
  });
  afterEach(async () => {
    proxy.speak();
    await Promise.all(workers.splice(0).map((worker) => worker.kill()));
  });
  afterAll(async () => {
    await crash?.house.tear();
    await proxy?.close();
  });

  /** One dispatch on each channel, started when the worker is. */
  const both = async (): Promise<string[]> => [(await submitMail(crash)).dispatchId, (await submitChat(crash)).dispatchId];

  async function expectSentOnce(ids: string[], states: string[] = ['accepted']): Promise<void> {
    for (const id of ids) expect(await untilEnded(crash.house, id)).toMatchObject({ state: 'completed', possibleDuplicate: false });
    for (const id of ids) expect((await attemptsOf(crash.house, id)).map((one) => one.state)).toEqual(states);
    for (const id of ids)
      await runOf(crash.house, id)
        .result()
        .catch(() => {});
    expect(await judge(crash.house, { runs: false, only: ids })).toEqual([]);
  }

  test('H11 every connection is ended between the send and its record', async () => {
    const { house } = crash;
    const ids = await both();
    const worker = await work(
      cutOff(
        house,
        'SIGSTOP',
        ids.map((dispatchId) => ({ dispatchId, checkpoint: 'deliver.answered' })),
      ),
    );
    await house.db.execute(
      sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'waybill-worker'`,
    );
    worker.signal('SIGCONT');
    await expectSentOnce(ids);
  });

  test('H11 the answer cannot be written, the worker dies over it, the next one writes it', async () => {
    const { house } = crash;
    const ids = await both();
    for (const id of ids) await house.db.execute(sql`insert into refused_answers values (${id})`);
    const first = await work(house.startWorker());
    await until(() => ids.every((id) => first.output().includes(`"dispatchId":"${id}","attemptNo":1`)), { what: 'an answer that is not recorded' });
    await until(async () => (await historyOf(ids[0]!)).includes('activityTaskCompleted') && (await historyOf(ids[1]!)).includes('activityTaskCompleted'), {
      what: 'the answers to be in Temporal',
    });
    await first.kill();
    await house.db.execute(sql`delete from refused_answers`);
    await work(house.startWorker());
    await expectSentOnce(ids);
  });

  test('H11 H12 the answer cannot be written while the run is cancelled: it is written before the dispatch ends', async () => {
    const { house } = crash;
    const ids = await both();
    for (const id of ids) await house.db.execute(sql`insert into refused_answers values (${id})`);
    await work(house.startWorker());
    for (const id of ids) await until(async () => (await historyOf(id)).includes('activityTaskCompleted'), { what: 'the answer to be in Temporal' });
    for (const id of ids) await runOf(house, id).cancel();
    await until(async () => (await historyOf(ids[0]!)).includes('workflowExecutionCancelRequested'), { what: 'the cancellation' });
    await house.db.execute(sql`delete from refused_answers`);
    await expectSentOnce(ids);
  });

  test('H11 the database falls silent between the send and its record, and then the connections are gone', async () => {
    const { house } = crash;
    const ids = await both();
    const worker = await work(
      cutOff(
        house,
        'SIGSTOP',
        ids.map((dispatchId) => ({ dispatchId, checkpoint: 'deliver.answered' })),
        env,
      ),
    );
    proxy.fallSilent();
    worker.signal('SIGCONT');
    for (const id of ids) await until(async () => /activityTask(Completed|TimedOut)/.test((await historyOf(id)).join()), { what: 'the attempt to be over' });
    proxy.cut();
    proxy.speak();
    await expectSentOnce(ids);
  });

  test.each(['before', 'after'] as const)('H11 the connection breaks %s the claim is committed: nothing is sent under its number', async (when) => {
    const { house } = crash;
    for (const submitOne of [submitMail, submitChat]) {
      proxy.breakAtCommit('delivery.began', when);
      const { dispatchId } = await submitOne(crash);
      const worker = await work(house.startWorker(env));
      await untilEnded(house, dispatchId);
      expect(proxy.hasBroken()).toBe(true);
      await expectSentOnce([dispatchId], ['superseded', 'accepted']);
      await worker.kill();
    }
  });

  test('H11 the database is away for a while in the middle of sends', async () => {
    const { house } = crash;
    const sends = await Promise.all(Array.from({ length: 6 }, (_, i) => (i % 2 === 0 ? submitMail(crash) : submitChat(crash))));
    for (const one of sends)
      await ('address' in one ? nextFault(house, 'email', one.address, { delayMs: 800 }) : nextFault(house, 'whatsapp', one.phone, { delayMs: 800 }));
    const ids = sends.map((one) => one.dispatchId);
    await work(house.startWorker(env));
    await until(() => sends.every((one) => house.handedOver({ recipient: 'address' in one ? one.address : one.phone }).length === 1), {
      what: 'all sends to be under way',
    });
    proxy.cut();
    await until(async () => (await Promise.all(ids.map(historyOf))).every((history) => history.includes('activityTaskCompleted')), {
      what: 'the attempts to be over',
    });
    proxy.speak();
    await expectSentOnce(ids, [expect.stringMatching(/accepted/)] as never);
  });

  test('H11 H12 a run that begins anew and cannot read the ledger at first does not take the attempt for unsent', async () => {
    const { house } = crash;
    const { dispatchId } = await submitChat(crash);
    const first = await work(house.startWorker());
    await untilWaiting(house, dispatchId, 'receipt');
    await first.kill();
    await resetRun(house, dispatchId);
    const plan = { signal: 'SIGTERM', points: [{ dispatchId, checkpoint: 'deliver.claimed', act: 'throw' }] };
    const next = await work(house.startWorker({ WAYBILL_TEST_CRASH: JSON.stringify(plan) }));
    await until(() => next.output().includes('attempt not claimed'), { deadlineMs: 60_000, what: 'the claim to fail' });
    await report(house, dispatchId, 'delivered');
    await expectSentOnce([dispatchId]);
    expect(await find(house, dispatchId)).toMatchObject({ dispositionStatus: 'done' });
  });

  /** The events of the current run, by the names of their attributes. */
  async function historyOf(dispatchId: string): Promise<string[]> {
    const history = await runOf(crash.house, dispatchId)
      .fetchHistory()
      .catch(() => null);
    return (history?.events ?? []).flatMap((event) =>
      Object.keys(event)
        .filter((key) => key.endsWith('Attributes') && event[key as keyof typeof event])
        .map((key) => key.replace('EventAttributes', '')),
    );
  }
});
