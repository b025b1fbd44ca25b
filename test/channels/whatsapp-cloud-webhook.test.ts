/** Meta's webhook: handshake, signature over raw bytes, statuses and messages as events; hostile shapes are skipped, never thrown. */

import { createHmac } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ChannelEvent, RawRequest, Receipt } from '../../channels/channel.js';
import { whatsappCloudConfigSchema } from '../../channels/whatsapp-cloud/config.js';
import { whatsappWebhook } from '../../channels/whatsapp-cloud/webhook.js';
import { higherStatus, type MessageStatus } from '../../domain/receipt.js';
import { attemptId } from './support/sends.js';

const cfg = whatsappCloudConfigSchema.parse({
  phoneNumberId: '106540352242922',
  wabaId: '102290129340398',
  accessToken: 'token',
  appSecrets: ['app-secret-new', 'app-secret-old'],
  verifyToken: 'verify-me-1',
});

function requestOf(body: Buffer | string, signature?: string): RawRequest {
  return { method: 'POST', headers: { 'x-hub-signature-256': signature }, query: {}, body: Buffer.from(body) };
}

function sign(body: Buffer | string, secret = cfg.appSecrets[0]!): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}

const metadata = { display_phone_number: '15550783881', phone_number_id: '106540352242922' };

function post(value: object, field = 'messages', entry: object = {}): string {
  return JSON.stringify({ object: 'whatsapp_business_account', entry: [{ id: '102290129340398', time: 1769000000, ...entry, changes: [{ field, value }] }] });
}

async function eventsOf(body: string): Promise<ChannelEvent[]> {
  const { events, reply } = await whatsappWebhook.parse(requestOf(body), cfg);
  expect(reply.status).toBe(200);
  return events;
}

const statusesOf = (...statuses: unknown[]): Promise<ChannelEvent[]> => eventsOf(post({ metadata, statuses }));
const messagesOf = (...messages: unknown[]): Promise<ChannelEvent[]> =>
  eventsOf(
    post({
      metadata,
      contacts: [
        { profile: { name: 'Anna' }, wa_id: '35700000000' },
        { profile: { name: 'Ben' }, user_id: 'US.1349' },
      ],
      messages,
    }),
  );

describe('R103 the handshake', () => {
  const ask = (query: Record<string, string>, method = 'GET') => whatsappWebhook.handshake!({ method, headers: {}, query, body: Buffer.alloc(0) }, cfg);
  const right = { 'hub.mode': 'subscribe', 'hub.verify_token': 'verify-me-1', 'hub.challenge': '1158201444' };

  test('R103 the right token gets its challenge back, as text', () => {
    expect(ask(right)).toEqual({ status: 200, body: '1158201444', contentType: 'text/plain' });
  });

  test('R103 any other is refused; what is no handshake is left alone', () => {
    expect(ask({ ...right, 'hub.verify_token': 'verify-me-2' })).toEqual({ status: 403 });
    expect(ask({ ...right, 'hub.verify_token': '' })).toEqual({ status: 403 });
    expect(ask({ ...right, 'hub.mode': 'unsubscribe' })).toEqual({ status: 403 });
    expect(ask({ ...right, 'hub.challenge': '<script>' })).toEqual({ status: 403 });
    expect(ask({ 'hub.mode': 'subscribe' })).toEqual({ status: 403 });
    expect(ask({})).toBeNull();
    expect(ask(right, 'POST')).toBeNull();
  });
});

describe('R103 the signature', () => {
  // As Meta writes it: emoji and umlauts escaped, slashes too.
  const raw =
    '{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"text":"Gr\\u00fc\\u00dfe \\ud83d\\ude00 \\/ 1.0","n":1.0}}]}]}';

  test('R103 either secret is good during a rotation', () => {
    for (const secret of cfg.appSecrets) expect(whatsappWebhook.verify(requestOf(raw, sign(raw, secret)), cfg)).toBe('ok');
  });

  test('R103 the same JSON written anew, with real emoji and umlauts, is bad', () => {
    const rewritten = JSON.stringify(JSON.parse(raw));
    expect(rewritten).toContain('Grüße 😀');
    expect(whatsappWebhook.verify(requestOf(rewritten, sign(raw)), cfg)).toBe('bad');
  });

  test('R103 every single changed byte is bad; absent is unsigned', () => {
    const signature = sign(raw);
    for (let i = 0; i < raw.length; i += 7) {
      const changed = Buffer.from(raw);
      changed[i]! ^= 1;
      expect(whatsappWebhook.verify(requestOf(changed, signature), cfg)).toBe('bad');
    }
    for (const wrong of [sign(raw, 'foreign-secret'), 'sha256=', 'sha256=ü', signature.slice(7), `${signature} `, '0'.repeat(71)]) {
      expect(whatsappWebhook.verify(requestOf(raw, wrong), cfg)).toBe('bad');
    }
    expect(whatsappWebhook.verify(requestOf(raw), cfg)).toBe('unsigned');
  });

  test('R103 a vector made by another tool is accepted', () => {
    // printf '{"entry":[]}' | openssl dgst -sha256 -hmac app-secret-old
    expect(whatsappWebhook.verify(requestOf('{"entry":[]}', 'sha256=76a95259372e0f3430b4752d0a148ec41852846c51273aed7e05518f78b90d94'), cfg)).toBe('ok');
  });
});

