import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Session } from 'better-sse';
import { eq, sql } from 'drizzle-orm';
import { createEventStreams } from '../../../../../../api/event-streams.js';
import { insertKey, makeKey, revokeKey } from '../../../../../../db/api-keys.js';
import { recordEvent } from '../../../../../../db/events.js';
import { createStaff } from '../../../../../../db/staff.js';
import { apiKeys, dispatches, events, staff } from '../../../../../../db/schema/index.js';
import { until } from '../../../../../support/stack.js';
import { addChannel, addClient, emailBody, newKey, startTestApi, type TestApi } from '../../../../support.js';

let api: TestApi;
let server: Server;
let url: string;
let email: string;
let client: string;

beforeAll(async () => {
  api = await startTestApi();
  server = createServer(api.app).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  email = (await addChannel(api, 'email')).id;
  client = await addClient(api, ['email', 'one@example.test']);
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await api.close();
});

const ownKey = async (staffId: string | null): Promise<{ id: string; key: string }> => {
  const { key, ...stored } = makeKey();
  const { id } = await insertKey(api.db, { ...stored, name: 'of a stream', staffId, scopes: staffId ? [] : ['read'], endsAt: null });
  return { id, key };
};
const submit = async (): Promise<string> =>
  (await api.as('agent').post('/v1/dispatches').set('Idempotency-Key', newKey()).send(emailBody(client, email))).body.id as string;
const finish = async (id: string): Promise<void> =>
  api.db.transaction(async (tx) => {
    await tx
      .update(dispatches)
      .set({ state: 'completed', endedAt: sql`now()` })
      .where(eq(dispatches.id, id));
    await recordEvent(tx, id, 'dispatch.completed');
  });

interface Entry {
  event: string;
  id: string;
  data: { type?: string; state?: string; seq?: number; code?: string };
}

interface Stream {
  status: number;
  headers: Headers;
  entries: Entry[];
  /** Resolves when the server has ended the stream. */
  over: Promise<void>;
  close(): void;
}

async function open(id: string, lastEventId?: string, key: string = api.staff.agent.key): Promise<Stream> {
  const stop = new AbortController();
  const headers = { Authorization: `Bearer ${key}`, ...(lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }) };
  const answer = await fetch(`${url}/v1/dispatches/${id}/events`, { headers, signal: stop.signal });
  const entries: Entry[] = [];
  const read = async (): Promise<void> => {
    let text = '';
    for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
      const blocks = (text + chunk).split('\n\n');
      text = blocks.pop()!;
      for (const block of blocks) {
        const field = (name: string): string | undefined => new RegExp(`^${name}: ?(.*)$`, 'm').exec(block)?.[1];
        const data = field('data');
        if (data !== undefined) entries.push({ event: field('event') ?? 'message', id: field('id') ?? '', data: JSON.parse(data) as Entry['data'] });
      }
    }
  };
  const over = answer.ok && answer.body && answer.status === 200 ? read().catch(() => {}) : Promise.resolve();
  return { status: answer.status, headers: answer.headers, entries, over, close: () => stop.abort() };
}

/** The first line of the answer to a request as it is written here. */
const rawHead = (request: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1', () => socket.write(request));
    socket.once('error', reject).once('data', (data: Buffer) => {
      socket.destroy();
      resolve(data.toString('latin1').split('\r\n', 1)[0]!);
    });
  });

const typesOf = (stream: Stream): (string | undefined)[] => stream.entries.filter((one) => one.event === 'message').map((one) => one.data.type);

