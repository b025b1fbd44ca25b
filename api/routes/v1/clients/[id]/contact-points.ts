/** /v1/clients/{id}/contact-points */

import { addContactPoint as insert } from '../../../../../db/contact-points.js';
import { findClient } from '../../../../../db/clients.js';
import { readSettings } from '../../../../../db/settings.js';
import { maxContactPoints, normaliseContactPoint } from '../../../../../domain/contact-point.js';
import { viewClient } from '../../../../client-view.js';
import { client, newContactPoint } from '../../../../contract/clients.js';
import { idParam } from '../../../../contract/common.js';
import { refuse, refuseFields } from '../../../../problem.js';
import { route } from '../../../../route.js';

export const addContactPoint = route({
  method: 'post',
  path: '/v1/clients/{id}/contact-points',
  operationId: 'addContactPoint',
  tag: 'Clients',
  summary: 'Add one contact point, at the bottom of the list',
  access: 'clients',
  params: idParam,
  body: newContactPoint,
  refusals: ['PHONE_TOO_SHORT', 'PHONE_TOO_LONG', 'CONTACT_POINT_INVALID', 'CONTACT_POINT_TAKEN'],
  response: { status: 201, description: 'Added; the client as it is now.', schema: client },
  handle: async ({ deps, params, body }) => {
    const { defaultCountry } = await readSettings(deps.db);
    const read = normaliseContactPoint(body.kind, body.value, defaultCountry ?? undefined);
    if (!read.ok) return refuseFields([{ code: read.code, detail: read.detail, pointer: '/value' }]);
    const added = await insert(deps.db, params.id, { kind: body.kind, selected: body.selected, value: read.value, address: read.address });
    if (added.kind === 'full') return refuse('INVALID_REQUEST', { detail: `A client has at most ${maxContactPoints} contact points.` });
    if (added.kind === 'taken') return refuseFields([{ code: 'CONTACT_POINT_TAKEN', pointer: '/value' }]);
    const owner = added.kind === 'unknown' ? null : await findClient(deps.db, params.id);
    return owner ? { body: viewClient(owner) } : refuse('NOT_FOUND');
  },
});