describe('R103 statuses', () => {
  const status = (name: string, more: object = {}) => ({
    id: 'wamid.A',
    status: name,
    timestamp: '1769000000',
    recipient_id: '35700000000',
    biz_opaque_callback_data: attemptId,
    ...more,
  });

  test('R103 a status names the message, our attempt and the time, in seconds or milliseconds', async () => {
    const expected = { kind: 'receipt', eventId: 'wamid.A:delivered', externalId: 'wamid.A', attemptId, status: 'delivered', at: '2026-01-21T12:53:20.000Z' };
    expect(await statusesOf(status('delivered'))).toEqual([expected]);
    expect(await statusesOf(status('delivered', { timestamp: '1769000000000' }))).toEqual([expected]);
    expect(await statusesOf(status('delivered', { timestamp: 1769000000 }))).toEqual([expected]);
  });

  test('R103 only a uuid is taken for our attempt', async () => {
    for (const data of ['order-81', "1' or 1=1", '', 7, null, undefined]) {
      expect((await statusesOf(status('sent', { biz_opaque_callback_data: data })))[0]).not.toHaveProperty('attemptId');
    }
  });

  test('R87 a failed status is classified by the same table, and its code is part of its id', async () => {
    const errors = [
      { code: 131047, title: 'Re-engagement message', message: 'Re-engagement message', error_data: { details: 'More than 24 hours, 35700000000' } },
    ];
    const [event] = await statusesOf(status('failed', { errors }));
    expect(event).toMatchObject({
      eventId: 'wamid.A:failed:131047',
      status: 'failed',
      failure: { class: 'outside_window', provider: { code: '131047', message: 'Re-engagement message', details: 'More than 24 hours, [number]' } },
    });
    expect((await statusesOf(status('failed')))[0]).toMatchObject({ eventId: 'wamid.A:failed', failure: { class: 'unlisted' } });
    expect((await statusesOf(status('failed', { errors: 'x' })))[0]).toMatchObject({ failure: { class: 'unlisted' } });
  });

  test('R103 deleted, unknown and broken statuses are skipped, their neighbours are not', async () => {
    const events = await statusesOf(
      status('deleted'),
      status('pondering'),
      null,
      7,
      'x',
      [],
      {},
      status('read', { id: 7 }),
      status('read', { timestamp: 'soon' }),
      status('read'),
    );
    expect(events.map((one) => one.eventId)).toEqual(['wamid.A:read']);
  });

  test('R103 every order and repetition parses to the same events, and they end in the same status', async () => {
    const all = ['sent', 'delivered', 'read', 'failed'];
    const alone = Object.fromEntries(await Promise.all(all.map(async (name) => [name, (await statusesOf(status(name)))[0]!] as const)));
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray([...all, ...all], { minLength: 1 }), async (order) => {
        const events = (await statusesOf(...order.map((name) => status(name)))) as Receipt[];
        expect(events).toEqual(order.map((name) => alone[name]));
        const end = events.reduce<MessageStatus>((before, one) => higherStatus(before, one.status), 'wired');
        const highest = ['read', 'delivered', 'failed', 'sent'].find((name) => order.includes(name));
        expect(end).toBe(highest);
      }),
      { numRuns: 50 },
    );
  });

  test('R103 what is meant for another number or account is not ours', async () => {
    const other = { ...metadata, phone_number_id: '999' };
    expect(await eventsOf(post({ metadata: other, statuses: [status('read')] }))).toEqual([]);
    expect(await eventsOf(post({ statuses: [status('read')] }))).toHaveLength(1);
  });
});

