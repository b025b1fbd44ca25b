/** /metrics */

import { z } from 'zod';
import { rawRoute } from '../route.js';

export const readMetrics = rawRoute({
  method: 'get',
  path: '/metrics',
  operationId: 'readMetrics',
  tag: 'Operations',
  summary: 'Figures for Prometheus',
  access: 'public',
  response: { 200: { description: 'In the text format of Prometheus.', content: { 'text/plain': { schema: z.string() } } } },
  handle: async ({ deps }, response) => {
    response.type(deps.metrics.contentType).send(await deps.metrics.metrics());
  },
});
