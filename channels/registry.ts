/** The plug-ins of an installation, found by channel type and provider. */

import type { ChannelType } from '../domain/channel.js';
import type { ChannelPlugin } from './channel.js';

export interface ChannelRegistry {
  find(type: ChannelType, provider: string): ChannelPlugin | null;
  list(): ChannelPlugin[];
  close(): Promise<void>;
}

/** A pair (type, provider) may be registered once. */
export function createRegistry(plugins: readonly ChannelPlugin[]): ChannelRegistry {
  const byPair = new Map<string, ChannelPlugin>();
  for (const plugin of plugins) {
    const pair = `${plugin.type}/${plugin.provider}`;
    if (byPair.has(pair)) throw new Error(`The channel plug-in ${pair} is registered twice.`);
    byPair.set(pair, plugin);
  }
  return {
    find: (type, provider) => byPair.get(`${type}/${provider}`) ?? null,
    list: () => [...byPair.values()],
    close: async () => {
      await Promise.all([...byPair.values()].map((plugin) => plugin.close?.()));
    },
  };
}
