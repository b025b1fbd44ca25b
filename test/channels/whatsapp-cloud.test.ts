/** The plug-in whatsapp/meta_cloud against a server of this test's own: the request's bytes, what is believed of an answer, and every broken call. */

import { afterEach, describe, expect, test } from '@jest/globals';
import { HandOverForbidden, type OutboundMessage, type SendCtx, type SendOutcome } from '../../channels/channel.js';
import { whatsappCloudConfigSchema, type WhatsappCloudConfig } from '../../channels/whatsapp-cloud/config.js';
import { createWhatsappCloud } from '../../channels/whatsapp-cloud/whatsapp-cloud.js';
import type { FailureClass } from '../../domain/failure.js';
import { startHttpProvider, type Answer, type HttpProvider } from './support/http-provider.js';
import { closedPort } from './support/relays.js';
import { attemptId, ctxOf, hasty, until, whatsappTo } from './support/sends.js';

const token = 'EAAG-short-token';
const plugin = createWhatsappCloud();
let provider: HttpProvider | undefined;

afterEach(async () => {
  await provider?.close();
  provider = undefined;
});

function configFor(baseUrl: string): WhatsappCloudConfig {
  return whatsappCloudConfigSchema.parse({
    phoneNumberId: '106540352242922',
    accessToken: token,
    appSecrets: ['app-secret-1'],
    verifyToken: 'verify-me-1',
    baseUrl,
  });
}

async function send(message: OutboundMessage, answer: Answer, more: Partial<SendCtx<WhatsappCloudConfig>> = {}): Promise<SendOutcome> {
  provider = await startHttpProvider(() => answer);
  return plugin.send(message, ctxOf(configFor(provider.url), more));
}

const taken = (more: object = {}): Answer => ({
  status: 200,
  body: JSON.stringify({
    messaging_product: 'whatsapp',
    contacts: [{ input: '+5491123456789', wa_id: '541123456789' }],
    messages: [{ id: 'wamid.HBgL' }],
    ...more,
  }),
});

const refusedWith = (status: number, error: object, headers: Record<string, string> = {}): Answer => ({ status, body: JSON.stringify({ error }), headers });

function failureIn(outcome: SendOutcome) {
  if (outcome.kind === 'accepted') throw new Error('The send was accepted.');
  return outcome.failure;
}

describe('R99 golden requests', () => {
  const start = '{"messaging_product":"whatsapp","recipient_type":"individual",';
  const end = `,"biz_opaque_callback_data":"${attemptId}"}`;
  const template = (more: object) => ({ template: { name: 'order_ready', language: 'ru', header: [], body: [], ...more } });

  test.each<[string, OutboundMessage, string]>([
    [
      'text to a phone',
      whatsappTo('+35700000000', { text: 'Grüße ✉️ "x"\n' }),
      '"to":"35700000000","type":"text","text":{"body":"Grüße ✉️ \\"x\\"\\n","preview_url":false}',
    ],
    ['text to a wa_id', whatsappTo('5491123456789'), '"to":"5491123456789","type":"text","text":{"body":"Hello Anna","preview_url":false}'],
    [
      'a business-scoped id, which in `to` would be dropped in silence',
      whatsappTo('US.13491208655302741918'),
      '"recipient":"US.13491208655302741918","type":"text","text":{"body":"Hello Anna","preview_url":false}',
    ],
    [
      'a template with header and body parameters; the footer is never sent',
      whatsappTo('+35700000000', { text: 'No. 81\nAnna, 10.05\nBye', ...template({ header: ['No. 81'], body: ['Anna', '10.05'] }) }),
      '"to":"35700000000","type":"template","template":{"name":"order_ready","language":{"policy":"deterministic","code":"ru"},"components":[{"type":"header","parameters":[{"type":"text","text":"No. 81"}]},{"type":"body","parameters":[{"type":"text","text":"Anna"},{"type":"text","text":"10.05"}]}]}',
    ],
    [
      'a template with a body parameter only',
      whatsappTo('+35700000000', template({ body: ['Anna'] })),
      '"to":"35700000000","type":"template","template":{"name":"order_ready","language":{"policy":"deterministic","code":"ru"},"components":[{"type":"body","parameters":[{"type":"text","text":"Anna"}]}]}',
    ],
    [
      'a template without variables',
      whatsappTo('+35700000000', template({})),
      '"to":"35700000000","type":"template","template":{"name":"order_ready","language":{"policy":"deterministic","code":"ru"}}',
    ],
  ])('R60 R99 %s', async (_name, message, middle) => {
    await send(message, taken());
    expect(provider!.seen).toHaveLength(1);
    const [seen] = provider!.seen;
    expect([seen!.method, seen!.url]).toEqual(['POST', '/v23.0/106540352242922/messages']);
    expect(seen!.headers).toMatchObject({ authorization: `Bearer ${token}`, 'content-type': 'application/json', connection: 'close' });
    expect(seen!.body).toBe(start + middle + end);
  });

  test('I8 two attempts of one dispatch differ in the attempt id alone', async () => {
    await send(whatsappTo('+35700000000'), taken());
    const other = '0197a000-0000-7000-8000-0000000000a2';
    await plugin.send(whatsappTo('+35700000000'), ctxOf(configFor(provider!.url), { attemptId: other, attemptNo: 2 }));
    const [first, second] = provider!.seen.map((one) => one.body);
    expect(second).toBe(first!.replace(attemptId, other));
  });
});

