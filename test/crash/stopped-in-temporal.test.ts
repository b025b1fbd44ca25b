import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { attemptsOf, type House, runOf, untilEnded } from '../support/house.js';
import { describeWithTemporal, until } from '../support/stack.js';
import { buildCrashHouse, type CrashHouse, cutOff, patientLadder, submitChat, submitMail } from './cut-off.js';
import { judge, readAccounts } from './judge.js';
import { resetRun } from './reset-run.js';
import { type Scene, sceneWaits, setScenes, untilStands } from './scenes.js';

describeWithTemporal('an operator meddles in Temporal', () => {
  let crash: CrashHouse;

  beforeAll(async () => {
    crash = await buildCrashHouse({ ...sceneWaits, ladder: patientLadder });
    await crash.house.startWorker();
  });
  afterAll(async () => await crash?.house.tear());

  test('H12 R97 Reset at any moment: the run begins anew, and no message does', async () => {
    const { house } = crash;
    const scenes = await setScenes(crash);
    for (const scene of scenes) await resetRun(house, scene.dispatchId);
    await Promise.all(scenes.map((scene) => untilStands(house, scene)));
    await Promise.all(scenes.map((scene) => scene.goOn()));
    await expectOneEach(house, scenes);
    for (const scene of scenes) await resetRun(house, scene.dispatchId);
    for (const { dispatchId } of scenes) expect(await runOf(house, dispatchId).result()).toMatchObject({ state: 'completed' });
    expect(await judge(house)).toEqual([]);
  }, 240_000);

  test('H12 I4 Terminate at any moment: the dispatch ends as the ledger says', async () => {
    await expectStopped(await setScenes(crash), ({ dispatchId }) => runOf(crash.house, dispatchId).terminate('by the test'));
  }, 240_000);

  test('H12 I4 Cancel at any moment: the dispatch ends as the ledger says', async () => {
    await expectStopped(await setScenes(crash), ({ dispatchId }) => runOf(crash.house, dispatchId).cancel());
  }, 240_000);

  test('H1 H12 Cancel while nobody answers for an attempt: it is put in doubt before the dispatch ends', async () => {
    const { house } = crash;
    const lost = await buildCrashHouse({ ...sceneWaits, ladder: patientLadder });
    try {
      const ids = [(await submitMail(lost)).dispatchId, (await submitChat(lost)).dispatchId];
      await cutOff(
        lost.house,
        'SIGKILL',
        ids.map((dispatchId) => ({ dispatchId, checkpoint: 'deliver.claimed' })),
      );
      for (const dispatchId of ids) await runOf(house, dispatchId).cancel();
      await lost.house.startWorker();
      for (const dispatchId of ids) {
        expect(await untilEnded(lost.house, dispatchId)).toMatchObject({ state: 'expired', endReason: 'OUTCOME_UNKNOWN' });
        expect(await attemptsOf(lost.house, dispatchId)).toMatchObject([{ state: 'in_doubt' }]);
      }
      expect(await judge(lost.house, { runs: false })).toEqual([]);
    } finally {
      await lost.house.tear();
    }
  }, 240_000);

  async function expectStopped(scenes: Scene[], stop: (scene: Scene) => Promise<unknown>): Promise<void> {
    const { house } = crash;
    await Promise.all(scenes.map(stop));
    for (const { dispatchId } of scenes) await untilEnded(house, dispatchId);
    const accounts = await readAccounts(house);
    const found = scenes.map(({ title, dispatchId }) => {
      const { row, handedOver } = accounts.get(dispatchId)!;
      return { title, state: row.state, endReason: row.endReason, copies: handedOver.length };
    });
    expect(found).toEqual(scenes.map(({ title, stopped, copies }) => ({ title, ...stopped, copies })));
    expect(await judge(house, { runs: false })).toEqual([]);
  }

  async function expectOneEach(house: House, scenes: Scene[]): Promise<void> {
    for (const { dispatchId } of scenes) await untilEnded(house, dispatchId);
    const accounts = await readAccounts(house);
    const found = scenes.map(({ title, dispatchId }) => {
      const { row, handedOver } = accounts.get(dispatchId)!;
      return { title, state: row.state, copies: handedOver.length, flagged: row.possibleDuplicate };
    });
    expect(found).toEqual(scenes.map(({ title }) => ({ title, state: 'completed', copies: 1, flagged: false })));
    for (const { dispatchId } of scenes)
      await until(async () => (await runOf(house, dispatchId).describe()).status.name === 'COMPLETED', { what: 'the run to end' });
  }
});
