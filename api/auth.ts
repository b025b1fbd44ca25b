/** Who calls: bearer keys, what they may do, and whom they may act for. Role and actor come from the credential alone. */

import { timingSafeEqual } from 'node:crypto';
import { findKey, hashOfKey } from '../db/api-keys.js';
import type { Queryable } from '../db/connect.js';
import { findStaff, type StaffRole } from '../db/staff.js';
import type { Sender } from '../domain/disposition.js';
import type { Scope } from './contract/installation.js';
import { type Refusal, refuse } from './problem.js';

/** What a person may do by role; a service key carries its own list. */
const scopesOfRole: Record<StaffRole, readonly Scope[]> = {
  agent: ['read', 'send', 'clients'],
  supervisor: ['read', 'send', 'clients'],
  admin: ['read', 'send', 'clients', 'admin'],
};

export interface Principal {
  keyId: string;
  /** The person, or the service key itself: what idempotency keys belong to. */
  sender: Sender;
  scopes: ReadonlySet<string>;
}

const keyShape = /^(?:Bearer) +((wb_[0-9a-f]{12})\.[A-Za-z0-9_-]{43})$/i;
const noHash = '0'.repeat(64);

/** The caller behind an `Authorization` header, or null. Unknown, wrong and revoked keys take the same path. */
export async function authenticate(db: Queryable, header: string | undefined): Promise<Principal | null> {
  const [, key, prefix] = keyShape.exec(header ?? '') ?? [];
  if (key === undefined || prefix === undefined) return null;
  const found = await findKey(db, prefix);
  const matches = timingSafeEqual(Buffer.from(found?.secretHash ?? noHash, 'hex'), Buffer.from(hashOfKey(key), 'hex'));
  if (!found || !matches) return null;
  const sender: Sender = found.staffId && found.role ? { id: found.staffId, role: found.role } : { id: found.id, role: 'service' };
  return { keyId: found.id, sender, scopes: new Set(found.role ? scopesOfRole[found.role] : found.scopes) };
}

/** The one in whose name this is done: the caller, or the member of staff that a service key names where its scope allows. */
export async function actFor(db: Queryable, principal: Principal, onBehalfOf: string | undefined): Promise<Sender | Refusal> {
  if (onBehalfOf === undefined) return principal.sender;
  if (principal.sender.role !== 'service' || !principal.scopes.has('act_on_behalf')) return refuse('ROLE_NOT_ALLOWED');
  const member = await findStaff(db, onBehalfOf);
  if (member) return { id: member.id, role: member.role };
  return refuse('INVALID_REQUEST', { errors: [{ pointer: '/onBehalfOf', detail: 'There is no such member of staff.' }] });
}

/** True for people; addresses in blind copy are theirs to see (R72). */
export function isStaff(principal: Principal): boolean {
  return principal.sender.role !== 'service';
}