describe('GET /v1/dispatches/{id}/events', () => {
  test('a stream ends with its key: revoked, run out, or of somebody who left; others go on', async () => {
    const id = await submit();
    const person = await createStaff(api.db, { name: 'A leaver', role: 'agent' });
    const keys = await Promise.all([null, null, person.id].map((staffId) => ownKey(staffId)));
    const streams = await Promise.all(keys.map((one) => open(id, undefined, one.key)));
    const lasting = await open(id);
    await until(() => [...streams, lasting].every((stream) => stream.entries.length === 1), { what: 'the first entries' });
    await revokeKey(api.db, keys[0]!.id);
    await api.db
      .update(apiKeys)
      .set({ revokedAt: sql`now() + interval '1 millisecond'` as never })
      .where(eq(apiKeys.id, keys[1]!.id));
    await api.db.update(staff).set({ archivedAt: new Date() }).where(eq(staff.id, person.id));
    await recordEvent(api.db, id, 'secret.told');
    await Promise.all(streams.map((stream) => stream.over));
    for (const stream of streams) {
      expect(typesOf(stream)).toEqual(['dispatch.accepted']);
      expect(stream.entries.at(-1)).toMatchObject({ event: 'end', data: { code: 'UNAUTHENTICATED', detail: expect.any(String) } });
    }
    await until(() => typesOf(lasting).includes('secret.told'), { what: 'the news for the key in force' });
    lasting.close();
  });

  test('200 tells what was, then what comes, then the end, and closes', async () => {
    const id = await submit();
    const stream = await open(id);
    expect([stream.status, stream.headers.get('content-type'), stream.headers.get('x-accel-buffering')]).toEqual([
      200,
      expect.stringContaining('text/event-stream'),
      'no',
    ]);
    await until(() => stream.entries.length === 1, { what: 'the first entry' });
    await recordEvent(api.db, id, 'eligibility.checked');
    await until(() => stream.entries.length === 2, { what: 'the news' });
    await finish(id);
    await stream.over;
    expect(typesOf(stream)).toEqual(['dispatch.accepted', 'eligibility.checked', 'dispatch.completed']);
    expect(stream.entries.at(-1)).toMatchObject({ event: 'end', data: { state: 'completed' } });
    expect(stream.entries[0]?.id).toBe(String(stream.entries[0]?.data.seq));
  });

  test('Last-Event-ID resumes: nothing is missed, what lies further back does not come again', async () => {
    const id = await submit();
    for (const type of ['a.happened', 'b.happened', 'c.happened']) await recordEvent(api.db, id, type);
    await api.db
      .update(events)
      .set({ at: sql`now() - make_interval(hours => (1000 - seq)::int)` })
      .where(eq(events.dispatchId, id));
    const first = await open(id);
    await until(() => first.entries.length === 4, { what: 'all entries' });
    first.close();
    const seen = first.entries[2]!;
    await recordEvent(api.db, id, 'd.happened');
    const second = await open(id, seen.id);
    await until(() => second.entries.some((one) => one.data.type === 'd.happened'), { what: 'the entry that was missed' });
    expect(typesOf(second)).toEqual(['c.happened', 'd.happened']);
    second.close();
  });

  test('an entry whose number was given out early and committed late is told all the same', async () => {
    const id = await submit();
    let commit = (): void => {};
    let begun = (): void => {};
    const started = new Promise<void>((resolve) => (begun = resolve));
    const slow = api.db.transaction(async (tx) => {
      await recordEvent(tx, id, 'late.happened');
      begun();
      await new Promise<void>((resolve) => (commit = resolve));
    });
    await started;
    await recordEvent(api.db, id, 'early.happened');
    const stream = await open(id);
    await until(() => typesOf(stream).includes('early.happened'), { what: 'the later number' });
    const last = stream.entries.at(-1)!.id;
    stream.close();
    commit();
    await slow;
    const resumed = await open(id, last);
    await until(() => typesOf(resumed).includes('late.happened'), { what: 'the earlier number' });
    resumed.close();
  });

  test('one loop serves many watchers, each its own dispatch', async () => {
    const [one, other] = [await submit(), await submit()];
    const streams = await Promise.all([open(one), open(one), open(other)]);
    await recordEvent(api.db, one, 'news.told');
    await until(() => streams.slice(0, 2).every((stream) => typesOf(stream).includes('news.told')), { what: 'both watchers' });
    expect(typesOf(streams[2]!)).toEqual(['dispatch.accepted']);
    for (const stream of streams) stream.close();
  });

  test('204 an ended dispatch of which everything is known is not asked about again', async () => {
    const id = await submit();
    await finish(id);
    const stream = await open(id);
    await stream.over;
    const last = stream.entries.filter((one) => one.event === 'message').at(-1)!;
    expect(typesOf(stream)).toContain('dispatch.completed');
    expect((await open(id, last.id)).status).toBe(204);
  });

  test('400, 401, 403 and 404 are answered as problems, not as streams', async () => {
    const id = await submit();
    const missing = await open('0199c0de-0000-7000-8000-000000000001');
    expect([missing.status, missing.headers.get('content-type')]).toEqual([404, expect.stringContaining('application/problem+json')]);
    expect((await open(id, 'abc')).status).toBe(400);
    expect((await open(id, undefined, 'nobody')).status).toBe(401);
  });
});

test('whatever name it is called by, the stream is the same', async () => {
  const id = await submit();
  for (const host of ['a b', '[', 'user@host', '%%%', '']) {
    const head = await rawHead(`GET /v1/dispatches/${id}/events HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${api.staff.agent.key}\r\n\r\n`);
    expect([host, head]).toEqual([host, 'HTTP/1.1 200 OK']);
  }
});

test('somebody who left before the stream began is not watched', async () => {
  const streams = createEventStreams(api.db, () => {});
  let ended = 0;
  let leave = (): void => {};
  const session = (isConnected: boolean): Session =>
    ({ isConnected, push: () => {}, once: (_: string, gone: () => void) => (leave = gone) }) as unknown as Session;
  const of = { dispatchId: client, keyId: api.service.reader.id };
  streams.watch(of, session(false), [], () => (ended += 1));
  streams.close();
  expect(ended).toBe(0);
  streams.watch(of, session(true), [], () => (ended += 1));
  streams.close();
  expect(ended).toBe(1);
  leave();
});

test('a process that ends ends its streams', async () => {
  const stopping = new AbortController();
  const lone = await startTestApi({ stopping: stopping.signal });
  const channel = await addChannel(lone, 'email');
  const to = await addClient(lone, ['email', 'x@example.test']);
  const { body } = await lone.as('agent').post('/v1/dispatches').set('Idempotency-Key', newKey()).send(emailBody(to, channel.id));
  const served = createServer(lone.app).listen(0, '127.0.0.1');
  await new Promise((resolve) => served.once('listening', resolve));
  const answer = await fetch(`http://127.0.0.1:${(served.address() as AddressInfo).port}/v1/dispatches/${body.id}/events`, {
    headers: { Authorization: `Bearer ${lone.staff.agent.key}` },
  });
  const text = answer.text();
  stopping.abort();
  expect(await text).toContain('dispatch.accepted');
  await new Promise((resolve) => served.close(resolve));
  await lone.close();
});
