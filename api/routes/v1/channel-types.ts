/** /v1/channel-types */

import { describeConfig } from '../../../channels/secrets.js';
import { channelTypeList } from '../../contract/channels.js';
import { route } from '../../route.js';

export const listChannelTypes = route({
  method: 'get',
  path: '/v1/channel-types',
  operationId: 'listChannelTypes',
  tag: 'Channels',
  summary: 'What can be connected, and what each one asks for',
  access: 'read',
  response: { status: 200, description: 'All of them.', schema: channelTypeList },
  handle: async ({ deps }) => ({
    body: {
      items: deps.channels.list().map(({ type, provider, configSchema }) => ({ type, provider, config: describeConfig(configSchema) })),
      nextCursor: null,
    },
  }),
});
