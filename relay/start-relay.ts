/** The relay's loops, hosted by the worker process: outbox, inbox, reconciler. Each is woken by a notification or by its interval. */

import { carryOutbox } from './outbox.js';
import type { RelayDeps } from './deps.js';
import { applyInbox } from './inbox.js';
import { reconcile } from './reconciler.js';

export interface Relay {
  /** Resolves when the round of each loop that is under way has ended. */
  stop(): Promise<void>;
}

/** A round that carried this much is followed by another at once. */
const fullRound = 50;

/** Starts the loops; lengths in milliseconds. A failing round is told and tried again after its interval. */
export async function startRelay(deps: RelayDeps, intervals: { relayMs: number; reconcileMs: number }): Promise<Relay> {
  const outbox = startLoop(deps, intervals.relayMs, async () => (await carryOutbox(deps)) >= fullRound);
  const inbox = startLoop(deps, intervals.relayMs, async () => (await applyInbox(deps)) >= fullRound);
  const reconciler = startLoop(deps, intervals.reconcileMs, () => reconcile(deps, intervals.reconcileMs));
  const wake = (what: string): void => (what === 'inbox' ? inbox : outbox).wake();
  // Notifications in a gap of the connection are lost; the catch-up look is the interval's, and the one after listening again.
  const listening = await deps.handle.client.listen('waybill_relay', wake, () => {
    inbox.wake();
    outbox.wake();
  });
  return {
    stop: async () => {
      await Promise.all([outbox.stop(), inbox.stop(), reconciler.stop()]);
      await listening.unlisten().catch(() => {});
    },
  };
}

interface Loop {
  wake(): void;
  stop(): Promise<void>;
}

/** `round` tells whether another one is to follow at once. */
function startLoop(deps: RelayDeps, intervalMs: number, round: () => Promise<boolean>): Loop {
  let stopped = false;
  let woken = false;
  let wakeUp = (): void => {};
  const rest = (): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, intervalMs);
      wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const run = async (): Promise<void> => {
    while (!stopped) {
      woken = false;
      let more = false;
      try {
        more = await round();
      } catch (error) {
        deps.log.warn({ err: error }, 'a round of the relay failed; it is tried again');
      }
      if (!stopped && !woken && !more) await rest();
    }
  };
  const running = run();
  const wake = (): void => {
    woken = true;
    wakeUp();
  };
  return {
    wake,
    stop: async () => {
      stopped = true;
      wake();
      await running;
    },
  };
}
