/** Which kinds of fault a plan had and a campaign did not see: without them it says nothing. */

import type { JournalEntry } from '../../sandbox/journal.js';
import { kindOf } from './faults.js';
import type { Plan } from './plan.js';
import type { Sabotage } from './saboteur.js';

/** Faults of providers, as the journal knows them. */
const seen: Record<string, (entry: JournalEntry) => boolean> = {
  'mail refused': (entry) => entry.channel === 'email' && entry.outcome === 'refused',
  'mail dropped': (entry) => entry.channel === 'email' && entry.outcome === 'dropped',
  'mail hung': (entry) => entry.channel === 'email' && entry.outcome === 'hung',
  'chat refused': (entry) => entry.channel === 'whatsapp' && entry.outcome === 'refused',
  'chat dropped': (entry) => entry.channel === 'whatsapp' && entry.outcome === 'dropped',
  'chat hung': (entry) => entry.channel === 'whatsapp' && entry.outcome === 'hung',
};

/** The kinds that never happened; empty when the campaign counts. */
export function voidKinds(plan: Plan, { happened }: Sabotage, journal: readonly JournalEntry[]): string[] {
  const planned = new Set(plan.faults.map(kindOf));
  const ofProviders = new Set(plan.stories.flatMap(({ kind, fault }) => (fault ? [nameOf(kind.startsWith('mail') ? 'mail' : 'chat', fault.do)] : [])));
  return [...[...planned].filter((kind) => !happened.has(kind)), ...[...ofProviders].filter((name) => name in seen && !journal.some(seen[name]!))];
}

function nameOf(channel: 'mail' | 'chat', does: Record<string, unknown>): string {
  if ('drop' in does) return `${channel} dropped`;
  if ('hangMs' in does) return `${channel} hung`;
  return 'reply' in does || 'status' in does ? `${channel} refused` : `${channel} slow`;
}
