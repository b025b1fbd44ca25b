/** /v1/dev-login */

import { insertKey, makeKey } from '../../../db/api-keys.js';
import { findStaff, listStaff } from '../../../db/staff.js';
import { login, loginRequest } from '../../contract/installation.js';
import { isFromOtherSite, isLocalPeer } from '../../local-peer.js';
import { refuse } from '../../problem.js';
import { route } from '../../route.js';

/** A working day. Milliseconds. */
const lifetimeMs = 12 * 3_600_000;

export const devLogin = route({
  method: 'post',
  path: '/v1/dev-login',
  operationId: 'devLogin',
  tag: 'Installation',
  summary: 'A short-lived key of a member of staff, for development',
  description: 'Only where the installation allows it, and only from the same machine, never for a page of another site; otherwise it is not found.',
  access: 'public',
  body: loginRequest,
  refusals: ['NOT_FOUND', 'UNAVAILABLE'],
  response: { status: 200, description: 'A key for twelve hours.', schema: login },
  handle: async ({ deps, body, request }) => {
    if (!deps.devLogin || !isLocalPeer(request) || isFromOtherSite(request)) return refuse('NOT_FOUND');
    const staff = body.staffId === undefined ? (await listStaff(deps.db, body.role))[0] : await findStaff(deps.db, body.staffId);
    if (!staff) return refuse('NOT_FOUND');
    const { key, ...stored } = makeKey();
    const expiresAt = new Date(Date.now() + lifetimeMs);
    await insertKey(deps.db, { ...stored, name: 'development login', staffId: staff.id, scopes: [], endsAt: expiresAt });
    return { body: { key, expiresAt, staff } };
  },
});
