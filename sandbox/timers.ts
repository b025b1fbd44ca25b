/** Timers that can all be stopped at once, so that nothing runs on after a reset or a close. */

export interface Timers {
  /** Runs at once, in the same turn, when there is nothing to wait for. */
  after(ms: number, run: () => void): void;
  clear(): void;
}

export function createTimers(): Timers {
  const pending = new Set<NodeJS.Timeout>();
  return {
    after: (ms, run) => {
      if (ms <= 0) return run();
      const timer = setTimeout(() => {
        pending.delete(timer);
        run();
      }, ms);
      pending.add(timer);
    },
    clear: () => {
      pending.forEach((timer) => clearTimeout(timer));
      pending.clear();
    },
  };
}
