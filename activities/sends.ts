/** The hand-overs of a worker that are under way: a drain waits for them, also for those whose run does not wait any more. */

export interface Sends {
  /** Keeps a hand-over in mind until it is done, whatever becomes of it. */
  follow<T>(send: Promise<T>): Promise<T>;
  /** Resolves when none is under way. */
  idle(): Promise<void>;
}

export function createSends(): Sends {
  const underWay = new Set<Promise<unknown>>();
  return {
    follow: (send) => {
      const done = send.catch(() => {}).finally(() => underWay.delete(done));
      underWay.add(done);
      return send;
    },
    idle: async () => {
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}
