import { describe, expect, test } from '@jest/globals';
import {
  type DispatchMessage,
  dispatchMessages,
  type DispatchState,
  dispatchStates,
  endStates,
  isEndState,
  mayFollow,
  refuseMessage,
  statesBefore,
  type WaitingFor,
} from '../../domain/dispatch.js';

/** The states with what may be waited for in them, and the messages that fit there (requirements 4.1). */
const rooms: { state: DispatchState; waitingFor: WaitingFor | null; takes: DispatchMessage[] }[] = [
  { state: 'accepted', waitingFor: null, takes: ['cancel'] },
  { state: 'checking', waitingFor: null, takes: ['cancel'] },
  { state: 'awaiting_recipient', waitingFor: 'recipient', takes: ['chooseRecipient', 'cancel'] },
  { state: 'scheduled', waitingFor: null, takes: ['cancel'] },
  { state: 'rendering', waitingFor: null, takes: ['cancel'] },
  { state: 'sending', waitingFor: null, takes: ['changeChannel', 'abandon'] },
  { state: 'sending', waitingFor: 'retry', takes: ['retryNow', 'changeChannel', 'abandon'] },
  { state: 'awaiting_decision', waitingFor: 'decision', takes: ['cancel', 'restart'] },
  { state: 'needs_template', waitingFor: 'template', takes: ['cancel', 'provideTemplate', 'changeChannel', 'abandon'] },
  { state: 'outcome_unknown', waitingFor: 'outcome', takes: ['abandon', 'resolveOutcome'] },
  { state: 'disposing', waitingFor: null, takes: [] },
  { state: 'disposing', waitingFor: 'disposition', takes: ['setDisposition'] },
  { state: 'awaiting_receipt', waitingFor: 'receipt', takes: [] },
  ...endStates.map((state) => ({ state, waitingFor: null, takes: [] })),
];

const at = (room: { state: DispatchState; waitingFor: WaitingFor | null }, more: { accepted?: boolean; busy?: DispatchMessage; chosen?: boolean } = {}) => ({
  state: room.state,
  waitingFor: room.waitingFor,
  accepted: false,
  busy: null,
  chosen: false,
  ...more,
});

describe('which message fits where', () => {
  test('the table has a row for every state', () => {
    expect(new Set(rooms.map((one) => one.state))).toEqual(new Set(dispatchStates));
  });

  test.each(rooms)('R85 R101 $state waiting for $waitingFor takes $takes and nothing else', (room) => {
    expect(dispatchMessages.filter((message) => refuseMessage(message, at(room)) === null)).toEqual(room.takes);
  });

  test.each(rooms)('what does not fit in $state waiting for $waitingFor is told why', (room) => {
    for (const message of dispatchMessages.filter((one) => !room.takes.includes(one))) {
      const late = message !== 'chooseRecipient' && (message === 'cancel' || isEndState(room.state));
      expect(`${message}: ${refuseMessage(message, at(room))}`).toBe(`${message}: ${late ? 'TOO_LATE' : 'NOT_WAITING'}`);
    }
  });

  test.each(rooms)('while one message is worked on in $state waiting for $waitingFor, no other is taken', (room) => {
    expect(dispatchMessages.filter((message) => refuseMessage(message, at(room, { busy: 'retryNow' })) === null)).toEqual([]);
  });

  test('R46 R94 the second pick is told that the first was made, while it is checked and ever after', () => {
    const choosing = { state: 'awaiting_recipient', waitingFor: 'recipient' } as const;
    expect(refuseMessage('chooseRecipient', at(choosing, { busy: 'chooseRecipient' }))).toBe('CHOICE_ALREADY_MADE');
    // A cancel that is under way is no pick.
    expect(refuseMessage('chooseRecipient', at(choosing, { busy: 'cancel' }))).toBe('NOT_WAITING');
    for (const room of rooms.filter((one) => one.waitingFor !== 'recipient')) {
      expect(refuseMessage('chooseRecipient', at(room, { chosen: true }))).toBe('CHOICE_ALREADY_MADE');
      expect(refuseMessage('chooseRecipient', at(room))).toBe('NOT_WAITING');
    }
    // After a restart the dispatch may ask again.
    expect(refuseMessage('chooseRecipient', at(choosing, { chosen: true }))).toBeNull();
  });

  test.each(rooms)('R85 R101 in $state waiting for $waitingFor an accepted message is neither cancelled nor abandoned nor sent otherwise', (room) => {
    const accepted = at(room, { accepted: true });
    for (const message of ['abandon', 'cancel', 'changeChannel'] as const) expect(refuseMessage(message, accepted)).toBe('TOO_LATE');
  });
});

describe('the graph', () => {
  test('nothing follows an end, and every other state leads to one', () => {
    for (const end of endStates) expect(dispatchStates.filter((to) => to !== end && mayFollow(end, to))).toEqual([]);
    const reaches = (from: DispatchState, seen = new Set<DispatchState>()): Set<DispatchState> => {
      for (const to of dispatchStates) {
        if (!seen.has(to) && mayFollow(from, to)) reaches(to, seen.add(to));
      }
      return seen;
    };
    for (const state of dispatchStates.filter((one) => !isEndState(one))) {
      expect([...reaches(state)].filter(isEndState).length).toBeGreaterThan(0);
      expect(mayFollow(state, state)).toBe(true);
    }
    expect(new Set(reaches('accepted'))).toEqual(new Set(dispatchStates));
  });

  test('R2 the path of 4.1 is one, with and without its waits', () => {
    const paths: DispatchState[][] = [
      ['accepted', 'checking', 'rendering', 'sending', 'disposing', 'completed'],
      ['accepted', 'checking', 'awaiting_recipient', 'checking', 'rendering', 'sending', 'disposing', 'awaiting_receipt', 'completed'],
      ['accepted', 'checking', 'scheduled', 'checking', 'rendering', 'sending', 'checking', 'rendering', 'sending', 'disposing', 'completed'],
      ['checking', 'awaiting_decision', 'checking', 'rejected'],
      ['checking', 'needs_template', 'checking'],
      ['sending', 'outcome_unknown', 'disposing'],
      ['sending', 'outcome_unknown', 'checking'],
      ['sending', 'outcome_unknown', 'expired'],
      ['sending', 'outcome_unknown', 'needs_template'],
      ['awaiting_receipt', 'needs_template', 'checking'],
      ['awaiting_receipt', 'failed'],
    ];
    for (const path of paths) {
      for (const [index, to] of path.slice(1).entries()) expect(`${path[index]} → ${to}: ${mayFollow(path[index]!, to)}`).toBe(`${path[index]} → ${to}: true`);
    }
  });

  test('R40 R95 nothing is sent from a wait: every wait leads through the check', () => {
    const waits = rooms.filter((one) => one.waitingFor !== null && one.state !== 'sending' && one.state !== 'disposing').map((one) => one.state);
    for (const wait of waits) expect(mayFollow(wait, 'rendering')).toBe(false);
    // Doubt that the channel's policy repeats goes on to a back-off, which is a wait too.
    for (const wait of waits) expect(mayFollow(wait, 'sending')).toBe(wait === 'outcome_unknown');
    for (const to of ['sending', 'disposing', 'completed'] as const) expect(mayFollow('accepted', to)).toBe(false);
  });

  test('the states before one are those that it may follow', () => {
    for (const to of dispatchStates) expect(statesBefore(to)).toEqual(dispatchStates.filter((from) => mayFollow(from, to)));
    expect(statesBefore('awaiting_recipient')).toEqual(['checking', 'awaiting_recipient']);
  });
});
