/** /healthz */

import { z } from 'zod';
import { route } from '../route.js';

export const health = route({
  method: 'get',
  path: '/healthz',
  operationId: 'health',
  tag: 'Operations',
  summary: 'Does the process live?',
  access: 'public',
  response: { status: 200, description: 'It does.', schema: z.object({ status: z.literal('ok') }) },
  handle: async () => ({ body: { status: 'ok' as const } }),
});