describe('R99 what an answer says', () => {
  test('R99 taken: the message id, and what the provider calls the client', async () => {
    expect(await send(whatsappTo('+5491123456789'), taken())).toEqual({
      kind: 'accepted',
      externalIds: ['wamid.HBgL'],
      canonicalAddress: { kind: 'whatsapp_id', value: '541123456789' },
    });
  });

  test.each<[string, object, object]>([
    ['a business-scoped contact', { contacts: [{ input: 'US.1', user_id: 'US.1349' }] }, { canonicalAddress: { kind: 'whatsapp_id', value: 'US.1349' } }],
    ['no contacts', { contacts: undefined }, {}],
    ['contacts that are none', { contacts: [{ wa_id: 7 }, null] }, {}],
    ['a wa_id that is none', { contacts: [{ wa_id: 'x\r\ny' }] }, {}],
  ])('R99 taken with %s', async (_name, more, expected) => {
    expect(await send(whatsappTo('+35700000000'), taken(more))).toEqual({ kind: 'accepted', externalIds: ['wamid.HBgL'], ...expected });
  });

  test('R101 throttled: the wait is the provider’s, and the raw code and text stand beside the class', async () => {
    const error = {
      message: '(#130429) Rate limit hit',
      type: 'OAuthException',
      code: 130429,
      error_data: { messaging_product: 'whatsapp', details: 'Too fast' },
      fbtrace_id: 'Az8',
    };
    const outcome = await send(whatsappTo('+35700000000'), refusedWith(429, error, { 'retry-after': '7' }));
    expect(outcome).toEqual({
      kind: 'refused',
      failure: {
        class: 'rate_limited',
        scope: 'channel',
        retryAfterMs: 7000,
        provider: { code: '130429', http: 429, message: '(#130429) Rate limit hit', details: 'Too fast' },
      },
    });
  });

  test.each<[string, Answer, 'refused' | 'unknown', FailureClass]>([
    ['131026 cannot receive', refusedWith(400, { code: 131026, message: 'Message undeliverable' }), 'refused', 'not_on_channel'],
    ['131047 window closed', refusedWith(400, { code: 131047, message: 'Re-engagement message' }), 'refused', 'outside_window'],
    ['190 expired token', refusedWith(401, { code: 190, message: 'Error validating access token' }), 'refused', 'auth'],
    ['a code as text', refusedWith(400, { code: '132001' }), 'refused', 'template_unavailable'],
    ['an unlisted code', refusedWith(400, { code: 999999 }), 'refused', 'unlisted'],
    ['an error under status 200', refusedWith(200, { code: 131026 }), 'refused', 'not_on_channel'],
    ['500 with a code that says nothing was done', refusedWith(500, { code: 131016 }), 'refused', 'transient'],
    ['500 with an unlisted code', refusedWith(500, { code: 999999 }), 'unknown', 'unknown'],
    ['500 without a code', { status: 500, body: '<html>' }, 'unknown', 'unknown'],
    ['503', { status: 503 }, 'unknown', 'unknown'],
    ['408', { status: 408 }, 'unknown', 'unknown'],
    ['429 without a code', { status: 429 }, 'refused', 'rate_limited'],
    ['401 without a code', { status: 401 }, 'refused', 'auth'],
    ['403 without a code', { status: 403 }, 'refused', 'auth'],
    ['404 without a code', { status: 404, body: '{}' }, 'refused', 'config'],
    ['405 without a code', { status: 405 }, 'refused', 'config'],
    ['413 without a code', { status: 413 }, 'refused', 'invalid_content'],
    ['415 without a code', { status: 415 }, 'refused', 'invalid_content'],
    ['418 without a code', { status: 418 }, 'refused', 'unlisted'],
    ['a redirect, which is not followed', { status: 307, headers: { location: '/elsewhere' } }, 'refused', 'config'],
    ['200 with a body that is no JSON', { status: 200, body: 'OK' }, 'unknown', 'unknown'],
    ['200 with an empty body', { status: 200 }, 'unknown', 'unknown'],
    ['200 without a message id', { status: 200, body: '{"messages":[]}' }, 'unknown', 'unknown'],
    ['200 with an id that is none', { status: 200, body: '{"messages":[{"id":7}]}' }, 'unknown', 'unknown'],
    ['200 with a body without end', { status: 200, body: `{"messages":[{"id":"wamid.X"}],"x":"${'y'.repeat(200_000)}"}` }, 'unknown', 'unknown'],
    ['400 with a body without end', { status: 400, body: `{"x":"${'y'.repeat(200_000)}"}` }, 'refused', 'unlisted'],
    ['400 with an error of another shape', { status: 400, body: '{"error":"no"}' }, 'refused', 'unlisted'],
    ['204', { status: 204 }, 'unknown', 'unknown'],
  ])('R87 R99 R101 %s', async (_name, answer, kind, expected) => {
    const outcome = await send(whatsappTo('+35700000000'), answer);
    expect(outcome.kind).toBe(kind);
    expect(failureIn(outcome).class).toBe(expected);
    expect(provider!.seen).toHaveLength(1);
  });

  test('I13 neither token nor address nor number is in a failure, whatever the provider repeats', async () => {
    const error = {
      code: 190,
      message: `Malformed access token ${token} for +357 00 000000`,
      error_data: { details: `35700000000 anna@client.test US.13491208655302741918 ${token}` },
    };
    const outcome = await send(whatsappTo('US.13491208655302741918'), refusedWith(401, error));
    expect(JSON.stringify(outcome)).not.toMatch(new RegExp(`${token}|35700000000|000000|anna@|13491208655302741918`));
    expect(failureIn(outcome).provider.message).toContain('Malformed access token');
  });
});

