/** Clients as the wire takes and shows them. */

import type { z } from 'zod';
import type { NewContactPoint, StoredClient } from '../db/clients.js';
import type { StoredContactPoint } from '../db/contact-points.js';
import type { Settings } from '../db/settings.js';
import type { ContactPointKind } from '../domain/channel.js';
import { normaliseContactPoint } from '../domain/contact-point.js';
import type { client, contactPoint } from './contract/clients.js';
import { type Refusal, refuseFields, refuseShape } from './problem.js';

type Given = Pick<NewContactPoint, 'kind' | 'value' | 'selected'>;

export function viewContactPoint({ address, ...rest }: StoredContactPoint): z.input<typeof contactPoint> {
  return { ...rest, value: address };
}

export function viewClient(stored: StoredClient): z.input<typeof client> {
  return { ...stored, contactPoints: stored.contactPoints.map(viewContactPoint) };
}

/** The stored form of each, or what is wrong with all of them (R28, R117). */
export function normaliseAll(given: Given[], settings: Settings, at: string): NewContactPoint[] | Refusal {
  const read = given.map((one) => normaliseContactPoint(one.kind, one.value, settings.defaultCountry ?? undefined));
  const faults = read.flatMap((one, index) => (one.ok ? [] : [{ code: one.code, detail: one.detail, pointer: `${at}/${index}/value` }]));
  if (faults.length > 0) return refuseFields(faults);
  return read.flatMap((one, index) => (one.ok ? [{ kind: given[index]!.kind, selected: given[index]!.selected, value: one.value, address: one.address }] : []));
}

/** The contact point whose owner is asked for, by parameters of the query; null when none is. */
export function ownerAsked(
  asked: { phone?: string | undefined; email?: string | undefined; externalId?: string | undefined },
  settings: Settings,
): { kind: ContactPointKind; value: string } | null | Refusal {
  const [first, ...others] = Object.entries(asked).filter((entry): entry is [keyof typeof kinds, string] => entry[1] !== undefined);
  if (!first) return null;
  if (others.length > 0) {
    return refuseShape(others.map(([name]) => ({ in: 'query', pointer: `/${name}`, detail: 'Ask by one of phone, email and externalId at a time.' })));
  }
  const [name, text] = first;
  const read = normaliseContactPoint(kinds[name], text, settings.defaultCountry ?? undefined);
  if (read.ok) return { kind: kinds[name], value: read.value };
  return refuseShape([{ in: 'query', pointer: `/${name}`, code: read.code, detail: read.detail }]);
}

/** The names by which a request names a contact point. */
export const kinds = { phone: 'phone', email: 'email', externalId: 'external_id' } as const satisfies Record<string, ContactPointKind>;
