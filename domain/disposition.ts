/** What becomes of the thread after sending: the rule for asking, and the rule for carrying it out (R7, R9, R77–R82, X11, X14). */

import type { RefusalCode } from './codes.js';

export const transferTargetTypes = ['employee', 'group', 'skill', 'bot', 'department'] as const;
export type TransferTargetType = (typeof transferTargetTypes)[number];

export type Disposition =
  { kind: 'close' } | { kind: 'assign_self' } | { kind: 'transfer'; target: { type: TransferTargetType; id: string }; comment?: string };

export type DispositionStatus = 'not_applicable' | 'pending' | 'done' | 'failed';
export const dispositionReasons = ['CLIENT_WROTE', 'TRANSFER_TARGET_UNKNOWN', 'THREAD_CLOSED', 'DECISION_EXPIRED'] as const;
/** Why a disposition could not be carried out. */
export type DispositionReason = (typeof dispositionReasons)[number];

export interface DispositionResult {
  status: 'not_applicable' | 'done' | 'failed';
  reason?: DispositionReason;
}

export type SenderRole = 'agent' | 'supervisor' | 'admin' | 'service';

/** Who sends: role and id come from the credential, never from the request. */
export interface Sender {
  id: string;
  role: SenderRole;
}

/** Whether this disposition may be asked for; null is yes. `opensThread` is null while the channel is not known yet. */
export function refuseDisposition(disposition: Disposition | null, sender: Sender, opensThread: boolean | null): RefusalCode | null {
  if (opensThread === false) return disposition ? 'DISPOSITION_NOT_ALLOWED' : null;
  if (!disposition) return opensThread ? 'DISPOSITION_REQUIRED' : null;
  return disposition.kind === 'assign_self' && sender.role !== 'agent' ? 'DISPOSITION_NOT_ALLOWED' : null;
}

/** The queue a transferred thread lands in, and the status it gets there. */
export function threadAfter(
  disposition: Disposition,
  senderId: string,
): {
  status: 'active' | 'waiting' | 'closed';
  assigneeId: string | null;
  queue: { type: TransferTargetType; id: string } | null;
  minimised: boolean;
} {
  switch (disposition.kind) {
    case 'close':
      return { status: 'closed', assigneeId: null, queue: null, minimised: false };
    case 'assign_self':
      return { status: 'waiting', assigneeId: senderId, queue: null, minimised: true };
    case 'transfer':
      return {
        status: 'active',
        assigneeId: disposition.target.type === 'employee' ? disposition.target.id : null,
        queue: disposition.target,
        minimised: false,
      };
  }
}
