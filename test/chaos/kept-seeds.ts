/** Seeds under which a campaign once failed, each with what it found; the small campaign does them all again. */

export const keptSeeds: readonly { seed: number; found: string }[] = [
  { seed: 939_635, found: 'a second pick answered as taken after the worker of the first one was lost' },
];
