/** Everything that the judge looks at: the sandbox's journal, the database, Temporal, the logs, and what callers were told. */

import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { sql } from 'drizzle-orm';
import * as schema from '../../db/schema/index.js';
import type { JournalEntry } from '../../sandbox/journal.js';
import { until } from '../support/stack.js';
import { type Account, groupBy, readAccounts } from './accounts.js';
import type { Diary } from './diary.js';
import { unrestIn } from './invariants/aftermath.js';
import { pause } from './pause.js';
import { privateIn } from './people.js';
import type { Scene } from './play.js';
import type { Reading } from './reader.js';
import { readVitals, type Vitals } from './vitals.js';
import { hearWitness, type Move } from './witness.js';

export interface Block {
  clientId: string;
  channelId: string | null;
  /** When it was committed, by the database. */
  committedAt: Date;
}

/** What stands in the way of "back to normal". */
export interface Rest {
  openRuns: number;
  brokenRuns: number;
  sending: number;
  outbox: number;
  inbox: number;
  busyConnections: number;
  before: Vitals[];
  after: Vitals[];
}

export interface Evidence {
  accounts: Account[];
  /** Handed over, and of no attempt that the ledger has. */
  strays: JournalEntry[];
  moves: Move[];
  /** One row per key: the dispatch that it stands for. */
  keyed: string[];
  blocks: Block[];
  /** Outgoing entries of each thread, oldest first: their dispatches. */
  threads: string[][];
  /** How often each inbound message is in the history. */
  inbound: Map<string, number>;
  templateTexts: Map<string, string>;
  /** The index that keeps a second open thread out is there and valid. */
  openThreadIndex: boolean;
  diary: Diary;
  reading: Reading;
  /** Histories as one sees them who is not staff: how many entries, and the blind copies in them. */
  outsider: { entries: number; broken: string[] };
  /** Where private things were looked for: bytes, and what was found. */
  searched: { bytes: number; found: string[] };
  rest: Rest;
}

const restDeadlineMs = 60_000;
const lookMs = 500;
const outsiderLooks = 100;

export async function gather(scene: Scene, reading: Reading, before: Vitals[]): Promise<Evidence> {
  const { db } = scene.stage.house;
  const rest = await untilAtRest(scene, before);
  const { accounts, strays } = await readAccounts(scene.stage.house);
  const messages = await db.select().from(schema.messages).orderBy(schema.messages.createdAt, schema.messages.id);
  const inbound = new Map<string, number>();
  for (const { direction, externalId } of messages) if (direction === 'inbound') inbound.set(externalId!, (inbound.get(externalId!) ?? 0) + 1);
  const outgoing = groupBy(
    messages.filter((one) => one.direction === 'outgoing'),
    (one) => one.threadId,
  );
  const versions = await db.select().from(schema.templateVersions);
  const [index] = await db.execute<{ valid: boolean }>(
    sql`select indisvalid and indisunique as valid from pg_index where indexrelid = 'threads_one_open'::regclass`,
  );
  return {
    accounts,
    strays,
    moves: await hearWitness(db),
    keyed: (await db.select({ id: schema.idempotencyKeys.dispatchId }).from(schema.idempotencyKeys)).map((one) => one.id),
    blocks: (
      await db.execute<{ client_id: string; channel_id: string | null; at: string }>(
        sql`select client_id, channel_id, pg_xact_commit_timestamp(xmin)::text as at from blocks where contact_point_id is null and lifted_at is null`,
      )
    ).map((one) => ({ clientId: one.client_id, channelId: one.channel_id, committedAt: new Date(one.at) })),
    threads: [...outgoing.values()].map((entries) => entries.map((one) => one.dispatchId!)),
    inbound,
    templateTexts: new Map(versions.map((one) => [`${one.templateId}/${one.version}`, one.body])),
    openThreadIndex: index?.valid === true,
    diary: scene.diary,
    reading,
    outsider: await lookFromOutside(scene, accounts),
    searched: search(scene),
    rest,
  };
}

/** Waits until nothing is open any more; what stays open is told. */
async function untilAtRest({ stage }: Scene, before: Vitals[]): Promise<Rest> {
  const { db, temporal } = stage.house;
  const look = async (): Promise<Rest> => {
    const [counts] = await db.execute<{ sending: number; outbox: number; inbox: number; busy: number }>(sql`select
      (select count(*) from attempts where state = 'sending')::int as sending,
      (select count(*) from outbox)::int as outbox,
      (select count(*) from inbox where applied_at is null)::int as inbox,
      (select count(*) from pg_stat_activity where application_name like 'waybill-%' and state <> 'idle')::int as busy`);
    const { sending, outbox, inbox, busy } = counts!;
    const openRuns = (await temporal.workflow.count(`ExecutionStatus = 'Running'`)).count;
    const brokenRuns = (await temporal.workflow.count(`TemporalReportedProblems IS NOT NULL AND ExecutionStatus = 'Running'`)).count;
    return { openRuns, brokenRuns, sending, outbox, inbox, busyConnections: busy, before, after: await readVitals(stage.crew.pids()) };
  };
  let seen = await look();
  await until(
    async () => {
      seen = await look();
      if (unrestIn(seen).length === 0) return true;
      await pause(lookMs);
      return false;
    },
    { deadlineMs: restDeadlineMs, what: 'rest' },
  ).catch(() => {});
  return seen;
}

async function lookFromOutside({ stage, ask }: Scene, accounts: readonly Account[]): Promise<Evidence['outsider']> {
  const broken: string[] = [];
  let entries = 0;
  const withCopies = accounts.filter(({ row, revisions }) => row.threadId !== null && revisions.some((one) => (one.content.bcc ?? []).length > 0));
  for (const { row } of withCopies.slice(0, outsiderLooks)) {
    const answer = await ask({ as: stage.keys.outsider, method: 'GET', path: `/v1/threads/${row.threadId}/messages` });
    entries += (answer?.body['items'] as unknown[] | undefined)?.length ?? 0;
    if (answer?.status !== 200 || JSON.stringify(answer.body).includes('blind')) broken.push(`thread ${row.threadId}, answered ${answer?.status}`);
  }
  return { entries, broken };
}

/** Every log, every error answer, and every file of Temporal. */
function search({ stage, diary }: Scene): Evidence['searched'] {
  const found = new Set<string>();
  let bytes = 0;
  const look = (where: string, text: string): void => {
    bytes += text.length;
    for (const one of privateIn(text)) found.add(`${where}: ${one}`);
  };
  stage.crew.outputs().forEach((text) => look('a log of API or worker', text));
  look('error answers', diary.errors.join('\n'));
  const { databaseFile, logFile } = stage.temporal;
  const files = readdirSync(dirname(databaseFile)).filter((name) => name.startsWith(basename(databaseFile)));
  for (const path of [...files.map((name) => join(dirname(databaseFile), name)), logFile, stage.postgres.logFile]) {
    look(basename(path), readFileSync(path).toString('latin1'));
  }
  return { bytes, found: [...found] };
}
