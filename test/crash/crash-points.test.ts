import { afterAll, afterEach, beforeAll, test } from '@jest/globals';
import { describeWithTemporal } from '../support/stack.js';
import { type Batches, buildBatches } from './batches.js';
import { leaving, placesOf, recoveriesOf } from './points.js';

describeWithTemporal('a worker is cut off at every step of a send, in the queued lane', () => {
  let batches: Batches;
  const beganAt = performance.now();

  beforeAll(async () => {
    batches = await buildBatches('queued');
  });
  afterEach(async () => await batches?.leave());
  afterAll(async () => {
    console.log(`Crash points, queued lane: ${batches?.tell()}, in ${Math.round((performance.now() - beganAt) / 1000)} s.`);
    await batches?.house.tear();
  });

  test('H1 H2 H11 R99 I1 killed with SIGKILL: nothing is lost, nothing is sent twice in silence', async () => {
    await batches.runBatch('SIGKILL', [...placesOf('email', 'SIGKILL'), ...placesOf('whatsapp', 'SIGKILL'), leaving('email')]);
  }, 600_000);

  test('H1 H2 R99 killed again while the next worker finds out what became of the first', async () => {
    await batches.runBatch('SIGKILL', [...recoveriesOf('email'), ...recoveriesOf('whatsapp')]);
  }, 600_000);

  test('H3 R99 frozen past its time-outs with SIGSTOP, then continued beside the worker that took over', async () => {
    await batches.runBatch('SIGSTOP', [...placesOf('email', 'SIGSTOP'), ...placesOf('whatsapp', 'SIGSTOP'), leaving('whatsapp')]);
  }, 600_000);

  test('H3 R99 frozen while it finds out what became of another', async () => {
    await batches.runBatch('SIGSTOP', [...recoveriesOf('email'), ...recoveriesOf('whatsapp')]);
  }, 600_000);

  test('R113 drained with SIGTERM: nothing is in doubt, nothing is repeated', async () => {
    await batches.drainsLeaveNoDoubt();
  }, 600_000);
});
