/** The dispatches that wait, and what was measured on them; written down line by line, so that a later run goes on from where one ended. */

import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { House } from '../contestants/waybill.js';
import type { Client, ServiceApi } from '../contestants/waybill-api.js';
import { send, sendAll } from '../measure/load.js';
import type { Stack } from '../stack/stack.js';

const monthSeconds = 30 * 86_400;

/** A dispatch that waits. */
export interface Parked {
  token: string;
  id: string;
  /** The one that will be picked. */
  contactPointId: string;
}

/** Bytes before anything waited: of each table with its indexes, and of Temporal's database. */
export interface Base {
  tables: Record<string, number>;
  temporal: number;
}

/** One number of waiting dispatches; shares are percent of a core, times milliseconds. */
export interface Step {
  parked: number;
  /** Null: they waited already. */
  createdPerSecond: number | null;
  restSeconds: number;
  idle: { own: Record<string, number>; temporal: number; postgres: number };
  memoryMb: Record<string, number>;
  /** For each that waits. */
  tableBytes: Record<string, number>;
  temporalBytes: number;
  /** From the choice to its answer, and to the hand-over. */
  choice: number[];
  resume: number[];
  refused: number;
}

type Line = { parked: Parked } | { gone: string } | { base: Base } | { step: Step };

export type Lot = ReturnType<typeof openLot>;

export function openLot(stack: Stack) {
  const file = join(stack.folder, 'parked.jsonl');
  const lines = (existsSync(file) ? readFileSync(file, 'utf8') : '')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);
  const keep = (line: Line): void => appendFileSync(file, `${JSON.stringify(line)}\n`);
  const gone = new Set(lines.map((line) => ('gone' in line ? line.gone : null)));
  const waiting = lines.flatMap((line) => ('parked' in line && !gone.has(line.parked.id) ? [line.parked] : []));
  return {
    count: () => waiting.length,
    base: lines.flatMap((line) => ('base' in line ? [line.base] : []))[0] ?? null,
    steps: lines.flatMap((line) => ('step' in line ? [line.step] : [])),
    keepBase: (base: Base): void => keep({ base }),
    keepStep: (step: Step): void => keep({ step }),
    /** Submits so many, for clients who have several addresses. */
    add: async (total: number, callers: number, { channelId, templateId }: House, service: ServiceApi, clients: readonly Client[]): Promise<void> => {
      await sendAll(total, callers, async (index) => {
        const client = clients[index % clients.length]!;
        const token = `p${Date.now().toString(36)}x${index}`;
        const content = { kind: 'template' as const, templateId, variables: { order: token, name: client.name } };
        const answer = await send(service.submit({ clientId: client.id, channelId, content, deadlines: { choiceSeconds: monthSeconds } }, token));
        if (answer.status !== 202) throw new Error(`A submit was answered ${answer.status}: ${answer.body.slice(0, 300)}`);
        const parked = { token, id: (JSON.parse(answer.body) as { id: string }).id, contactPointId: client.contactPoints[0]!.id };
        waiting.push(parked);
        keep({ parked });
      });
    },
    /** One of them, any of them. */
    take: (): Parked => {
      const [one] = waiting.splice(Math.floor(Math.random() * waiting.length), 1);
      keep({ gone: one!.id });
      return one!;
    },
  };
}
