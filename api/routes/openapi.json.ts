/** /openapi.json */

import { z } from 'zod';
import { route } from '../route.js';

export const readOpenApi = route({
  method: 'get',
  path: '/openapi.json',
  operationId: 'readOpenApi',
  tag: 'Operations',
  summary: 'This document',
  access: 'public',
  response: { status: 200, description: 'OpenAPI 3.1.', schema: z.record(z.string(), z.unknown()) },
  handle: async ({ deps }) => ({ body: deps.openApi }),
});
