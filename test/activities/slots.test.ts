import { expect, test } from '@jest/globals';
import { createSlots } from '../../activities/slots.js';

test('whoever asked first gets the slot that becomes free', async () => {
  const slots = createSlots();
  const held = [await slots.take('a', 2, 0), await slots.take('a', 2, 0)];
  const order: string[] = [];
  const second = slots.take('a', 2, 10_000).then((giveBack) => (order.push('second'), giveBack));
  const third = slots.take('a', 2, 10_000).then((giveBack) => (order.push('third'), giveBack));
  held[0]!();
  await second;
  held[1]!();
  await third;
  expect(order).toEqual(['second', 'third']);
});

test('a channel whose slots are all taken lets as many wait as it has slots, and sends the others away at once', async () => {
  const slots = createSlots();
  const taken = await Promise.all([slots.take('a', 2, 10_000), slots.take('a', 2, 10_000)]);
  const waiting = [slots.take('a', 2, 10_000), slots.take('a', 2, 10_000)];
  expect(await slots.take('a', 2, 10_000)).toBeNull();
  expect(await slots.take('b', 2, 10_000)).not.toBeNull();
  for (const giveBack of taken) giveBack!();
  for (const giveBack of await Promise.all(waiting)) giveBack!();
  expect(await slots.take('a', 2, 0)).not.toBeNull();
});

test('who waited too long is sent away and loses no slot to the next', async () => {
  const slots = createSlots();
  const held = await slots.take('a', 1, 0);
  expect(await slots.take('a', 1, 1)).toBeNull();
  held!();
  expect(await slots.take('a', 1, 0)).not.toBeNull();
});
