import { describe, expect, test } from '@jest/globals';
import { kindOf, places } from './faults.js';
import { makePlan, modes, sizeOf } from './plan.js';
import { createRandom } from './random.js';

describe('a plan', () => {
  test.each(modes)('%s: the same seed gives the same, another seed another', (mode) => {
    const size = sizeOf(mode, { dispatches: 50, kills: 8, times: 5, outageSeconds: 5 });
    expect(makePlan(mode, 7, size)).toEqual(makePlan(mode, 7, size));
    expect(makePlan(mode, 8, size).stories).not.toEqual(makePlan(mode, 7, size).stories);
  });

  test('a campaign kills in equal parts, does every other kind at least once, and does nothing before its load or after it', () => {
    const plan = makePlan('campaign', 1, sizeOf('campaign', { dispatches: 200, kills: 12 }));
    const counts = new Map<string, number>();
    for (const fault of plan.faults) counts.set(kindOf(fault), (counts.get(kindOf(fault)) ?? 0) + 1);
    expect(places.map((place) => counts.get(`kill ${place}`))).toEqual([3, 3, 3, 3]);
    expect([...counts.keys()].filter((kind) => !kind.startsWith('kill '))).toHaveLength(20);
    expect(plan.stories).toHaveLength(200);
    for (const { atMs } of [...plan.faults, ...plan.stories]) {
      expect(atMs).toBeGreaterThanOrEqual(0);
      expect(atMs).toBeLessThanOrEqual(plan.seconds * 1_000);
    }
  });

  test('the whole campaign is as large as it says', () => {
    const { stories, faults } = makePlan('campaign', 1, sizeOf('campaign'));
    expect(stories).toHaveLength(5_000);
    expect(faults.filter((fault) => fault.what === 'kill')).toHaveLength(200);
    expect(new Set(faults.map(kindOf)).size).toBe(24);
    expect(new Set(stories.map((story) => story.kind)).size).toBe(8);
    expect(new Set(stories.map((story) => story.after)).size).toBe(7);
  });
});

describe('the generator', () => {
  test('a part draws the same, whatever the others draw', () => {
    const one = createRandom('seed');
    const other = createRandom('seed');
    other.next();
    expect(one.fork('part').next()).toBe(other.fork('part').next());
  });

  test('numbers are spread evenly, and weights are kept', () => {
    const random = createRandom('seed');
    const drawn = Array.from({ length: 10_000 }, () => random.int(1, 4));
    for (const number of [1, 2, 3, 4]) expect(Math.abs(drawn.filter((one) => one === number).length - 2_500)).toBeLessThan(200);
    const weighed = Array.from({ length: 10_000 }, () => random.weighed({ often: 9, seldom: 1 }));
    expect(Math.abs(weighed.filter((one) => one === 'seldom').length - 1_000)).toBeLessThan(150);
    expect(random.shuffled([1, 2, 3, 4, 5]).toSorted()).toEqual([1, 2, 3, 4, 5]);
  });
});