describe('H2 R99 what breaks', () => {
  test.each<[string, Answer]>([
    ['the provider takes the request and goes', 'drop'],
    ['the provider takes the request and resets', 'reset'],
    ['the answer stops half-way', 'half'],
  ])('H2 R99 %s: unknown, after exactly one request', async (_name, answer) => {
    const outcome = await send(whatsappTo('+35700000000'), answer);
    expect(outcome.kind).toBe('unknown');
    expect(failureIn(outcome)).toMatchObject({ class: 'unknown', scope: 'message' });
    expect(provider!.seen).toHaveLength(1);
  });

  test.each<[string, string]>([
    ['nobody listens', 'http://127.0.0.1:PORT'],
    ['nobody listens at any address of the host', 'http://localhost:PORT'],
    ['the host does not exist', 'http://provider.invalid'],
  ])('H2 %s: nothing left, so transient', async (_name, url) => {
    const cfg = configFor(url.replace('PORT', String(await closedPort())));
    const outcome = await plugin.send(whatsappTo('+35700000000'), ctxOf(cfg));
    expect(outcome.kind).toBe('refused');
    expect(failureIn(outcome)).toMatchObject({ class: 'transient', scope: 'channel' });
  });

  test.each<[string, Answer, number]>([
    ['no answer', 'hang', hasty.connectMs + hasty.replyMs],
    ['half an answer', 'half_then_hang', hasty.exchangeMs],
  ])('H3 %s: unknown, as soon as the ladder says', async (_name, answer, ms) => {
    const before = performance.now();
    const outcome = await send(whatsappTo('+35700000000'), answer, { ladder: hasty });
    const took = performance.now() - before;
    expect(outcome.kind).toBe('unknown');
    expect(failureIn(outcome).provider.code).toBe('TimeoutError');
    expect(took).toBeGreaterThanOrEqual(ms - 20);
    expect(took).toBeLessThan(hasty.startToCloseMs + 1_000);
  });

  test('H3 the caller calls off a send that hangs: unknown, at once', async () => {
    const stop = new AbortController();
    const sending = send(whatsappTo('+35700000000'), 'hang', { signal: stop.signal });
    await until(() => (provider?.seen.length ?? 0) === 1);
    stop.abort();
    expect((await sending).kind).toBe('unknown');
    expect(provider!.seen).toHaveLength(1);
  });

  test('H3 a forbidden or called-off hand-over makes no request', async () => {
    const forbid = (): void => {
      throw new HandOverForbidden('too late');
    };
    const forbidden = await send(whatsappTo('+35700000000'), taken(), { assertMayHandOver: forbid });
    expect(forbidden).toMatchObject({ kind: 'refused', failure: { class: 'transient', scope: 'message', provider: { code: 'HAND_OVER_FORBIDDEN' } } });
    expect(provider!.seen).toEqual([]);
    const calledOff = await plugin.send(whatsappTo('+35700000000'), ctxOf(configFor(provider!.url), { signal: AbortSignal.abort() }));
    expect(calledOff).toMatchObject({ kind: 'refused', failure: { class: 'transient', scope: 'message' } });
    expect(provider!.seen).toEqual([]);
  });

  test('H3 our own fault in the check is thrown, not called a provider’s', async () => {
    const broken = (): void => {
      throw new RangeError('a bug');
    };
    await expect(send(whatsappTo('+35700000000'), taken(), { assertMayHandOver: broken })).rejects.toThrow('a bug');
    expect(provider!.seen).toEqual([]);
  });

  test('I14 many calls leave no connection', async () => {
    await send(whatsappTo('+35700000000'), taken());
    const cfg = configFor(provider!.url);
    await Promise.all(Array.from({ length: 20 }, () => plugin.send(whatsappTo('+35700000000'), ctxOf(cfg))));
    expect(provider!.seen).toHaveLength(21);
    await until(() => provider!.openConnections() === 0);
  });
});