describe('R95 messages', () => {
  const message = (more: object) => ({ from: '35700000000', id: 'wamid.IN', timestamp: '1769000000', ...more });

  test('R95 a text', async () => {
    expect(await messagesOf(message({ type: 'text', text: { body: 'Hello 😀' } }))).toEqual([
      {
        kind: 'inbound',
        eventId: 'wamid.IN',
        externalId: 'wamid.IN',
        from: { kind: 'phone', value: '+35700000000' },
        canonical: { kind: 'whatsapp_id', value: '35700000000' },
        to: '15550783881',
        displayName: 'Anna',
        text: 'Hello 😀',
        at: '2026-01-21T12:53:20.000Z',
      },
    ]);
  });

  test('R95 a client without a phone is known by the business-scoped id', async () => {
    const [event] = await messagesOf({ from_user_id: 'US.1349', id: 'wamid.IN', timestamp: '1769000000', type: 'text', text: { body: 'Hi' } });
    expect(event).toMatchObject({ from: { kind: 'whatsapp_id', value: 'US.1349' }, displayName: 'Ben', text: 'Hi' });
    expect(event).not.toHaveProperty('canonical');
  });

  test.each<[string, object, string]>([
    ['an image', { type: 'image', image: { id: '1', mime_type: 'image/jpeg' } }, '[image]'],
    ['an image with a caption', { type: 'image', image: { id: '1', caption: 'Look' } }, '[image] Look'],
    ['a document with a caption', { type: 'document', document: { caption: 'Bill', filename: 'a.pdf' } }, '[document] Bill'],
    ['a voice note', { type: 'audio', audio: { id: '1', voice: true } }, '[audio]'],
    ['a place', { type: 'location', location: { latitude: 1, longitude: 2 } }, '[location]'],
    ['a pressed button', { type: 'button', button: { text: 'Yes', payload: '1' } }, 'Yes'],
    ['a reaction', { type: 'reaction', reaction: { message_id: 'wamid.A', emoji: '👍' } }, '[reaction]'],
    ['something unsupported', { type: 'unsupported', errors: [{ code: 131051 }] }, '[unsupported]'],
    ['a type nobody knows', { type: 'Hologram <b>' }, '[unsupported]'],
    ['no type', {}, '[unsupported]'],
    ['a text without a body', { type: 'text', text: {} }, '[text]'],
    ['a text of a wrong shape', { type: 'text', text: 'x' }, '[text]'],
    ['what a database refuses', { type: 'text', text: { body: 'a\0b\ud800c' } }, 'ab\ufffdc'],
  ])('R95 %s counts as a message', async (_name, more, expected) => {
    expect(await messagesOf(message(more))).toMatchObject([{ kind: 'inbound', text: expected }]);
  });

  test('R95 a message without a known sender, id or time is skipped', async () => {
    expect(
      await messagesOf(
        message({ from: undefined }),
        message({ from: 'Anna' }),
        message({ id: '' }),
        message({ timestamp: null }),
        message({ id: 'x'.repeat(600) }),
        null,
      ),
    ).toEqual([]);
  });

  test('R36 a changed number becomes an event, other system messages do not', async () => {
    const system = (more: object) => message({ type: 'system', system: { body: 'Anna changed', ...more } });
    expect(await messagesOf(system({ type: 'user_changed_number', wa_id: '35711111111' }))).toEqual([
      {
        kind: 'address_changed',
        eventId: 'wamid.IN',
        from: { kind: 'phone', value: '+35700000000' },
        to: { kind: 'phone', value: '+35711111111' },
        at: '2026-01-21T12:53:20.000Z',
      },
    ]);
    expect(await messagesOf(system({ type: 'customer_identity_changed' }), system({ type: 'user_changed_number' }), system({}))).toEqual([]);
  });
});

describe('R59 template news', () => {
  const news = (event: string, more: object = {}) => ({
    event,
    message_template_id: 12345678,
    message_template_name: 'order_ready',
    message_template_language: 'ru',
    reason: 'NONE',
    ...more,
  });
  const eventsFor = (value: object, entry: object = {}) => eventsOf(post(value, 'message_template_status_update', entry));

  test.each([
    ['APPROVED', 'approved'],
    ['REJECTED', 'rejected'],
    ['PENDING', 'pending'],
    ['PAUSED', 'paused'],
    ['DISABLED', 'paused'],
    ['FLAGGED', 'paused'],
    ['constructor', 'paused'],
  ])('R59 %s is %s: usable is approved alone', async (event, expected) => {
    expect(await eventsFor(news(event))).toEqual([
      {
        kind: 'template_changed',
        eventId: `template:12345678:${event}:1769000000000`,
        name: 'order_ready',
        language: 'ru',
        status: expected,
        raw: event,
        at: '2026-01-21T12:53:20.000Z',
      },
    ]);
  });

  test('R59 another account’s news and broken ones are skipped', async () => {
    expect(await eventsFor(news('APPROVED'), { id: '999' })).toEqual([]);
    expect(await eventsFor(news('APPROVED', { message_template_name: 7 }))).toEqual([]);
    expect(await eventsOf(post(news('APPROVED'), 'account_update'))).toEqual([]);
  });
});

