/** /v1/clients/{id}/contact-points/{contactPointId} */

import { z } from 'zod';
import { findClient } from '../../../../../../db/clients.js';
import { changeContactPoint as change, listContactPoints, removeContactPoint as remove } from '../../../../../../db/contact-points.js';
import { readSettings } from '../../../../../../db/settings.js';
import { normaliseContactPoint } from '../../../../../../domain/contact-point.js';
import { viewClient } from '../../../../../client-view.js';
import { client, contactPointChange } from '../../../../../contract/clients.js';
import { id } from '../../../../../contract/common.js';
import type { AppDeps } from '../../../../../deps.js';
import { type Refusal, refuse, refuseFields } from '../../../../../problem.js';
import { type Reply, route } from '../../../../../route.js';

const params = z.object({ id, contactPointId: id });

export const changeContactPoint = route({
  method: 'patch',
  path: '/v1/clients/{id}/contact-points/{contactPointId}',
  operationId: 'changeContactPoint',
  tag: 'Clients',
  summary: 'Replace the value, select, or move',
  access: 'clients',
  params,
  body: contactPointChange,
  refusals: ['PHONE_TOO_SHORT', 'PHONE_TOO_LONG', 'CONTACT_POINT_INVALID', 'CONTACT_POINT_TAKEN'],
  response: { status: 200, description: 'Changed; the client as it is now.', schema: client },
  handle: async ({ deps, params: { id: clientId, contactPointId }, body }) => {
    const { value, selected, position } = body;
    const kept = { ...(selected === undefined ? {} : { selected }), ...(position === undefined ? {} : { position }) };
    if (value === undefined) return await answer(deps, clientId, await change(deps.db, clientId, contactPointId, kept));
    const point = (await listContactPoints(deps.db, [clientId])).find((one) => one.id === contactPointId);
    if (!point) return refuse('NOT_FOUND');
    const { defaultCountry } = await readSettings(deps.db);
    const read = normaliseContactPoint(point.kind, value, defaultCountry ?? undefined);
    if (!read.ok) return refuseFields([{ code: read.code, detail: read.detail, pointer: '/value' }]);
    return await answer(deps, clientId, await change(deps.db, clientId, contactPointId, { ...kept, value: read.value, address: read.address }));
  },
});

export const removeContactPoint = route({
  method: 'delete',
  path: '/v1/clients/{id}/contact-points/{contactPointId}',
  operationId: 'removeContactPoint',
  tag: 'Clients',
  summary: 'Remove a contact point',
  description: 'What was sent to it stays in the history.',
  access: 'clients',
  params,
  response: { status: 204, description: 'Removed.', schema: z.undefined() },
  handle: async ({ deps, params: { id: clientId, contactPointId } }) =>
    (await remove(deps.db, clientId, contactPointId)) ? { body: undefined } : refuse('NOT_FOUND'),
});

async function answer(deps: AppDeps, clientId: string, outcome: 'changed' | 'taken' | 'unknown'): Promise<Reply<z.input<typeof client>> | Refusal> {
  if (outcome === 'taken') return refuseFields([{ code: 'CONTACT_POINT_TAKEN', pointer: '/value' }]);
  const owner = outcome === 'unknown' ? null : await findClient(deps.db, clientId);
  return owner ? { body: viewClient(owner) } : refuse('NOT_FOUND');
}
