/** The bench's side of the sink: which mail arrived when, and how often. */

import { inBench } from './paths.js';
import { freePort, isListening, type Launched, type Launcher, requireUntil } from './processes.js';

/** A token and when its mail had arrived, in milliseconds of the machine's own clock. */
export type Arrival = [token: string, atMs: number];

export interface Sink {
  process: Launched;
  port: number;
  /** When the mail with this token arrived, each time that it did; empty: never. */
  arrivals(token: string): readonly number[];
  /** From now on answers come this late. */
  delay(ms: number): void;
  /** Waits until all of them have arrived; rejects after the deadline with how many have not. */
  untilArrived(tokens: readonly string[], deadlineMs: number): Promise<void>;
}

export async function startSink(launcher: Launcher): Promise<Sink> {
  const port = await freePort();
  const arrived = new Map<string, number[]>();
  const launched = await launcher.launch({
    name: 'sink',
    command: process.execPath,
    args: [inBench('stack', 'sink-process.js'), String(port)],
    ipc: true,
    isReady: () => isListening(port),
  });
  launched.child.on('message', (news: Arrival[]) => {
    for (const [token, atMs] of news) {
      const before = arrived.get(token);
      if (before) before.push(atMs);
      else arrived.set(token, [atMs]);
    }
  });
  return {
    process: launched,
    port,
    arrivals: (token) => arrived.get(token) ?? [],
    delay: (delayMs) => void launched.child.send({ delayMs }),
    untilArrived: async (tokens, deadlineMs) => {
      let left = [...tokens];
      await requireUntil(
        `${tokens.length} mails`,
        () => {
          left = left.filter((token) => !arrived.has(token));
          return left.length === 0;
        },
        deadlineMs,
      ).catch((error: Error) => {
        throw new Error(`${error.message} ${left.length} did not come, ${left[0]} among them.`);
      });
    },
  };
}
