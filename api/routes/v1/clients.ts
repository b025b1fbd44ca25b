/** /v1/clients */

import { z } from 'zod';
import { createClient as insertClient, findClient, listClients as readClients } from '../../../db/clients.js';
import { readSettings } from '../../../db/settings.js';
import { newClient, client, clientList } from '../../contract/clients.js';
import { pageQuery } from '../../contract/common.js';
import { normaliseAll, ownerAsked, viewClient } from '../../client-view.js';
import { pageBody } from '../../cursor.js';
import { Refusal, refuseFields } from '../../problem.js';
import { route } from '../../route.js';

export const createClient = route({
  method: 'post',
  path: '/v1/clients',
  operationId: 'createClient',
  tag: 'Clients',
  summary: 'Create a client',
  access: 'clients',
  body: newClient,
  refusals: ['PHONE_TOO_SHORT', 'PHONE_TOO_LONG', 'CONTACT_POINT_INVALID', 'CONTACT_POINT_TAKEN'],
  response: { status: 201, description: 'Created.', schema: client, headers: { Location: 'Where the client is found.' } },
  handle: async ({ deps, body }) => {
    const points = normaliseAll(body.contactPoints, await readSettings(deps.db), '/contactPoints');
    if (points instanceof Refusal) return points;
    const made = await insertClient(deps.db, { name: body.name, contactPoints: points });
    if (made.kind === 'taken') return refuseFields([{ code: 'CONTACT_POINT_TAKEN', pointer: `/contactPoints/${made.index}/value` }]);
    const created = await findClient(deps.db, made.clientId);
    return { body: viewClient(created!), headers: { Location: `/v1/clients/${made.clientId}` } };
  },
});

export const listClients = route({
  method: 'get',
  path: '/v1/clients',
  operationId: 'listClients',
  tag: 'Clients',
  summary: 'List clients, newest first, or find the owner of a contact point',
  access: 'read',
  query: z.strictObject({
    phone: z.string().min(1).max(100).optional(),
    email: z.string().min(1).max(320).optional(),
    externalId: z.string().min(1).max(255).optional(),
    ...pageQuery,
  }),
  response: { status: 200, description: 'One page.', schema: clientList },
  handle: async ({ deps, query }) => {
    const { limit, cursor, ...asked } = query;
    const owning = ownerAsked(asked, await readSettings(deps.db));
    if (owning instanceof Refusal) return owning;
    const page = await readClients(deps.db, owning, { limit, after: cursor ?? null });
    return { body: pageBody({ ...page, items: page.items.map(viewClient) }) };
  },
});
