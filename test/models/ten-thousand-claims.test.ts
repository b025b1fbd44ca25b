import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { sql } from 'drizzle-orm';
import { constraintOf, sqlState } from '../../db/connect.js';
import { closeThread } from '../../db/threads-read.js';
import { claimThread, joinThread, releaseThread } from '../../db/threads.js';
import { buildRig, type Rig } from './rig.js';

const claimCount = 10_000;
const clientCount = 6;
/** Connections that claim, write, give back and close at once; one more looks on. */
const hands = 24;

let rig: Rig;
beforeAll(async () => {
  rig = await buildRig({ max: hands + 1 });
});
afterAll(async () => await rig?.drop());

interface Scope {
  clientId: string;
  channelId: string;
  scopeKey: string;
}

/** Half of the clients have one scope, the others one for each of two channels. */
async function makeScopes(): Promise<Scope[]> {
  const other = await rig.addChannel('whatsapp');
  const clients = await Promise.all(Array.from({ length: clientCount }, async () => (await rig.newCase('whatsapp')).clientId));
  return clients.flatMap((clientId, i) =>
    i % 2 === 0
      ? [{ clientId, channelId: rig.channels.whatsapp, scopeKey: `client/${clientId}` }]
      : [rig.channels.whatsapp, other].map((channelId) => ({ clientId, channelId, scopeKey: `client/${clientId}/channel/${channelId}` })),
  );
}

/** Dispatches that claim, as many for each scope, in the order of the scopes. */
async function makeDispatches(scopes: readonly Scope[]): Promise<string[]> {
  const clientIds = scopes.map((one) => one.clientId);
  const rows = await rig.db.execute<{ id: string }>(sql`
    insert into dispatches (id, client_id, sender_id, sender_role, submitted_by, parks, deadlines, send_epoch)
    select gen_random_uuid(), (${sql.param(`{${clientIds.join()}}`)}::uuid[])[1 + (n % ${scopes.length}::int)], 'agent-1', 'agent', 'agent-1', true, '{}', 1
    from generate_series(0, ${claimCount - 1}::int) n
    returning id`);
  return rows.map((row) => row.id);
}

test(`R97 I5 H8 ${claimCount.toLocaleString('en')} claims at once, while threads are closed and given back and clients write: one open thread in each scope at every instant, and nobody goes without an answer`, async () => {
  const { db } = rig;
  const scopes = await makeScopes();
  const left = (await makeDispatches(scopes)).map((dispatchId, n) => ({ dispatchId, scope: scopes[n % scopes.length]!, n }));
  const counts = { granted: 0, refused: 0, lostTheRace: 0, written: 0, openedByClient: 0, givenBack: 0, closed: 0 };
  const granted = new Map<string, string>();
  const joined = new Set<string>();
  const wrong: unknown[] = [];

  const claim = async (dispatchId: string, { clientId, channelId, scopeKey }: Scope): Promise<string | null> => {
    try {
      const id = await db.transaction((tx) =>
        claimThread(tx as never, {
          dispatchId,
          clientId,
          channel: { id: channelId, type: 'whatsapp', opensThread: true },
          scopeKey,
          threadId: null,
          tagIds: [],
        }),
      );
      if (id === null) counts.refused += 1;
      else counts.granted += 1;
      return id;
    } catch (error) {
      if (sqlState(error) !== '23505' || constraintOf(error) !== 'threads_one_open') throw error;
      counts.lostTheRace += 1;
      return null;
    }
  };
  const write = async ({ clientId, channelId, scopeKey }: Scope): Promise<void> => {
    const { threadId } = await db.transaction((tx) =>
      joinThread(tx as never, { clientId, channel: { id: channelId, type: 'whatsapp' }, scopeKey, at: new Date() }),
    );
    joined.add(threadId);
    counts.written += 1;
  };
  /** Whatever is open in the scope, as a person sees it. */
  const closeByHand = async ({ scopeKey }: Scope): Promise<void> => {
    for (const row of await db.execute<{ id: string }>(sql`select id from threads where scope_key = ${scopeKey} and status <> 'closed'`)) {
      if (await closeThread(db, row.id, 'by-hand')) counts.closed += 1;
    }
  };
  const work = async (): Promise<void> => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const { dispatchId, scope, n } = next;
      try {
        if (n % 25 === 0) await write(scope);
        const id = await claim(dispatchId, scope);
        if (n % 40 === 0) await closeByHand(scope);
        if (id === null) continue;
        granted.set(dispatchId, id);
        if (n % 3 === 0) await write(scope);
        if (n % 5 === 0) continue;
        await db.transaction((tx) => releaseThread(tx as never, dispatchId));
        counts.givenBack += 1;
      } catch (error) {
        wrong.push(error);
      }
    }
  };

  // Whoever looks on, with eyes of their own.
  let over = false;
  let looks = 0;
  const watch = async (): Promise<void> => {
    while (!over) {
      const doubles = await db.execute(sql`select scope_key from threads where status <> 'closed' group by scope_key having count(*) > 1`);
      if (doubles.length > 0) wrong.push(`two open threads in ${doubles.length} scopes`);
      looks += 1;
    }
  };
  const watching = watch();
  await Promise.all(Array.from({ length: hands }, work));
  over = true;
  await watching;

  expect(wrong).toEqual([]);
  expect(counts.granted + counts.refused + counts.lostTheRace).toBe(claimCount);
  const [rows] = await db.execute<Record<string, number>>(sql`
      select count(*) filter (where origin = 'outbound')::int as outbound, count(*) filter (where origin = 'inbound')::int as inbound,
        count(*) filter (where status <> 'closed')::int as open, count(*) filter (where closed_by is not null)::int as "byHand",
        count(*) filter (where client_wrote_at is not null)::int as written,
        count(*) filter (where client_wrote_at is not null and status = 'closed' and closed_by is null)::int as buried,
        count(*) filter (where origin = 'outbound' and claimed_by_dispatch_id is null and client_wrote_at is null)::int as lost
      from threads`);
  counts.openedByClient = rows!['inbound']!;
  // Each grant is a thread of its own, and each message of a client lies in a thread that says so and was closed by a person alone.
  expect(rows).toMatchObject({ outbound: counts.granted, byHand: counts.closed, written: joined.size, buried: 0, lost: 0 });
  expect(rows!['open']).toBeLessThanOrEqual(scopes.length);
  expect(new Set(granted.values()).size).toBe(counts.granted);
  // Every kind of answer was given; a client that finds no open thread is a matter of chance.
  expect(Math.min(counts.granted, counts.refused, counts.written, counts.givenBack, counts.closed)).toBeGreaterThan(0);
  console.log(`${claimCount} claims on ${scopes.length} scopes by ${hands} hands, ${looks} looks: ${JSON.stringify(counts)}; ${rows!['open']} left open`);
}, 120_000);
