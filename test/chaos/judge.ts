/** States every invariant of a campaign, each with its count. */

import type { Evidence } from './evidence.js';
import { backToNormal, everyRequestAnswered, nothingPrivateLeft } from './invariants/aftermath.js';
import type { Finding, Invariant } from './invariants/finding.js';
import { copiesIdentical, noBlindCopyTold, noFalseWord, noPhantom, nothingLost, noUnexplainedDuplicate, orderKept } from './invariants/handed-over.js';
import { blocksHold, keysHold, oneOpenThread, receiptsApplied, statesFollow } from './invariants/records.js';

const invariants: readonly Invariant[] = [
  nothingLost,
  noUnexplainedDuplicate,
  noPhantom,
  noFalseWord,
  oneOpenThread,
  statesFollow,
  keysHold,
  copiesIdentical,
  noBlindCopyTold,
  blocksHold,
  orderKept,
  receiptsApplied,
  nothingPrivateLeft,
  backToNormal,
  everyRequestAnswered,
];

export function judge(evidence: Evidence): Finding[] {
  return invariants.map((invariant) => invariant(evidence));
}
