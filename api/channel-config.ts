/** A channel row with its plug-in and its whole configuration; credentials are in the clear only while a call lasts. */

import type { ChannelPlugin } from '../channels/channel.js';
import { mergeConfig, splitConfig } from '../channels/secrets.js';
import type { StoredChannel } from '../db/channels.js';
import type { ApiDeps } from './deps.js';

export type Config = Record<string, unknown>;

export interface OpenChannel {
  row: StoredChannel;
  plugin: ChannelPlugin;
  config: Config;
}

/** Throws when the plug-in is gone or the master key is another one: an operator has to mend that. */
export function openChannel(deps: Pick<ApiDeps, 'channels' | 'secretBox'>, row: StoredChannel): OpenChannel {
  const plugin = deps.channels.find(row.type, row.provider);
  if (!plugin) throw new Error(`There is no plug-in for the channel type ${row.type} with the provider ${row.provider}.`);
  const { credentials, credentialsKey } = row;
  const secrets = credentials && credentialsKey ? (deps.secretBox.open(row.id, { credentials, credentialsKey }) as Config) : {};
  return { row, plugin, config: plugin.configSchema.parse(mergeConfig(row.config, secrets)) as Config };
}

/** The columns that hold a configuration: its open part, and its secrets sealed for this channel. */
export function sealConfig(
  deps: Pick<ApiDeps, 'secretBox'>,
  plugin: ChannelPlugin,
  channelId: string,
  config: Config,
): Pick<StoredChannel, 'config' | 'credentials' | 'credentialsKey'> {
  const { open, secrets } = splitConfig(plugin.configSchema, config);
  const sealed = Object.keys(secrets).length > 0 ? deps.secretBox.seal(channelId, secrets) : { credentials: null, credentialsKey: null };
  return { config: open, ...sealed };
}
