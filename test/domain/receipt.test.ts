import { describe, expect, test } from '@jest/globals';
import { higherStatus, type MessageStatus, messageStatuses, provesHandOver } from '../../domain/receipt.js';

const settle = (sequence: readonly MessageStatus[]): MessageStatus => sequence.reduce(higherStatus, 'wired');

/** Every sequence of these receipts up to this length: all orders with all repetitions. */
function sequences(of: readonly MessageStatus[], length: number): MessageStatus[][] {
  if (length === 0) return [[]];
  const shorter = sequences(of, length - 1);
  const longest = shorter.filter((one) => one.length === length - 1);
  return [...shorter, ...longest.flatMap((one) => of.map((next) => [...one, next]))];
}

describe('receipts as a lattice', () => {
  test('R103 all permutations with duplicates of sent, delivered, read and failed end in the same status', () => {
    const statuses: MessageStatus[] = ['sent', 'delivered', 'read', 'failed'];
    const ends = new Map<string, Set<MessageStatus>>();
    let count = 0;
    for (const sequence of sequences(statuses, 6)) {
      const seen = [...new Set(sequence)].toSorted().join(' ');
      ends.set(seen, (ends.get(seen) ?? new Set()).add(settle(sequence)));
      count += 1;
    }
    expect(count).toBe(1 + 4 + 16 + 64 + 256 + 1024 + 4096);
    for (const [seen, status] of ends) expect(`${seen}: ${status.size}`).toBe(`${seen}: 1`);
    expect(ends.get('delivered failed read sent')).toEqual(new Set(['read']));
  });

  test.each<{ receipts: MessageStatus[]; status: MessageStatus }>([
    { receipts: [], status: 'wired' },
    { receipts: ['sent', 'failed'], status: 'failed' },
    { receipts: ['failed', 'sent'], status: 'failed' },
    { receipts: ['failed', 'delivered'], status: 'delivered' },
    { receipts: ['delivered', 'failed'], status: 'delivered' },
    { receipts: ['read', 'delivered'], status: 'read' },
    { receipts: ['read'], status: 'read' },
    { receipts: ['queued'], status: 'wired' },
  ])('R103 $receipts → $status', ({ receipts, status }) => {
    expect(settle(receipts)).toBe(status);
  });

  test('R103 the rank of 4.4, and each step of the lattice: repeated, swapped or grouped otherwise, the same', () => {
    expect(messageStatuses).toEqual(['queued', 'wired', 'sent', 'failed', 'delivered', 'read']);
    for (const a of messageStatuses) {
      expect(higherStatus(a, a)).toBe(a);
      for (const b of messageStatuses) {
        expect(higherStatus(a, b)).toBe(higherStatus(b, a));
        for (const c of messageStatuses) expect(higherStatus(higherStatus(a, b), c)).toBe(higherStatus(a, higherStatus(b, c)));
      }
    }
  });

  test('R99 a receipt from the provider proves the hand-over, our own statuses do not', () => {
    expect(messageStatuses.filter(provesHandOver)).toEqual(['sent', 'failed', 'delivered', 'read']);
  });
});
