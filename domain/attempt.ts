/** Where one hand-over stands in the ledger. Source: requirements 4.5. */

export const attemptStates = [
  'sending',
  'accepted',
  'refused_temporary',
  'refused_permanent',
  'in_doubt',
  'superseded',
  'reconciled_sent',
  'reconciled_not_sent',
  'resent_possible_duplicate',
  'parked',
] as const;
export type AttemptState = (typeof attemptStates)[number];
