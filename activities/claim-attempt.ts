/** The first of the two short transactions around a hand-over: check again, claim the thread, write `sending` (H1, H3, H8, H13). */

import { askLedger, type AttemptRow, insertAttempt, lookBack } from '../db/attempts.js';
import { constraintOf, sqlState } from '../db/connect.js';
import { beginSending, type HandOverFacts, loadHandOver } from '../db/delivery.js';
import { loadFacts } from '../db/facts.js';
import { claimThread } from '../db/threads.js';
import type { Ladder } from '../domain/channel.js';
import { decideEligibility } from '../domain/eligibility.js';
import type { AttemptOutcome } from '../domain/next-step.js';
import { threadScopeKey } from '../domain/thread.js';
import type { ActivityDeps } from './deps.js';
import { assembleFacts } from './eligibility-facts.js';

export interface DeliverInput {
  dispatchId: string;
  revision: number;
  channelId: string;
  contactPointId: string;
  attemptNo: number;
  generation: number;
  sendEpoch: number;
}

/** `claimed`: the row is ours and the message may be handed over. `told`: it may not, and this is what became of the attempt. */
export type Claim =
  { kind: 'claimed'; attempt: AttemptRow; ladder: Ladder; acceptedAt: Date; handOver: HandOverFacts } | { kind: 'told'; outcome: AttemptOutcome };

const told = (outcome: AttemptOutcome): Claim => ({ kind: 'told', outcome });

/** Throws only when the database does; then nothing was handed over and nothing will be under this number. */
export async function claimAttempt(deps: ActivityDeps, input: DeliverInput, attemptId: string): Promise<Claim> {
  try {
    return await deps.db.transaction((tx) => claim(deps, tx as never, input, attemptId));
  } catch (error) {
    // Another thread of the scope was opened between our look and our write.
    if (sqlState(error) === '23505' && constraintOf(error) === 'threads_one_open') return told({ kind: 'refused_by_check' });
    throw error;
  }
}

async function claim(deps: ActivityDeps, tx: ActivityDeps['db'], input: DeliverInput, id: string): Promise<Claim> {
  const { dispatchId, revision, attemptNo, generation } = input;
  const before = await lookBack(tx, dispatchId, attemptNo);
  const facts = await loadFacts(tx, dispatchId, input);
  if (!facts) throw new Error(`There is no revision ${revision} of dispatch ${dispatchId}.`);
  if (facts.attempt) return told(await askLedger(tx, dispatchId, attemptNo, generation, revision));
  if (facts.accepted) return told({ kind: 'accepted' });
  if (before.ended) return told({ kind: 'refused_by_check' });
  if (facts.installationEpoch !== input.sendEpoch) return told({ kind: 'wrong_epoch' });

  const eligibility = assembleFacts(deps.registry, facts, { firstCheck: false, pick: facts.choice?.contactPointId ?? null });
  const verdict = decideEligibility(eligibility);
  const channel = eligibility.channels.find((one) => one.id === input.channelId);
  if (!channel || !verdict.allowed || verdict.contactPointId !== input.contactPointId || verdict.channelId !== input.channelId) {
    return told({ kind: 'refused_by_check' });
  }
  const { clientId, threadId, senderId, acceptedAt } = facts.dispatch;
  const { opensThread } = channel.capabilities;
  const thread = facts.anyAccepted
    ? threadId
    : await claimThread(tx, {
        dispatchId,
        clientId,
        channel: { id: channel.id, type: channel.type, opensThread },
        scopeKey: threadScopeKey(facts.settings.activeThreadScope, clientId, channel.id),
        threadId,
        tagIds: facts.request.tagIds,
      });
  if (!thread) return told({ kind: 'refused_by_check' });
  const { ladder } = channel.policy;
  const { channelId, contactPointId } = input;
  const attempt = await insertAttempt(tx, {
    ...{ id, dispatchId, attemptNo, generation, revision, channelId, contactPointId, verdict },
    sendDeadlineMs: ladder.sendDeadlineMs,
    repeatsAttemptId: before.doubtedId,
  });
  if (!attempt) return told(await askLedger(tx, dispatchId, attemptNo, generation, revision));
  const dispositionStatus = opensThread ? 'pending' : 'not_applicable';
  await beginSending(tx, { ...input, threadId: thread, authorId: senderId, dispositionStatus: facts.anyAccepted ? null : dispositionStatus });
  const handOver = await loadHandOver(tx, input);
  return { kind: 'claimed', attempt, ladder, acceptedAt, handOver };
}
