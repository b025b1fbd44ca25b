/** /v1/channels/{id} */

import { changeChannel as change, findChannel } from '../../../../db/channels.js';
import { mergeConfig } from '../../../../channels/secrets.js';
import { openChannel, sealConfig, type Config } from '../../../channel-config.js';
import { changePolicy, viewChannel } from '../../../channel-view.js';
import { channel, channelChange } from '../../../contract/channels.js';
import { idParam } from '../../../contract/common.js';
import { refuse, refuseShape } from '../../../problem.js';
import { readThrough } from '../../../read-through.js';
import { route } from '../../../route.js';

export const readChannel = route({
  method: 'get',
  path: '/v1/channels/{id}',
  operationId: 'readChannel',
  tag: 'Channels',
  summary: 'One channel, without its credentials',
  access: 'read',
  params: idParam,
  response: { status: 200, description: 'The channel.', schema: channel },
  handle: async ({ deps, params }) => {
    const row = await findChannel(deps.db, params.id);
    return row ? { body: viewChannel(deps, row) } : refuse('NOT_FOUND');
  },
});

export const changeChannelSettings = route({
  method: 'patch',
  path: '/v1/channels/{id}',
  operationId: 'changeChannelSettings',
  tag: 'Channels',
  summary: 'Enable, disable, reconfigure, end a pause',
  description:
    'A channel that is disabled begins no attempt; one that is paused goes on sending, since a pause is a mark for people. See `enabled` and `paused`.',
  access: 'admin',
  params: idParam,
  body: channelChange,
  response: { status: 200, description: 'The channel as it is now.', schema: channel },
  handle: async ({ deps, params, body }) => {
    const row = await findChannel(deps.db, params.id);
    if (!row) return refuse('NOT_FOUND');
    const { name, enabled, config, policy, paused } = body;
    const { plugin, config: before } = openChannel(deps, row);
    const parsed = readThrough(plugin.configSchema, config ? mergeConfig(before, config) : before, { at: '/config' });
    if (parsed.errors) return refuseShape(parsed.errors);
    const changed = await change(deps.db, row.id, {
      ...(name === undefined ? {} : { name }),
      ...(enabled === undefined ? {} : { enabled }),
      ...(policy === undefined ? {} : { policy: changePolicy(row.policy, policy) }),
      ...(config === undefined ? {} : sealConfig(deps, plugin, row.id, parsed.data as Config)),
      ...(paused === undefined ? {} : { pausedReason: null, pausedAt: null }),
    });
    return { body: viewChannel(deps, changed!) };
  },
});
