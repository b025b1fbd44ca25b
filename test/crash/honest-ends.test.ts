import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { attemptsOf, find, runOf, untilEnded } from '../support/house.js';
import { describeWithTemporal, until } from '../support/stack.js';
import { buildCrashHouse, type CrashHouse, cutOff, nextFault, patientLadder, submitChat, submitMail } from './cut-off.js';
import { judge } from './judge.js';

const unknown = { state: 'expired', endReason: 'OUTCOME_UNKNOWN' };

describeWithTemporal('an end says no more than the ledger knows', () => {
  let crash: CrashHouse;
  beforeAll(async () => {
    crash = await buildCrashHouse({ ladder: patientLadder, retry: { deadlineMs: 120_000, initialMs: 200, maximumMs: 1_000 } });
  });
  afterAll(async () => await crash?.house.tear());

  test('H2 I4 an email in doubt that is refused when it is repeated: nobody says that nothing was sent', async () => {
    const { house } = crash;
    const { dispatchId, address } = await submitMail(crash, {}, async (recipient) => {
      await nextFault(house, 'email', recipient, { drop: 'after' });
      await nextFault(house, 'email', recipient, { reply: '550 5.1.1 no such user' });
    });
    const worker = await house.startWorker();
    expect(await untilEnded(house, dispatchId)).toMatchObject({ ...unknown, possibleDuplicate: true });
    expect((await attemptsOf(house, dispatchId)).map((one) => one.state)).toEqual(['resent_possible_duplicate', 'refused_permanent']);
    expect(house.handedOver({ recipient: address })).toHaveLength(1);
    await worker.kill();
  });

  test('H3 H12 I4 terminated while its sender is frozen: unknown at first, and the late answer still counts', async () => {
    const { house } = crash;
    const ids = [(await submitMail(crash)).dispatchId, (await submitChat(crash)).dispatchId];
    const frozen = await cutOff(
      house,
      'SIGSTOP',
      ids.map((dispatchId) => ({ dispatchId, checkpoint: 'deliver.answered' })),
    );
    for (const id of ids) await runOf(house, id).terminate('by the test');
    const worker = await house.startWorker();
    for (const id of ids) expect(await untilEnded(house, id, 60_000)).toMatchObject({ ...unknown, inDoubt: true });
    frozen.signal('SIGCONT');
    for (const id of ids) {
      await until(async () => (await attemptsOf(house, id))[0]!.state === 'reconciled_sent', { what: 'the late answer' });
      expect(await find(house, id)).toMatchObject({ inDoubt: false, messageStatus: expect.stringMatching(/wired|sent/) });
    }
    expect(await judge(house, { runs: false })).toEqual([]);
    await Promise.all([worker.kill(), frozen.kill()]);
  });
});
