import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eq, sql } from 'drizzle-orm';
import * as schema from '../../db/schema/index.js';
import { resolveOutcome, retryNow } from '../../workflows/dispatch-message.contract.js';
import { type House, untilEnded, untilWaiting } from '../support/house.js';
import { until } from '../support/stack.js';
import { buildCrashHouse, cutOff, patientLadder, sayUntilTaken, submitMail } from './cut-off.js';
import { judge, readAccounts } from './judge.js';
import { type OwnTemporal, startOwnTemporal, temporalCli } from './own-temporal.js';
import { type Scene, sceneWaits, setScenes, untilStands } from './scenes.js';

const by = { actorId: 'agent-1' };
/** A dispatch is compared with Temporal once it is a few seconds old. */
const foundMs = 40_000;

(temporalCli === undefined ? describe.skip : describe)('Temporal loses its memory', () => {
  let temporal: OwnTemporal;

  beforeAll(async () => {
    temporal = await startOwnTemporal();
  });
  afterAll(async () => await temporal?.close());

  test('H12 H14 its database is deleted at any moment of a dispatch: each goes on, and none is sent again', async () => {
    const crash = await buildCrashHouse({ ...sceneWaits, ladder: patientLadder }, { TEMPORAL_ADDRESS: temporal.address });
    const { house } = crash;
    try {
      await house.startWorker();
      const scenes = await setScenes(crash);
      await temporal.loseEverything();
      await Promise.all(scenes.map((scene) => untilStands(house, scene, foundMs)));
      await Promise.all(scenes.map((scene) => scene.goOn()));
      for (const { dispatchId } of scenes) await untilEnded(house, dispatchId, foundMs);
      expect(await copiesOf(house, scenes)).toEqual(scenes.map(({ title }) => ({ title, state: 'completed', copies: 1, flagged: false })));
      expect(await judge(house, { runs: false })).toEqual([]);
    } finally {
      await house.tear();
    }
  }, 180_000);

  test('H14 R99 the send epoch is raised before recovery: nothing is sent until a person has said what became of each', async () => {
    const crash = await buildCrashHouse({ ...sceneWaits, ladder: patientLadder }, { TEMPORAL_ADDRESS: temporal.address });
    const { house } = crash;
    try {
      const forgotten = await submitMail(crash);
      await house.db
        .update(schema.outbox)
        .set({ leasedUntil: sql`now() + interval '1 hour'` as never })
        .where(eq(schema.outbox.dispatchId, forgotten.dispatchId));
      const cut = cutOff(house, 'SIGKILL', [{ dispatchId: forgotten.dispatchId, checkpoint: 'deliver.answered' }]);
      const scenes = await setScenes(crash);
      await house.db
        .update(schema.outbox)
        .set({ leasedUntil: new Date(0) })
        .where(eq(schema.outbox.dispatchId, forgotten.dispatchId));
      await cut;
      // The backup that is restored is older than the attempt.
      await house.db.delete(schema.attempts).where(eq(schema.attempts.dispatchId, forgotten.dispatchId));
      await house.db.update(schema.dispatches).set({ state: 'checking' }).where(eq(schema.dispatches.id, forgotten.dispatchId));
      // As docs/operate.md tells the operator to.
      await house.db
        .insert(schema.installation)
        .values({ id: 1, sendEpoch: 2 })
        .onConflictDoUpdate({ target: schema.installation.id, set: { sendEpoch: 2 } });
      await temporal.loseEverything();
      await house.startWorker();

      const waiting = (title: string) => scenes.find((scene) => scene.title === title)!;
      const inFlight = [waiting('in flight on email'), waiting('in flight on whatsapp')];
      await untilStands(house, waiting('waiting for the recipient'), foundMs);
      void waiting('waiting for the recipient')
        .goOn()
        .catch(() => {});
      for (const scene of [waiting('backing off'), waiting('backing off on another channel'), inFlight[0]!]) {
        await untilWaiting(house, scene.dispatchId, 'retry', foundMs);
        await sayUntilTaken(house, scene.dispatchId, retryNow, by);
      }
      const unsettled = [
        ...scenes.filter(({ title }) => title !== 'sent and not disposed of' && title !== 'waiting for a receipt').map((scene) => scene.dispatchId),
        forgotten.dispatchId,
      ];
      for (const dispatchId of unsettled) await untilWaiting(house, dispatchId, 'outcome', foundMs);
      expect((await copiesOf(house, scenes)).map((one) => one.copies)).toEqual(scenes.map((scene) => scene.copies));
      expect(house.handedOver({ recipient: forgotten.address })).toHaveLength(1);

      const settle = (dispatchId: string, outcome: 'sent' | 'not_sent' | 'resend') =>
        sayUntilTaken(house, dispatchId, resolveOutcome, { outcome, sendEpoch: 2, ...by });
      for (const scene of scenes) if (unsettled.includes(scene.dispatchId)) await settle(scene.dispatchId, scene.copies === 1 ? 'sent' : 'not_sent');
      await settle(forgotten.dispatchId, 'resend');
      expect(await untilEnded(house, forgotten.dispatchId)).toMatchObject({ state: 'completed', possibleDuplicate: true });
      expect(house.handedOver({ recipient: forgotten.address })).toHaveLength(2);
      await until(async () => (await copiesOf(house, scenes)).every((one) => one.copies === 1), {
        deadlineMs: 60_000,
        what: 'each message to be with its provider once',
      });
      expect(await judge(house, { runs: false })).toEqual([]);
    } finally {
      await house.tear();
    }
  }, 180_000);
});

async function copiesOf(house: House, scenes: Scene[]) {
  const accounts = await readAccounts(house);
  return scenes.map(({ title, dispatchId }) => {
    const { row, handedOver } = accounts.get(dispatchId)!;
    return { title, state: row.state, copies: handedOver.length, flagged: row.possibleDuplicate };
  });
}