describe('H7 hostile bodies', () => {
  const deep = (depth: number): string => '{"entry":'.concat('['.repeat(depth), ']'.repeat(depth), '}');

  test.each<[string, string | Buffer]>([
    ['nothing', ''],
    ['no JSON', 'hello'],
    ['cut off', '{"entry":[{'],
    ['null', 'null'],
    ['a list', '[]'],
    ['a number', '7'],
    ['no entry', '{}'],
    ['an entry that is no list', '{"entry":{}}'],
    ['an entry of null', '{"entry":[null]}'],
    ['changes that are none', '{"entry":[{"changes":7}]}'],
    ['a value of null', '{"entry":[{"changes":[{"field":"messages","value":null}]}]}'],
    ['brackets without end', deep(100_000)],
    ['more than 4 MB', Buffer.alloc(4 * 1024 * 1024 + 1, 0x20)],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x7b])],
  ])('H7 %s: 400 and no event', async (_name, body) => {
    expect(await whatsappWebhook.parse(requestOf(body), cfg)).toMatchObject({ events: [], reply: { status: 400 } });
  });

  test('H7 brackets inside texts are no depth', async () => {
    const body = `${'[{'.repeat(500)}"\\`;
    expect(
      await eventsOf(post({ metadata, messages: [{ from: '35700000000', id: 'wamid.IN', timestamp: '1769000000', type: 'text', text: { body } }] })),
    ).toMatchObject([{ text: body }]);
  });

  test('H7 names from the prototype do nothing', async () => {
    const body =
      '{"__proto__":{"entry":[]},"entry":[{"changes":[{"field":"messages","value":{"__proto__":{"statuses":[1]},"constructor":{"prototype":{"x":1}},"statuses":[{"__proto__":{"id":"a"}}]}}]}]}';
    expect(await eventsOf(body)).toEqual([]);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });

  test('H7 no JSON makes it throw, and what comes out is whole', async () => {
    const keys = [
      'id',
      'status',
      'timestamp',
      'from',
      'type',
      'text',
      'body',
      'errors',
      'code',
      'messages',
      'statuses',
      'metadata',
      'contacts',
      'system',
      'wa_id',
    ];
    let seen = 0;
    const leaf = fc.oneof(
      fc.constantFrom('sent', 'failed', '1769000000', 'text', 'system', 'wamid.A', '35700000000', 131047, -1, null, true),
      fc.string(),
      fc.double(),
    );
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof({ maxDepth: 5 }, leaf, fc.array(tie('tree'), { maxLength: 4 }), fc.dictionary(fc.constantFrom(...keys), tie('tree'), { maxKeys: 6 })),
    }));
    // Half of the values have the shape that may become events, with anything in the fields.
    const item = fc.record({
      id: fc.oneof(fc.constant('wamid.A'), leaf),
      status: leaf,
      timestamp: leaf,
      from: leaf,
      type: leaf,
      text: tree,
      system: tree,
      errors: tree,
    });
    const value = fc.oneof(tree, fc.record({ metadata: fc.option(tree), contacts: tree, statuses: fc.array(item), messages: fc.array(item) }));
    await fc.assert(
      fc.asyncProperty(value, fc.constantFrom('messages', 'message_template_status_update', 'x'), async (value, field) => {
        const body = JSON.stringify({ entry: [{ changes: [{ field, value }] }] });
        const { events, reply } = await whatsappWebhook.parse(requestOf(body), cfg);
        expect(reply.status).toBe(isObject(value) ? 200 : 400);
        seen += events.length;
        for (const event of events) {
          expect(event.eventId.length).toBeGreaterThan(0);
          expect(new Date(event.at).toISOString()).toBe(event.at);
        }
      }),
      { numRuns: 1000 },
    );
    expect(seen).toBeGreaterThan(0);
  });
});

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
