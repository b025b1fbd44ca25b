/** The sends in flight of each channel in this worker: a hanging relay takes its own slots, never all of them. */

export interface Slots {
  /**
   * Gives the slot back; null when none became free within `waitMs` (milliseconds), or when as many wait already as there are slots:
   * whoever waits here keeps a worker's hand busy. Whoever asked first gets the next one.
   */
  take(channelId: string, cap: number, waitMs: number): Promise<(() => void) | null>;
}

interface Channel {
  taken: number;
  waiting: (() => void)[];
}

export function createSlots(): Slots {
  const channels = new Map<string, Channel>();
  const giveBack = (channelId: string, channel: Channel): void => {
    const next = channel.waiting.shift();
    if (next) return next();
    channel.taken -= 1;
    if (channel.taken === 0) channels.delete(channelId);
  };
  return {
    take: async (channelId, cap, waitMs) => {
      const channel = channels.get(channelId) ?? { taken: 0, waiting: [] };
      channels.set(channelId, channel);
      if (channel.taken < cap) channel.taken += 1;
      else if (channel.waiting.length >= cap || !(await waitForTurn(channel, waitMs))) return null;
      return () => giveBack(channelId, channel);
    },
  };
}

/** True: a slot was handed over by whoever had it. */
function waitForTurn(channel: Channel, waitMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const turn = (): void => {
      clearTimeout(timer);
      resolve(true);
    };
    const timer = setTimeout(() => {
      channel.waiting.splice(channel.waiting.indexOf(turn), 1);
      resolve(false);
    }, waitMs);
    channel.waiting.push(turn);
  });
}
