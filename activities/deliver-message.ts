/** One attempt: claim it in the ledger, hand it to the provider once, write down what was answered (H1–H3, H11). */

import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { v7 as uuidv7 } from 'uuid';
import { type ChannelPlugin, HandOverForbidden, type SendOutcome } from '../channels/channel.js';
import { mergeConfig } from '../channels/secrets.js';
import type { HandOverFacts } from '../db/delivery.js';
import { type Answer, settleAttempt, type SettledRecipient } from '../db/settle.js';
import { frozenForm } from '../domain/content.js';
import { type Failure, meaningOf } from '../domain/failure.js';
import type { AttemptOutcome } from '../domain/next-step.js';
import { type Claim, claimAttempt, type DeliverInput } from './claim-attempt.js';
import type { ActivityDeps } from './deps.js';
import { createPatience, type Patience } from './patience.js';
import { createSlots } from './slots.js';

export type { DeliverInput };

/** What the ledger could not be told; the workflow writes it down, for as long as it takes. */
export type Unrecorded = { kind: 'answer'; attemptId: string; answer: Answer } | { kind: 'void'; attemptId: string };

export interface DeliverResult {
  outcome: AttemptOutcome;
  unrecorded: Unrecorded | null;
}

/** How often a send in progress says that it lives, as a share of the heartbeat time-out. */
const heartbeatShare = 4;

/** What an activity needs to give its result back, in milliseconds. */
const returnMs = 500;

/** How often an answer that nobody waits for is offered to a database that is away, in milliseconds. */
const settleAgainMs = 1_000;

/** How much of a channel's and of the run's own time an attempt may take, in milliseconds. */
export interface DeliverLimits {
  maxInFlight: number;
  slotWaitMs: number;
  heartbeatMs: number;
  /** How long the run waits for the provider's answer before it looks into the ledger for it; null: for as long as it takes. */
  answerWithinMs: number | null;
  /** What the row of the attempt will say. */
  sendDeadlineMs: number;
}

/**
 * One hand-over at most. Safe to repeat: an attempt that has a row is answered from it, and never sent again.
 * Temporal does not retry it; the workflow decides what follows.
 */
export const deliverMessage = (deps: ActivityDeps) => {
  const slots = createSlots();

  return async (input: DeliverInput & DeliverLimits): Promise<DeliverResult> => {
    const activity = Context.current();
    // A local activity has no heartbeat: its run's task says that it lives.
    const beat = activity.info.isLocal ? undefined : setInterval(() => activity.heartbeat(), Math.max(100, input.heartbeatMs / heartbeatShare));
    try {
      const giveBack = await slots.take(input.channelId, input.maxInFlight, input.slotWaitMs);
      if (!giveBack) return { outcome: { kind: 'busy' }, unrecorded: null };
      const patience = createPatience(input.answerWithinMs);
      const sent = deps.sends.follow(attempt(deps, input, patience).finally(giveBack));
      return await Promise.race([sent, patience.over.then(() => unanswered(input.sendDeadlineMs))]);
    } finally {
      clearInterval(beat);
    }
  };
};

/** It goes on without its run, which is left word in the ledger. */
function unanswered(waitMs: number): DeliverResult {
  return { outcome: { kind: 'still_sending', waitMs }, unrecorded: null };
}

async function attempt(deps: ActivityDeps, input: DeliverInput, patience: Patience): Promise<DeliverResult> {
  // Counted from before the claim, so that we stop sooner than the row's deadline says.
  const startedAt = performance.now();
  const attemptId = uuidv7();
  let claim: Claim;
  try {
    await deps.checkpoint('deliver.before-claim', input.dispatchId);
    claim = await claimAttempt(deps, input, attemptId);
    await deps.checkpoint('deliver.claimed', input.dispatchId);
  } catch (error) {
    // Whether the claim was committed cannot be known, but nothing was sent: its number is closed.
    deps.log.warn({ dispatchId: input.dispatchId, attemptNo: input.attemptNo, err: error }, 'attempt not claimed');
    return { outcome: { kind: 'not_sent' }, unrecorded: { kind: 'void', attemptId } };
  }
  if (claim.kind === 'told') {
    deps.log.info({ dispatchId: input.dispatchId, attemptNo: input.attemptNo, outcome: claim.outcome.kind }, 'attempt hands nothing over');
    return { outcome: claim.outcome, unrecorded: null };
  }

  patience.begin();
  const answer = await handOver(deps, input, claim, startedAt);
  tellOperators(deps, input, answer);
  const { ladder } = claim;
  const leftMs = (until: number): number => until - (performance.now() - startedAt);
  if (!patience.answered()) {
    await settleUnwaited(deps, input, claim.attempt.id, answer, () => leftMs(ladder.sendDeadlineMs) > 0);
    return { outcome: outcomeOf(answer), unrecorded: null };
  }
  try {
    await deps.checkpoint('deliver.answered', input.dispatchId);
    // Before Temporal gives this activity up: the answer is known here alone.
    await within(leftMs(ladder.startToCloseMs - returnMs), settleAttempt(deps.db, claim.attempt.id, answer));
    await deps.checkpoint('deliver.settled', input.dispatchId);
    return { outcome: outcomeOf(answer), unrecorded: null };
  } catch (error) {
    deps.log.warn({ dispatchId: input.dispatchId, attemptNo: input.attemptNo, err: error }, 'answer not recorded yet');
    return { outcome: outcomeOf(answer), unrecorded: { kind: 'answer', attemptId: claim.attempt.id, answer } };
  }
}

