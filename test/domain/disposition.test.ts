import { describe, expect, test } from '@jest/globals';
import { type Disposition, refuseDisposition, type SenderRole, threadAfter, transferTargetTypes } from '../../domain/disposition.js';

const close: Disposition = { kind: 'close' };
const assignSelf: Disposition = { kind: 'assign_self' };
const transfer: Disposition = { kind: 'transfer', target: { type: 'group', id: 'sales' } };
const roles: SenderRole[] = ['agent', 'supervisor', 'admin', 'service'];
const by = (role: SenderRole) => ({ id: 'x', role });

describe('what may be asked for', () => {
  test.each(roles)('R79 the %s says what becomes of the thread before the send', (role) => {
    expect(refuseDisposition(null, by(role), true)).toBe('DISPOSITION_REQUIRED');
    expect(refuseDisposition(close, by(role), true)).toBeNull();
    expect(refuseDisposition(transfer, by(role), true)).toBeNull();
  });

  test.each(roles)('R77 X17 email takes no disposition, the %s gives none', (role) => {
    for (const one of [close, assignSelf, transfer]) expect(refuseDisposition(one, by(role), false)).toBe('DISPOSITION_NOT_ALLOWED');
    expect(refuseDisposition(null, by(role), false)).toBeNull();
  });

  test.each([
    { role: 'agent', refused: null },
    { role: 'supervisor', refused: 'DISPOSITION_NOT_ALLOWED' },
    { role: 'admin', refused: 'DISPOSITION_NOT_ALLOWED' },
    { role: 'service', refused: 'DISPOSITION_NOT_ALLOWED' },
  ] as const)('R81 X11 only an agent can assign to themselves: $role → $refused', ({ role, refused }) => {
    expect(refuseDisposition(assignSelf, by(role), true)).toBe(refused);
    expect(refuseDisposition(assignSelf, by(role), null)).toBe(refused);
  });

  test('R79 while the channel is not known, nothing is missed yet', () => {
    expect(refuseDisposition(null, by('agent'), null)).toBeNull();
  });
});

describe('what becomes of the thread', () => {
  test('R80 close: closed, in nobody’s hands', () => {
    expect(threadAfter(close, 'anna')).toEqual({ status: 'closed', assigneeId: null, queue: null, minimised: false });
  });

  test('R81 assign to me: in the sender’s queue, minimised, waiting', () => {
    expect(threadAfter(assignSelf, 'anna')).toEqual({ status: 'waiting', assigneeId: 'anna', queue: null, minimised: true });
  });

  test.each(transferTargetTypes)('R82 X14 transfer to %s: active, there; only an employee becomes the assignee', (type) => {
    const target = { type, id: 'target' };
    expect(threadAfter({ kind: 'transfer', target, comment: 'please' }, 'anna')).toEqual({
      status: 'active',
      assigneeId: type === 'employee' ? 'target' : null,
      queue: target,
      minimised: false,
    });
    expect(threadAfter({ kind: 'transfer', target }, 'anna').status).toBe('active');
  });

  test('X14 the five targets', () => {
    expect(transferTargetTypes).toEqual(['employee', 'group', 'skill', 'bot', 'department']);
  });
});
