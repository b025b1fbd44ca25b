/** /v1/channels */

import { insertChannel, listChannels as readChannels, newChannelId } from '../../../db/channels.js';
import { sealConfig, type Config } from '../../channel-config.js';
import { changePolicy, viewChannel } from '../../channel-view.js';
import { channel, channelList, newChannel } from '../../contract/channels.js';
import { refuse, refuseShape } from '../../problem.js';
import { readThrough } from '../../read-through.js';
import { route } from '../../route.js';

export const createChannel = route({
  method: 'post',
  path: '/v1/channels',
  operationId: 'createChannel',
  tag: 'Channels',
  summary: 'Connect a channel',
  description: 'Its credentials are stored encrypted and never shown again.',
  access: 'admin',
  body: newChannel,
  response: { status: 201, description: 'Connected.', schema: channel, headers: { Location: 'Where the channel is found.' } },
  handle: async ({ deps, body }) => {
    const plugin = deps.channels.find(body.type, body.provider);
    if (!plugin)
      return refuse('INVALID_REQUEST', {
        errors: [{ pointer: '/provider', detail: 'There is no such provider of this channel type; see GET /v1/channel-types.' }],
      });
    const config = readThrough(plugin.configSchema, body.config, { at: '/config' });
    if (config.errors) return refuseShape(config.errors);
    const id = newChannelId();
    const { type, provider, name, enabled } = body;
    const sealed = sealConfig(deps, plugin, id, config.data as Config);
    const row = await insertChannel(deps.db, { id, type, provider, name, enabled, policy: changePolicy({}, body.policy ?? {}), ...sealed });
    return { body: viewChannel(deps, row), headers: { Location: `/v1/channels/${id}` } };
  },
});

export const listChannels = route({
  method: 'get',
  path: '/v1/channels',
  operationId: 'listChannels',
  tag: 'Channels',
  summary: 'All channels, oldest first',
  access: 'read',
  response: { status: 200, description: 'All of them.', schema: channelList },
  handle: async ({ deps }) => ({ body: { items: (await readChannels(deps.db)).map((row) => viewChannel(deps, row)), nextCursor: null } }),
});
