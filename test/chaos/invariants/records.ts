/** What the records say by themselves, and of what callers and providers were told: I5, I6, I7, I10, I12. */

import { type DispatchState, mayFollow } from '../../../domain/dispatch.js';
import { messageStatuses, type MessageStatus } from '../../../domain/receipt.js';
import { type Attempt, groupBy } from '../accounts.js';
import { claimWindowMs } from '../furnish.js';
import type { Move } from '../witness.js';
import { type Invariant, tell } from './finding.js';

/** Between the last look at the clock and the journal: one write to a socket, and what the sandbox takes to note it. Milliseconds. */
const noteMs = 500;

export const oneOpenThread: Invariant = ({ moves, openThreadIndex }) => {
  const broken = openThreadIndex ? [] : ['the index threads_one_open is not there, or not valid'];
  const changes = moves.filter((one) => one.what === 'thread');
  for (const [scope, ofScope] of groupBy(changes, (one) => one.scope)) {
    const open = new Set<string>();
    for (const { id, became, at } of ofScope) {
      if (became === 'closed') open.delete(id);
      else open.add(id);
      if (open.size > 1) broken.push(`${scope} at ${at}: ${[...open].join(' and ')} are open`);
    }
  }
  return { no: 'I5', what: 'at most one open thread in a scope at every instant', broken, of: changes.length, unit: 'changes of threads' };
};

/** The steps of an attempt (reliability, "Attempt states"); the first one of each row stands under "none". */
const attemptSteps: Record<Attempt['state'] | 'none', readonly Attempt['state'][]> = {
  none: ['sending', 'superseded', 'parked', 'reconciled_sent', 'reconciled_not_sent'],
  sending: ['accepted', 'refused_temporary', 'refused_permanent', 'in_doubt', 'reconciled_sent', 'superseded'],
  in_doubt: ['reconciled_sent', 'reconciled_not_sent', 'resent_possible_duplicate', 'parked'],
  parked: ['reconciled_sent', 'reconciled_not_sent', 'resent_possible_duplicate'],
  resent_possible_duplicate: ['reconciled_sent'],
  reconciled_not_sent: ['reconciled_sent'],
  accepted: [],
  refused_temporary: [],
  refused_permanent: [],
  superseded: [],
  reconciled_sent: [],
};

export const statesFollow: Invariant = ({ moves }) => {
  const steps = moves.filter((one) => one.what === 'dispatch' || one.what === 'attempt');
  const allowed = ({ what, was, became }: Move): boolean => {
    if (what === 'attempt') return attemptSteps[(was ?? 'none') as keyof typeof attemptSteps].includes(became as Attempt['state']);
    return was === null ? became === 'accepted' : mayFollow(was as DispatchState, became as DispatchState);
  };
  const broken = steps.filter((one) => !allowed(one)).map((one) => `${one.what} ${one.id}: ${one.was} → ${one.became} at ${one.at}`);
  return { no: 'I6', what: 'states move only along the graph', broken, of: steps.length, unit: 'steps of dispatches and attempts' };
};

export const keysHold: Invariant = ({ accounts, diary, keyed }) => {
  const broken: string[] = [];
  const submitted = [...diary.submitted.values()];
  for (const { key, ids, reuse } of submitted) {
    if (ids.size !== 1) broken.push(`${key} was told ${[...ids].join(' and ')}`);
    if (reuse !== null && reuse !== 422) broken.push(`${key} with another body was answered ${reuse}`);
  }
  const known = new Set(keyed);
  for (const { row } of accounts) if (!known.has(row.id)) broken.push(`${row.id} has no key`);
  if (keyed.length !== accounts.length) broken.push(`${keyed.length} keys for ${accounts.length} dispatches`);
  for (const id of diary.pickedTwice) broken.push(`${id}: two picks were taken`);
  const reused = submitted.filter((one) => one.reuse !== null).length;
  return { no: 'I7', what: 'the key contract holds', broken, of: submitted.length, unit: 'keys', beside: `${reused} used again for another message` };
};

export const blocksHold: Invariant = (evidence) => {
  const { accounts, blocks } = evidence;
  const broken: string[] = [];
  const byClient = groupBy(accounts, (one) => one.row.clientId);
  let stopped = 0;
  let looked = 0;
  for (const { clientId, channelId, committedAt } of blocks) {
    for (const account of byClient.get(clientId) ?? []) {
      if (account.row.endReason === 'CLIENT_BLOCKED' || account.row.endReason === 'CHANNEL_BLOCKED') stopped += 1;
      for (const attempt of account.attempts.filter((one) => channelId === null || one.channelId === channelId)) {
        looked += 1;
        // An attempt that is settled without a claim was never made.
        const claimed = attempt.verdict !== null;
        if (claimed && attempt.startedAt > committedAt) {
          broken.push(
            `${tell(evidence, account)}: attempt ${attempt.attemptNo} began at ${attempt.startedAt.toISOString()}, blocked at ${committedAt.toISOString()}`,
          );
        }
        for (const { at, seq } of attempt.copies) {
          const lateMs = Date.parse(at) - committedAt.getTime();
          if (lateMs > claimWindowMs + noteMs) broken.push(`${tell(evidence, account)}: hand-over ${seq} ${lateMs} ms after the block`);
        }
      }
    }
  }
  const beside = `${blocks.length} blocks, which ended ${stopped} dispatches`;
  return { no: 'I10', what: 'nothing is sent after a block', broken, of: looked, unit: 'attempts for blocked clients', beside };
};

const rank = (status: string): number => messageStatuses.indexOf(status as MessageStatus);

export const receiptsApplied: Invariant = (evidence) => {
  const { accounts, moves, diary, inbound } = evidence;
  const broken: string[] = [];
  const changes = moves.filter((one) => one.what === 'message' && one.was !== null);
  for (const { id, was, became, at } of changes) if (rank(became) < rank(was!)) broken.push(`${id}: status fell from ${was} to ${became} at ${at}`);
  const read = new Set(diary.reportedRead);
  let reported = 0;
  for (const account of accounts) {
    for (const attempt of account.attempts) {
      const highest = Math.max(-1, ...attempt.receipts.map((one) => rank(one.status)));
      const failed = highest === rank('failed');
      if (highest >= 0 && !failed && rank(account.row.messageStatus) < highest) broken.push(`${tell(evidence, account)}: below its receipts`);
      for (const { channel, outcome, wamid, recipients } of attempt.copies) {
        if (channel !== 'whatsapp' || outcome !== 'accepted') continue;
        reported += 1;
        const least = read.has(wamid!) ? 'read' : recipients[0]!.endsWith('0047') ? 'failed' : 'delivered';
        if (highest < rank(least)) broken.push(`${tell(evidence, account)}: ${least} was reported, ${messageStatuses[highest] ?? 'nothing'} has come`);
      }
    }
  }
  const several = [...inbound].filter(([, times]) => times > 1);
  for (const [wamid, times] of several) broken.push(`inbound ${wamid} is in the history ${times} times`);
  const beside = `each told twice in any order, ${read.size} read, ${inbound.size} inbound`;
  return { no: 'I12', what: 'receipts end at the highest rank, each event counts once', broken, of: reported + inbound.size, unit: 'messages', beside };
};
