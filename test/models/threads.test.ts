import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import { constraintOf, type Database, sqlState } from '../../db/connect.js';
import { applyDisposition } from '../../db/dispositions.js';
import { closeThread } from '../../db/threads-read.js';
import { claimThread, joinThread, releaseThread } from '../../db/threads.js';
import type { Disposition } from '../../domain/disposition.js';
import { depth, patience } from './depth.js';
import { type Actor, openStage, type Stage } from './interleaving.js';
import { buildRig, type Case, type Rig } from './rig.js';

const runs = 120;
const mostActors = 4;

type Scope = 'client' | 'channel';
/** Two channels that open threads, and one that does not. */
const channels = ['a', 'b', 'mail'] as const;
type ChannelName = (typeof channels)[number];

let rig: Rig;
let stage: Stage;
const channelIds = {} as Record<ChannelName, string>;

beforeAll(async () => {
  rig = await buildRig();
  await rig.db.execute(sql.raw(`alter database ${new URL(rig.database.url).pathname.slice(1)} set deadlock_timeout = '50ms'`));
  stage = await openStage(rig.database.url, mostActors);
  channelIds.a = rig.channels.whatsapp;
  channelIds.mail = rig.channels.email;
  channelIds.b = await rig.addChannel('whatsapp');
});
afterAll(async () => {
  await stage?.close();
  await rig?.drop();
});

/** One client with some dispatches. */
interface World {
  clientId: string;
  dispatches: Case[];
  scope: Scope;
}

async function newWorld(scope: Scope, count: number): Promise<World> {
  const first = await rig.newCase('whatsapp');
  const dispatches = [first];
  while (dispatches.length < count) dispatches.push(await rig.newCase('whatsapp', first));
  return { clientId: first.clientId, dispatches, scope };
}

const scopeKey = ({ scope, clientId }: World, channel: ChannelName): string =>
  scope === 'client' ? `client/${clientId}` : `client/${clientId}/channel/${channelIds[channel]}`;

/** As the claim of an attempt does it, holding the dispatch. `null` and `lost`: another open thread is in the way, or came in the way. */
async function claim(db: Database, world: World, index: number, channel: ChannelName): Promise<string | null> {
  const { dispatchId } = world.dispatches[index]!;
  try {
    return await db.transaction(async (tx) => {
      const [row] = await tx.execute<{ thread_id: string | null }>(sql`select thread_id from dispatches where id = ${dispatchId} for no key update`);
      return await claimThread(tx as never, {
        dispatchId,
        clientId: world.clientId,
        channel: { id: channelIds[channel], type: channel === 'mail' ? 'email' : 'whatsapp', opensThread: channel !== 'mail' },
        scopeKey: scopeKey(world, channel),
        threadId: row!.thread_id,
        tagIds: [],
      });
    });
  } catch (error) {
    if (sqlState(error) === '23505' && constraintOf(error) === 'threads_one_open') return 'lost';
    throw error;
  }
}

const join = (db: Database, world: World, channel: Exclude<ChannelName, 'mail'>) =>
  db.transaction((tx) =>
    joinThread(tx as never, {
      clientId: world.clientId,
      channel: { id: channelIds[channel], type: 'whatsapp' },
      scopeKey: scopeKey(world, channel),
      at: new Date(),
    }),
  );
/** As an end and a wait do it, holding the dispatch. */
async function release(db: Database, world: World, index: number): Promise<void> {
  const { dispatchId } = world.dispatches[index]!;
  await db.transaction(async (tx) => {
    await tx.execute(sql`select 1 from dispatches where id = ${dispatchId} for no key update`);
    await releaseThread(tx as never, dispatchId);
  });
}

const dispositions: Disposition[] = [{ kind: 'close' }, { kind: 'assign_self' }, { kind: 'transfer', target: { type: 'group', id: 'nobody' } }];
const dispose = (db: Database, world: World, index: number, kind: number) =>
  applyDisposition(db, world.dispatches[index]!.dispatchId, dispositions[kind]!, 'agent-1');

/** A thread as the model knows it. */
interface Thread {
  key: string;
  channel: ChannelName;
  status: 'active' | 'waiting' | 'closed';
  claimedBy: number | null;
  wrote: boolean;
}

/** What threads a client has and who holds them, written from R80, R81, R97, X2 and H8. */
class ThreadsModel {
  readonly threads = new Map<string, Thread>();
  readonly held = new Map<number, string>();
  readonly disposed = new Set<number>();

  openIn(key: string): Thread | undefined {
    return [...this.threads.values()].find((one) => one.key === key && one.status !== 'closed');
  }

  /** Whether the claim is granted; what it gave back on the way stays given back, unless it lost. */
  claim(index: number, channel: ChannelName, key: string): 'kept' | 'new' | 'refused' | 'lost' {
    const own = this.threads.get(this.held.get(index) ?? '');
    const opens = channel !== 'mail';
    if (own && own.channel === channel && own.claimedBy === index && !own.wrote) {
      const other = this.openIn(own.key);
      if (opens && other && other !== own) return 'lost';
      own.status = opens ? 'active' : 'closed';
      return 'kept';
    }
    if (own) this.release(index);
    return opens && this.openIn(key) ? 'refused' : 'new';
  }

