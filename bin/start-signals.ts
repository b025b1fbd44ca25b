/** Ctrl-C: once ends everything in order, twice at once. */

/** Two signals closer than this are one: a terminal signals the whole group, and npm passes its own copy on. */
const sameKeyMs = 500;

/** `first` on the first signal, or when nobody reads our output any more; `second` on any later signal. */
export function onStopSignals(handlers: { first(): void; second(): void }): void {
  let firstAt: number | null = null;
  const handle = () => {
    if (firstAt === null) {
      firstAt = Date.now();
      handlers.first();
    } else if (Date.now() - firstAt > sameKeyMs) handlers.second();
  };
  let unread = false;
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', () => {
      if (!unread) handle();
      unread = true;
    });
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, handle);
}
