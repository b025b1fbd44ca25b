import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { chooseRecipient, retryNow } from '../../workflows/dispatch-message.contract.js';
import { addClient, attemptsOf, chat, find, freshPhone, openWindow, runOf, submit, untilEnded, untilWaiting } from '../support/house.js';
import { describeWithTemporal, type TestProcess, until } from '../support/stack.js';
import { buildCrashHouse, type CrashHouse, cutOff, nextFault, patientLadder, sayUntilTaken, submitChat, submitMail } from './cut-off.js';
import { judge } from './judge.js';

/** A frozen worker still holds its polls, and each task it is given is lost for a while: the other one may need several turns. */
const turnsMs = 90_000;
const by = { actorId: 'agent-1' };

describeWithTemporal('a worker freezes in the middle of sends, and goes on when others have decided without it', () => {
  let crash: CrashHouse;
  let frozen: TestProcess;
  const doubted = { dispatchId: '', address: '' };
  const asking = { dispatchId: '', phones: [freshPhone(), freshPhone()], points: [] as string[] };
  let stopped: string[] = [];
  let superseded: string[] = [];

  beforeAll(async () => {
    crash = await buildCrashHouse({ retry: { deadlineMs: 300_000, initialMs: 150_000, maximumMs: 150_000 } });
    const { house, whatsapp } = crash;
    Object.assign(doubted, await submitMail(crash));
    const { clientId, points } = await addClient(
      house,
      asking.phones.map((value) => ({ kind: 'phone' as const, value, selected: true })),
    );
    for (const point of points) await openWindow(house, whatsapp, point);
    asking.points = points;
    asking.dispatchId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: { kind: 'close' } });
    stopped = [(await submitMail(crash)).dispatchId, (await submitChat(crash)).dispatchId];
    superseded = [(await submitMail(crash)).dispatchId, (await submitChat(crash)).dispatchId];
    frozen = await cutOff(house, 'SIGSTOP', [
      { dispatchId: doubted.dispatchId, checkpoint: 'deliver.answered' },
      { dispatchId: asking.dispatchId, checkpoint: 'check.decided' },
      ...[...stopped, ...superseded].map((dispatchId) => ({ dispatchId, checkpoint: 'deliver.before-claim' })),
    ]);
    for (const dispatchId of stopped) await runOf(house, dispatchId).terminate('by the test');
    await house.startWorker();
    await Promise.all([
      untilWaiting(house, doubted.dispatchId, 'retry', turnsMs),
      untilWaiting(house, asking.dispatchId, 'recipient', turnsMs),
      ...stopped.map((dispatchId) => untilEnded(house, dispatchId, turnsMs)),
      ...superseded.map((dispatchId) => untilWaiting(house, dispatchId, 'retry', turnsMs)),
    ]);
    frozen.signal('SIGCONT');
  }, 300_000);
  afterAll(async () => await crash?.house.tear());

  test('H3 R99 an email in doubt is not repeated when its sender comes back and knows that it was taken', async () => {
    const { house } = crash;
    const { dispatchId, address } = doubted;
    await until(async () => (await attemptsOf(house, dispatchId))[0]!.state === 'reconciled_sent', { what: 'the late answer' });
    // Its back-off is long; where it has gone on by itself meanwhile it has found the proof.
    if ((await find(house, dispatchId)).waitingFor === 'retry') await sayUntilTaken(house, dispatchId, retryNow, by);
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'completed', possibleDuplicate: false });
    expect(house.handedOver({ recipient: address })).toHaveLength(1);
  });

  test('H3 R93 a check that comes late does not hide that the dispatch waits for a person', async () => {
    const { house } = crash;
    const { dispatchId, phones, points } = asking;
    await until(() => frozen.output().includes('moved on while it was checked'), { what: 'the late check' });
    await untilWaiting(house, dispatchId, 'recipient');
    await sayUntilTaken(house, dispatchId, chooseRecipient, { contactPointId: points[1]!, ...by });
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'completed' });
    expect(phones.map((phone) => house.handedOver({ recipient: phone.slice(1) }).length)).toEqual([0, 1]);
  });

  test('H3 H12 an attempt that begins after its dispatch was ended in Temporal sends nothing', async () => {
    const { house } = crash;
    for (const dispatchId of stopped) {
      await until(() => frozen.output().includes(`"dispatchId":"${dispatchId}","attemptNo":1,"outcome":"refused_by_check"`), { what: 'the late claim' });
      expect(await find(house, dispatchId)).toMatchObject({ state: 'cancelled', endReason: 'CANCELLED_BY_STAFF' });
      expect(await attemptsOf(house, dispatchId)).toEqual([]);
    }
  });

  test('H1 H3 an attempt that was superseded sends nothing when it begins at last', async () => {
    const { house } = crash;
    for (const dispatchId of superseded) {
      await until(() => frozen.output().includes(`"dispatchId":"${dispatchId}","attemptNo":1,"outcome":"not_sent"`), { what: 'the late claim' });
      await sayUntilTaken(house, dispatchId, retryNow, by);
      expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'completed', possibleDuplicate: false });
      expect(await attemptsOf(house, dispatchId)).toMatchObject([
        { state: 'superseded', generation: 1 },
        { state: 'accepted', generation: 1 },
      ]);
    }
    expect(await judge(house, { runs: false })).toEqual([]);
  });
});

describeWithTemporal('a worker is drained', () => {
  let crash: CrashHouse;
  beforeAll(async () => {
    crash = await buildCrashHouse({ ladder: patientLadder });
  });
  afterAll(async () => await crash?.house.tear());

  test('R113 SIGTERM under 20 sends in flight: none is in doubt', async () => {
    const { house } = crash;
    const sends = await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? submitMail(crash) : submitChat(crash))));
    for (const one of sends) {
      const [channel, recipient] = 'address' in one ? (['email', one.address] as const) : (['whatsapp', one.phone] as const);
      await nextFault(house, channel, recipient, { delayMs: 700 });
    }
    const ids = sends.map((one) => one.dispatchId);
    const attempts = async () => (await Promise.all(ids.map((id) => attemptsOf(house, id)))).flat();
    const worker = await house.startWorker();
    await until(async () => (await attempts()).filter((one) => one.state === 'sending').length >= 8, { what: 'sends in flight' });
    expect(await worker.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(new Set((await attempts()).map((one) => one.state))).toEqual(new Set(['accepted']));
    await house.startWorker();
    for (const id of ids) expect(await untilEnded(house, id)).toMatchObject({ state: 'completed', possibleDuplicate: false });
    for (const id of ids) await runOf(house, id).result();
    expect(await judge(house)).toEqual([]);
  });
});