  /** Closed, unless the client wrote: then it is theirs. */
  release(index: number): void {
    for (const one of this.threads.values()) {
      if (one.claimedBy !== index || one.status === 'closed') continue;
      if (one.wrote) one.claimedBy = null;
      else one.status = 'closed';
    }
  }

  dispose(index: number, { kind }: Disposition): { status: string; reason?: string } {
    if (this.disposed.has(index)) return { status: 'done' };
    const own = this.threads.get(this.held.get(index) ?? '');
    if (!own) return { status: 'not_applicable' };
    if (kind === 'transfer') return { status: 'failed', reason: 'TRANSFER_TARGET_UNKNOWN' };
    if (own.status === 'closed' && kind !== 'close') return { status: 'failed', reason: 'THREAD_CLOSED' };
    if (own.status !== 'closed' && kind === 'close' && own.wrote) return { status: 'failed', reason: 'CLIENT_WROTE' };
    this.disposed.add(index);
    if (own.status !== 'closed') own.status = kind === 'close' ? 'closed' : 'waiting';
    return { status: 'done' };
  }
}

interface Row extends Record<string, unknown> {
  id: string;
  scope_key: string;
  status: string;
  claimed_by: string | null;
  wrote: boolean;
  closed_by: string | null;
}

const readThreads = async (clientId: string): Promise<Row[]> => [
  ...(await rig.db.execute<Row>(sql`
    select id, scope_key, status, claimed_by_dispatch_id as claimed_by, client_wrote_at is not null as wrote, closed_by
    from threads where client_id = ${clientId} order by id`)),
];

/** I5: nobody has two open threads in one scope. R80: what the client wrote in is closed by a person, or not at all. */
function faultsIn(rows: readonly Row[]): string[] {
  const open = rows.filter((row) => row.status !== 'closed').map((row) => row.scope_key);
  return [
    ...(new Set(open).size < open.length ? ['two open threads in one scope'] : []),
    ...rows.filter((row) => row.wrote && row.status === 'closed' && row.closed_by !== 'by-hand').map((row) => `${row.id} buries a message of the client`),
  ];
}

type Command = fc.AsyncCommand<ThreadsModel, World, false>;
const seen: Record<string, number> = {};
const count = (what: string): void => void (seen[what] = (seen[what] ?? 0) + 1);

const command = (
  title: string,
  run: (model: ThreadsModel, world: World) => Promise<void>,
  fits: (model: Readonly<ThreadsModel>) => boolean = () => true,
): Command => ({
  check: fits,
  run: async (model, world) => {
    await run(model, world);
    const rows = await readThreads(world.clientId);
    expect(faultsIn(rows)).toEqual([]);
    expect(Object.fromEntries(rows.map((row) => [row.id, [row.status, row.claimed_by, row.wrote]]))).toEqual(
      Object.fromEntries(
        [...model.threads].map(([id, one]) => [id, [one.status, one.claimedBy === null ? null : world.dispatches[one.claimedBy]!.dispatchId, one.wrote]]),
      ),
    );
  },
  toString: () => title,
});

const claims = (index: number, channel: ChannelName): Command =>
  command(`${index} claims on ${channel}`, async (model, world) => {
    const key = scopeKey(world, channel);
    const expected = model.claim(index, channel, key);
    const got = await claim(rig.db, world, index, channel);
    count(`claim ${expected}`);
    if (expected === 'kept') expect(got).toBe(model.held.get(index));
    else if (expected === 'refused') expect(got).toBeNull();
    else if (expected === 'lost') expect(got).toBe('lost');
    else {
      expect(model.threads.has(got!)).toBe(false);
      model.threads.set(got!, { key, channel, status: channel === 'mail' ? 'closed' : 'active', claimedBy: index, wrote: false });
      model.held.set(index, got!);
    }
  });
const joins = (channel: 'a' | 'b'): Command =>
  command(`the client writes on ${channel}`, async (model, world) => {
    const key = scopeKey(world, channel);
    const open = model.openIn(key);
    const { threadId, claimedBy } = await join(rig.db, world, channel);
    count(open ? 'join' : 'join new');
    expect(claimedBy).toBe(open?.claimedBy == null ? null : world.dispatches[open.claimedBy]!.dispatchId);
    if (open) {
      expect(model.threads.get(threadId)).toBe(open);
      Object.assign(open, { wrote: true, status: 'active' });
    } else model.threads.set(threadId, { key, channel, status: 'active', claimedBy: null, wrote: true });
  });
const releases = (index: number): Command =>
  command(`${index} gives its thread back`, async (model, world) => {
    count('release');
    model.release(index);
    await release(rig.db, world, index);
  });
