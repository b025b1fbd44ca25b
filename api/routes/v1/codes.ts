/** /v1/codes */

import { candidateReasons, endReasonTexts, providerReasonTexts, refusals, warnings } from '../../../domain/codes.js';
import { codeList } from '../../contract/codes.js';
import { route } from '../../route.js';

/** What is told of each, by the list that it stands on; one code may be a refusal here and a warning there. */
const items = [
  ...Object.entries(refusals).map(([code, { status, title, detail }]) => ({ code, kind: 'refusal' as const, title, detail, status })),
  ...Object.entries(warnings).map(([code, texts]) => ({ code, kind: 'warning' as const, ...texts, status: null })),
  ...Object.entries(candidateReasons).map(([code, texts]) => ({ code, kind: 'candidate_reason' as const, ...texts, status: null })),
  ...Object.entries(providerReasonTexts).map(([code, texts]) => ({ code, kind: 'provider_reason' as const, ...texts, status: null })),
  ...Object.entries(endReasonTexts).map(([code, texts]) => ({ code, kind: 'end_reason' as const, ...texts, status: null })),
];

export const listCodes = route({
  method: 'get',
  path: '/v1/codes',
  operationId: 'listCodes',
  tag: 'Installation',
  summary: 'Every code that a verdict or a problem may carry, with its text',
  description: 'One entry for each kind and code: some codes are both a refusal and a warning. Some belong to what is not built yet.',
  access: 'known',
  response: { status: 200, description: 'All of them.', schema: codeList },
  handle: async () => ({ body: { items, nextCursor: null } }),
});
