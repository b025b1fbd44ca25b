import { afterAll, afterEach, beforeAll, test } from '@jest/globals';
import { describeWithTemporal } from '../support/stack.js';
import { type Batches, buildBatches } from './batches.js';
import { heldSteps, leaving, pairsOf, placesOf, recoveriesOf } from './points.js';

describeWithTemporal('a worker is cut off at every step of a send, in the express lane', () => {
  let batches: Batches;
  const beganAt = performance.now();

  beforeAll(async () => {
    batches = await buildBatches('auto');
  });
  afterEach(async () => await batches?.leave());
  afterAll(async () => {
    console.log(`Crash points, express lane: ${batches?.tell()}, in ${Math.round((performance.now() - beganAt) / 1000)} s.`);
    await batches?.house.tear();
  });

  test('H1 H2 H11 R99 I1 killed with SIGKILL: nothing is lost, nothing is sent twice in silence', async () => {
    await batches.runBatch('SIGKILL', [...placesOf('email', 'SIGKILL'), leaving('email')]);
    await batches.leave();
    await batches.runBatch('SIGKILL', placesOf('whatsapp', 'SIGKILL'));
  }, 600_000);

  test('H1 H2 R99 killed again while the next worker finds out what became of the first', async () => {
    await batches.runBatch('SIGKILL', [...recoveriesOf('email', 'auto'), ...recoveriesOf('whatsapp', 'auto')]);
  }, 600_000);

  test('H3 R99 frozen past its time-outs with SIGSTOP, then continued beside the worker that took over', async () => {
    await batches.runBatch('SIGSTOP', placesOf('email', 'SIGSTOP'));
    await batches.leave();
    await batches.runBatch('SIGSTOP', [...placesOf('whatsapp', 'SIGSTOP'), leaving('whatsapp')]);
  }, 600_000);

  test('H3 R99 frozen while it finds out what became of another', async () => {
    await batches.runBatch('SIGSTOP', [...recoveriesOf('email', 'auto'), ...recoveriesOf('whatsapp', 'auto')]);
  }, 600_000);

  test('R113 drained with SIGTERM: nothing is in doubt, nothing is repeated', async () => {
    await batches.drainsLeaveNoDoubt();
  }, 600_000);

  test.each(heldSteps)(
    'H1 H2 R99 I1 killed twice, at every pair of steps of an email that begins with %s',
    async (first) => {
      await batches.runBatch('SIGKILL', pairsOf(first));
    },
    300_000,
  );
});