const closes = (pick: number): Command =>
  command(
    `somebody closes ${pick}`,
    async (model) => {
      const [id, one] = [...model.threads][pick % model.threads.size]!;
      expect(await closeThread(rig.db, id, 'by-hand')).toBe(one.status !== 'closed');
      count('close');
      one.status = 'closed';
    },
    (model) => model.threads.size > 0,
  );
const disposes = (index: number, kind: number): Command =>
  command(`${index} disposes: ${dispositions[kind]!.kind}`, async (model, world) => {
    const expected = model.dispose(index, dispositions[kind]!);
    count(`dispose ${expected.reason ?? expected.status}`);
    expect(await dispose(rig.db, world, index, kind)).toEqual(expected);
  });

const dispatchCount = 3;
const index = fc.nat(dispatchCount - 1);
const commands = fc.commands(
  [
    ...Array.from({ length: 3 }, () => fc.tuple(index, fc.constantFrom<ChannelName>('a', 'a', 'b', 'mail')).map((args) => claims(...args))),
    fc.constantFrom('a' as const, 'b' as const).map(joins),
    index.map(releases),
    fc.nat(9).map(closes),
    fc.tuple(index, fc.nat(dispositions.length - 1)).map((args) => disposes(...args)),
  ],
  { maxCommands: 40, size: 'max' },
);

test.each<{ scope: Scope }>([{ scope: 'client' }, { scope: 'channel' }])(
  'I5 R80 R81 R97 H8 X2 threads in the scope of the $scope do what their model does, whoever claims, writes, closes, gives back and disposes',
  async ({ scope }) => {
    await fc.assert(
      fc.asyncProperty(commands, async (some) => {
        const world = await newWorld(scope, dispatchCount);
        await fc.asyncModelRun(() => ({ model: new ThreadsModel(), real: world }), some);
      }),
      depth(runs),
    );
    console.log(`threads of the ${scope}:`, seen);
  },
  patience(runs),
);

type Part =
  | { does: 'claim'; index: number; channel: ChannelName }
  | { does: 'join'; channel: 'a' | 'b' }
  | { does: 'release'; index: number }
  | { does: 'dispose'; index: number; kind: number }
  | { does: 'close' };

const parts: fc.Arbitrary<Part> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ does: fc.constant('claim' as const), index, channel: fc.constantFrom<ChannelName>('a', 'a', 'b', 'mail') }) },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('join' as const), channel: fc.constantFrom('a' as const, 'a' as const, 'b' as const) }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('release' as const), index }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('dispose' as const), index, kind: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('close' as const) }) },
);

/** What there is before: nothing, a thread of the first dispatch, one that it gave back, or one of the client. */
const befores = ['nothing', 'claimed', 'given back', 'the client wrote'] as const;

test(
  'I5 R80 R97 H8 threads are claimed, joined, given back and disposed of at once, statement by statement: one is open, and no message is buried',
  async () => {
    const told: Record<string, number> = {};
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.constantFrom<Scope>('client', 'channel'),
        fc.constantFrom(...befores),
        fc.array(parts, { minLength: 2, maxLength: mostActors }),
        async (scheduler, scope, before, cast) => {
          const world = await newWorld(scope, dispatchCount);
          if (before === 'the client wrote') await join(rig.db, world, 'a');
          else if (before !== 'nothing') await claim(rig.db, world, 0, 'a');
          if (before === 'given back') await release(rig.db, world, 0);
          const [first] = await readThreads(world.clientId);
          const wrong: string[] = [];
          const actors = cast.map((part): Actor => {
            const name = Object.values(part).join(' ');
            switch (part.does) {
              case 'claim':
                return { name, act: (db) => claim(db, world, part.index, part.channel) };
              case 'join':
                return { name, act: (db) => join(db, world, part.channel) };
              case 'release':
                return { name, act: (db) => release(db, world, part.index) };
              case 'dispose':
                return { name, act: (db) => dispose(db, world, part.index, part.kind) };
              case 'close':
                return { name, act: async (db) => first && (await closeThread(db, first.id, 'by-hand')) };
            }
          });
          const ends = await stage.play(scheduler, actors, async () => void wrong.push(...faultsIn(await readThreads(world.clientId))));
          expect(ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []))).toEqual([]);
          expect(wrong).toEqual([]);
          const rows = await readThreads(world.clientId);
          for (const [i, part] of cast.entries()) {
            const got = (ends[i] as PromiseFulfilledResult<unknown>).value;
            // Whoever claims has a thread or a refusal; whoever writes has a thread, and it says so.
            if (part.does === 'claim') expect(got === null || got === 'lost' || rows.some((row) => row.id === got)).toBe(true);
            if (part.does === 'join') expect(rows.find((row) => row.id === (got as { threadId: string }).threadId)).toMatchObject({ wrote: true });
            const word = part.does === 'claim' ? (got === null ? 'refused' : got === 'lost' ? 'lost' : 'granted') : part.does;
            told[word] = (told[word] ?? 0) + 1;
          }
        },
      ),
      depth(runs),
    );
    console.log('threads at once:', told);
  },
  patience(runs),
);
