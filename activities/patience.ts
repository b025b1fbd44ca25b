/** How long a run waits for a provider's answer in the express lane, so that a slow provider does not hold up the run's own task. */

export interface Patience {
  /** The message is handed over from now on. */
  begin(): void;
  /** The provider has answered: true when the run still waits to hear it, and then it does until it is told. */
  answered(): boolean;
  /** Resolves when the answer was not there in time; never otherwise. */
  over: Promise<void>;
}

/** `ms` null: the run has given its task away and waits for as long as it takes. */
export function createPatience(ms: number | null): Patience {
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  let end = (): void => {};
  const over = new Promise<void>((resolve) => (end = resolve));
  return {
    begin: () => {
      if (ms === null) return;
      timer = setTimeout(() => {
        isOver = true;
        end();
      }, ms);
    },
    answered: () => {
      clearTimeout(timer);
      return !isOver;
    },
    over,
  };
}