/** The run is told by way of the ledger. This process alone knows the answer, so it is offered until the row counts as in doubt. */
async function settleUnwaited(deps: ActivityDeps, input: DeliverInput, attemptId: string, answer: Answer, inTime: () => boolean): Promise<void> {
  for (;;) {
    try {
      await deps.checkpoint('deliver.answered', input.dispatchId);
      await settleAttempt(deps.db, attemptId, answer, { unwaited: true });
      await deps.checkpoint('deliver.settled', input.dispatchId);
      return;
    } catch (error) {
      deps.log.warn({ dispatchId: input.dispatchId, attemptNo: input.attemptNo, err: error }, 'late answer not recorded yet');
      if (!inTime()) return;
      await setTimeout(settleAgainMs);
    }
  }
}

/** What a person has to look at: a channel that the provider turned down, or a refusal whose rate matters. */
function tellOperators(deps: ActivityDeps, { dispatchId, channelId }: DeliverInput, answer: Answer): void {
  if (answer.kind !== 'refused') return;
  const { failure } = answer;
  if (!failure.alert && meaningOf(failure).mark !== 'pause_channel') return;
  deps.log.warn({ dispatchId, channelId, failureClass: failure.class, code: failure.provider.code }, 'the provider refused in a way that needs a look');
}

/** Rejects when the work is not done by then; what comes of it later is left to itself. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = globalThis.setTimeout(() => reject(new Error(`The database did not answer within ${Math.round(ms)} ms.`)), Math.max(0, ms));
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function handOver(deps: ActivityDeps, input: DeliverInput, claim: Extract<Claim, { kind: 'claimed' }>, startedAt: number): Promise<Answer> {
  const { channel, rendered, renderedSha256, to, served } = claim.handOver;
  const plugin = deps.registry.find(channel.type, channel.provider)!;
  const hash = createHash('sha256').update(frozenForm(rendered)).digest('hex');
  if (hash !== renderedSha256) return refusedHere({ class: 'invalid_content', scope: 'message' }, 'The stored content no longer matches its hash.');
  const cfg = openConfig(deps, channel, plugin);
  if (cfg === null) return refusedHere({ class: 'config', scope: 'channel' }, 'The settings of the channel cannot be opened.');
  const stop = new AbortController();
  const timer = globalThis.setTimeout(() => stop.abort(new Error('The exchange took too long.')), claim.ladder.exchangeMs);
  const envelope = [to.address, ...rendered.bcc];
  const done = new Set(served.map((position) => envelope[position]?.toLowerCase()));
  const left = envelope.filter((address) => !done.has(address.toLowerCase()));
  try {
    await deps.checkpoint('deliver.before-send', input.dispatchId);
    const outcome = await plugin.send(
      { to: { kind: to.kind, value: to.address }, content: rendered, acceptedAt: claim.acceptedAt, ...(served.length > 0 ? { only: left } : {}) },
      {
        cfg,
        dispatchId: input.dispatchId,
        attemptId: claim.attempt.id,
        attemptNo: input.attemptNo,
        providerKey: `${input.dispatchId}:${input.generation}`,
        ladder: claim.ladder,
        signal: stop.signal,
        assertMayHandOver: () => {
          if (performance.now() - startedAt >= claim.ladder.exchangeMs) throw new HandOverForbidden('The send deadline has passed.');
          // The last instant before the bytes leave; it does not wait.
          void deps.checkpoint('deliver.leaving', input.dispatchId);
        },
        openAttachment: (id) => {
          throw new Error(`There is no attachment ${id}.`);
        },
      },
    );
    return answerOf(outcome, envelope, Object.keys(plugin.capabilities(channel.config).receipts).length === 0);
  } catch (error) {
    // A fault of ours inside a plug-in: nobody can tell how far it came.
    const failure = plugin.classifyError(error);
    return error instanceof HandOverForbidden ? { kind: 'refused', failure: { ...failure, class: 'transient' }, recipients: [] } : { kind: 'unknown', failure };
  } finally {
    clearTimeout(timer);
  }
}

/** Null under a master key that is not the one they were sealed with, or when the plug-in no longer reads them: nothing is sent then. */
function openConfig(deps: ActivityDeps, channel: HandOverFacts['channel'], plugin: ChannelPlugin): unknown {
  try {
    return plugin.configSchema.parse(mergeConfig(channel.config, deps.openCredentials(channel)));
  } catch {
    return null;
  }
}

/** A refusal by our own hand: nothing has left. */
function refusedHere(failure: Pick<Failure, 'class' | 'scope'>, message: string): Answer {
  return { kind: 'refused', failure: { ...failure, provider: { message } }, recipients: [] };
}

function answerOf(outcome: SendOutcome, envelope: readonly string[], sentWithoutReceipt: boolean): Answer {
  if (outcome.kind === 'unknown') return outcome;
  const recipients = (outcome.perRecipient ?? []).map((one): SettledRecipient => ({
    position: envelope.indexOf(one.address),
    status: one.status,
    ...(one.failure ? { failure: one.failure } : {}),
  }));
  if (outcome.kind === 'refused') return { kind: 'refused', failure: outcome.failure, recipients };
  return { kind: 'accepted', externalIds: outcome.externalIds, canonicalValue: outcome.canonicalAddress?.value ?? null, recipients, sentWithoutReceipt };
}

function outcomeOf(answer: Answer): AttemptOutcome {
  return answer.kind === 'accepted' ? { kind: 'accepted' } : { kind: answer.kind, failure: answer.failure };
}
