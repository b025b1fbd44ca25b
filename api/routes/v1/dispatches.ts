/** /v1/dispatches */

import { z } from 'zod';
import { listDispatches } from '../../../db/dispatches-read.js';
import { idempotencyKey } from '../../contract/common.js';
import { newDispatch } from '../../contract/dispatches.js';
import { dispatch, dispatchFilter, dispatchList } from '../../contract/dispatch-views.js';
import { pageBody } from '../../cursor.js';
import { viewDispatch } from '../../dispatch-view.js';
import { Refusal } from '../../problem.js';
import { route } from '../../route.js';
import { submit } from '../../submit.js';

export const submitDispatch = route({
  method: 'post',
  path: '/v1/dispatches',
  operationId: 'submitDispatch',
  tag: 'Dispatches',
  summary: 'Submit a message',
  description:
    'Accepted means durable: from then on the dispatch ends or waits visibly. The same key and body give the same dispatch. What the body alone shows to be wrong is refused here with a pointer, and nothing is kept of it: with a `channelId` all that this channel does not take; without one what no channel takes, like a text with neither a subject, which an email needs, nor a disposition, which every other channel needs. What depends on the client and the channels as they are is told by the verdict: the answer is 202, and the dispatch ends `rejected` or waits.',
  access: 'send',
  headers: z.object({ 'idempotency-key': idempotencyKey }),
  body: newDispatch,
  refusals: [
    'IDEMPOTENCY_KEY_REQUIRED',
    'IDEMPOTENCY_KEY_REUSED',
    'SUBMIT_IN_PROGRESS',
    'NOT_FOUND',
    'PHONE_TOO_SHORT',
    'PHONE_TOO_LONG',
    'CONTACT_POINT_INVALID',
    'CONTENT_EMPTY',
    'TEXT_TOO_LONG',
    'SUBJECT_REQUIRED',
    'FROM_NOT_CONNECTED',
    'BCC_INVALID',
    'BCC_NOT_SUPPORTED',
    'TEMPLATE_NOT_APPROVED',
    'TEMPLATE_NOT_SUPPORTED',
    'VARIABLE_MISSING',
    'VARIABLE_INVALID',
    'DISPOSITION_REQUIRED',
    'DISPOSITION_NOT_ALLOWED',
    'TRANSFER_TARGET_UNKNOWN',
  ],
  response: {
    status: 202,
    description: 'Accepted; a repeat is told where the dispatch stands by now.',
    schema: dispatch,
    headers: { Location: 'Where the dispatch is found.' },
  },
  handle: async ({ deps, principal, headers, body }) => {
    const row = await submit(deps, principal, headers['idempotency-key'], body);
    return row instanceof Refusal ? row : { body: viewDispatch(deps, row), headers: { Location: `/v1/dispatches/${row.id}` } };
  },
});

export const listAllDispatches = route({
  method: 'get',
  path: '/v1/dispatches',
  operationId: 'listDispatches',
  tag: 'Dispatches',
  summary: 'List dispatches, newest first',
  access: 'read',
  query: dispatchFilter,
  response: { status: 200, description: 'One page.', schema: dispatchList },
  handle: async ({ deps, query }) => {
    const { limit, cursor, ...filter } = query;
    const page = await listDispatches(deps.db, filter, { limit, after: cursor ?? null });
    return { body: pageBody({ ...page, items: page.items.map((row) => viewDispatch(deps, row)) }) };
  },
});
