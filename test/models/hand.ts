/** One execution of a hand-over by a worker of its own, which stops at every step until the test lets it go on, fails it or kills it. */

import { MockActivityEnvironment } from '@temporalio/testing';
import type { DeliverResult } from '../../activities/deliver-message.js';
import type { SendOutcome } from '../../channels/channel.js';
import type { Database } from '../../db/connect.js';
import { type Case, externalIdOf, failure, type Send, workerOf } from './rig.js';

/** What names an attempt to a worker. */
export interface Token {
  attemptNo: number;
  generation: number;
  revision: number;
  sendEpoch: number;
}

/** What the provider does with a message: it takes it in the first two, and says so in the first. */
export type ProviderAnswer = 'accepted' | 'lost' | 'unsent' | 'temporary' | 'permanent';

/** A copy that the provider took. */
export interface Copy {
  attemptNo: number;
  attemptId: string;
}

export const outcomes: Record<ProviderAnswer, (attemptId: string) => SendOutcome> = {
  accepted: (attemptId) => ({ kind: 'accepted', externalIds: [externalIdOf(attemptId)] }),
  lost: () => ({ kind: 'unknown', failure: failure('unknown') }),
  unsent: () => ({ kind: 'unknown', failure: failure('unknown') }),
  temporary: () => ({ kind: 'refused', failure: failure('transient') }),
  permanent: () => ({ kind: 'refused', failure: failure('invalid_content') }),
};
export const takes = (answer: ProviderAnswer): boolean => answer === 'accepted' || answer === 'lost';

/** The failure that a test lets happen at a step, and the end of a worker that was killed. */
export class Injected extends Error {
  override name = 'Injected';
}

/** Runs deliverMessage as Temporal does, without Temporal. */
export async function deliver(worker: Parameters<typeof workerOf>[0], { dispatchId, channelId, contactPointId }: Case, token: Token): Promise<DeliverResult> {
  const limits = { maxInFlight: 10, slotWaitMs: 0, heartbeatMs: 2_000_000_000, answerWithinMs: null, sendDeadlineMs: 0 };
  return await new MockActivityEnvironment().run(workerOf(worker).deliverMessage, { dispatchId, channelId, contactPointId, ...token, ...limits });
}

export interface HandOptions {
  db: Database;
  one: Case;
  token: Token;
  /** Where the provider puts what it takes. */
  copies: Copy[];
  faults: (error: unknown) => void;
}

export class Hand {
  /** The step that it stands before or has just made; null once it is over. */
  at: string | null = null;
  result: DeliverResult | null = null;
  private dead = false;
  private answer: ProviderAnswer = 'accepted';
  private release: { on: () => void; fail: (error: Error) => void } = { on: () => {}, fail: () => {} };
  private arrived = (): void => {};
  private readonly work: Promise<void>;

  private constructor({ db, one, token, copies, faults }: HandOptions) {
    const send: Send = async (_message, { attemptId, attemptNo, assertMayHandOver }) => {
      assertMayHandOver();
      const { answer } = this;
      if (takes(answer)) copies.push({ attemptNo, attemptId });
      await this.stop('provider');
      return outcomes[answer](attemptId);
    };
    // The last instant before the bytes leave does not wait.
    const checkpoint = (name: string): Promise<void> | void => (name === 'deliver.leaving' ? undefined : this.stop(name));
    this.work = deliver({ db, checkpoint, send, faults }, one, token).then((result) => {
      this.at = null;
      if (!this.dead) this.result = result;
    });
  }

  /** Stands before its claim. */
  static async begin(options: HandOptions): Promise<Hand> {
    const hand = new Hand(options);
    await Promise.race([hand.arrival(), hand.work]);
    return hand;
  }

  /** Goes on to the next step, or to its end; where it is about to meet the provider, that answers so. */
  async goOn(answer: ProviderAnswer): Promise<void> {
    this.answer = answer;
    await this.step(() => this.release.on());
  }

  /** The step that it stands at fails. */
  async fail(): Promise<void> {
    await this.step(() => this.release.fail(new Injected('The test lets this step fail.')));
  }

  /** Its worker dies: nothing of it happens any more. */
  async die(): Promise<void> {
    this.dead = true;
    this.release.fail(new Injected('The worker is dead.'));
    await this.work;
  }

  private async step(release: () => void): Promise<void> {
    this.at = null;
    release();
    await Promise.race([this.arrival(), this.work]);
  }

  private arrival(): Promise<void> {
    return new Promise((resolve) => (this.at === null ? (this.arrived = resolve) : resolve()));
  }

  private stop(at: string): Promise<void> {
    if (this.dead) return Promise.reject(new Injected('The worker is dead.'));
    this.at = at;
    const released = new Promise<void>((on, fail) => (this.release = { on, fail }));
    this.arrived();
    return released;
  }
}
