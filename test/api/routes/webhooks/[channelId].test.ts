import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { inbox } from '../../../../db/schema/index.js';
import { addChannel, emailConfig, startTestApi, type TestApi, whatsappConfig } from '../../support.js';

let api: TestApi;
let whatsapp: string;
let email: string;

beforeAll(async () => {
  api = await startTestApi();
  whatsapp = (await addChannel(api, 'whatsapp')).id;
  email = (await addChannel(api, 'email')).id;
});
afterAll(() => api.close());
beforeEach(async () => void (await api.db.delete(inbox)));

const stored = () => api.db.select().from(inbox).orderBy(inbox.id);
const sign = (body: string | Buffer, secret: string): string => `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
const status = (id: string, what: string): object => ({ id, status: what, timestamp: '1767225600', recipient_id: '12125550101' });
const meta = (value: object): object => ({
  object: 'whatsapp_business_account',
  entry: [
    {
      id: '1',
      changes: [
        {
          field: 'messages',
          value: { messaging_product: 'whatsapp', metadata: { display_phone_number: '1', phone_number_id: whatsappConfig.phoneNumberId }, ...value },
        },
      ],
    },
  ],
});
const post = (body: string, signature?: string, channel: string = whatsapp, type = 'application/json') => {
  const request = api.anonymous.post(`/webhooks/${channel}`).set('Content-Type', type);
  return (signature === undefined ? request : request.set('X-Hub-Signature-256', signature)).send(body);
};
const secret = whatsappConfig.appSecrets[0]!;

describe('POST /webhooks/{channelId}', () => {
  test('R103 200 every event of a request is stored before the answer', async () => {
    const body = JSON.stringify(meta({ statuses: [status('wamid.1', 'sent'), status('wamid.1', 'delivered')] }));
    expect((await post(body, sign(body, secret))).status).toBe(200);
    const rows = await stored();
    expect(rows.map((row) => [row.channelId, row.kind, row.appliedAt])).toEqual([
      [whatsapp, 'receipt', null],
      [whatsapp, 'receipt', null],
    ]);
    expect(rows[0]?.event).toMatchObject({ kind: 'receipt', externalId: 'wamid.1', status: 'sent' });
  });

  test('H7 repeated and at once: each event is stored one time', async () => {
    const body = JSON.stringify(meta({ statuses: [status('wamid.2', 'sent')] }));
    const answers = await Promise.all(Array.from({ length: 10 }, () => post(body, sign(body, secret))));
    expect(new Set(answers.map((one) => one.status))).toEqual(new Set([200]));
    expect(await stored()).toHaveLength(1);
  });

  test('H7 R103 200 as many events as a body can hold', async () => {
    const statuses = Array.from({ length: 17_000 }, (_, n) => ({ id: `w${n}`, status: 'sent', timestamp: '1767225600' }));
    const body = JSON.stringify(meta({ statuses }));
    expect((await post(body, sign(body, secret))).status).toBe(200);
    expect(await stored()).toHaveLength(statuses.length);
  });

  test('401 a missing signature, a wrong one, one of another secret: nothing is written', async () => {
    const body = JSON.stringify(meta({ statuses: [status('wamid.3', 'sent')] }));
    const right = sign(body, secret);
    const wrong = [
      undefined,
      '',
      'sha256=',
      right.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
      right.slice(0, -2),
      sign(body, 'another-secret'),
      right.replace('sha256', 'sha1'),
    ];
    for (const signature of wrong) {
      const answer = await post(body, signature);
      expect([answer.status, answer.body.code]).toEqual([401, 'UNAUTHENTICATED']);
    }
    expect(await stored()).toEqual([]);
  });

  test('401 a body that was changed or written anew: the signature is over the bytes as they came', async () => {
    const bytes =
      '{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"messaging_product":"whatsapp","contacts":[{"profile":{"name":"\\u0410 \\ud83d\\ude00"}}],"statuses":[]}}]}]}';
    const signature = sign(bytes, secret);
    const rewritten = JSON.stringify(JSON.parse(bytes));
    expect(rewritten).not.toBe(bytes);
    expect((await post(rewritten, signature)).status).toBe(401);
    expect((await post(`${bytes} `, signature)).status).toBe(401);
    expect((await post(bytes, signature)).status).toBe(200);
    expect((await post(bytes, signature, whatsapp, 'text/plain')).status).toBe(200);
    expect(await stored()).toEqual([]);
  });

  test('a signature of one channel is worth nothing on another', async () => {
    const body = JSON.stringify(meta({ statuses: [status('wamid.4', 'sent')] }));
    expect((await post(body, sign(body, secret), email)).status).toBe(401);
    expect(await stored()).toEqual([]);
  });

  test('a signed body that is none of the provider’s leaves nothing behind', async () => {
    for (const body of ['', '[]', '{"object":1}', 'nonsense', '{"entry":[{"changes":[{"field":"messages","value":{"statuses":[{"id":5}]}}]}]}']) {
      const answer = await post(body, sign(body, secret));
      expect(answer.status).toBeLessThan(500);
    }
    expect(await stored()).toEqual([]);
  });

  test('a client’s text that no table can hold is stored mended, not refused for ever', async () => {
    const inbound = { from: '12125550101', id: 'wamid.5', timestamp: '1767225600', type: 'text', text: { body: 'a\u0000b\ud800c' } };
    const body = JSON.stringify(meta({ contacts: [{ profile: { name: 'N' }, wa_id: '12125550101' }], messages: [inbound] }));
    expect((await post(body, sign(body, secret))).status).toBe(200);
    const [row] = await stored();
    expect(JSON.stringify(row?.event)).not.toMatch(/\\u0000|\\ud800/);
    expect(row?.kind).toBe('inbound');
  });

  test('200 mail comes in by the same way', async () => {
    const mail = [
      'From: Client <client@example.test>',
      'To: support@example.test',
      'Subject: Hello',
      'Message-ID: <m1@example.test>',
      'Date: Thu, 01 Jan 2026 10:00:00 +0000',
      '',
      'Good day',
      '',
    ].join('\r\n');
    const answer = await api.anonymous
      .post(`/webhooks/${email}`)
      .set('Content-Type', 'message/rfc822')
      .set('X-Waybill-Signature-256', sign(mail, emailConfig.inboundSecrets[0]!))
      .send(mail);
    expect(answer.status).toBe(200);
    expect((await stored())[0]).toMatchObject({ channelId: email, kind: 'inbound', eventId: '<m1@example.test>' });
  });

  test('404 unknown and unreadable channels; 413 beyond the limit; neither needs a key', async () => {
    expect((await post('{}', sign('{}', secret), '0199c0de-0000-7000-8000-000000000001')).status).toBe(404);
    expect((await post('{}', sign('{}', secret), 'x')).status).toBe(404);
    const large = 'x'.repeat(12 * 1024 * 1024 + 1);
    expect((await post(large, sign(large, secret))).status).toBe(413);
  });

  test('it is not held to a rate', async () => {
    const busy = await startTestApi({ limits: { requestsPerMinute: 1, wrongKeysPerMinute: 1 } });
    const channel = (await addChannel(busy, 'whatsapp')).id;
    const body = JSON.stringify(meta({ statuses: [] }));
    for (let n = 0; n < 5; n++) {
      const answer = await busy.anonymous
        .post(`/webhooks/${channel}`)
        .set('Content-Type', 'application/json')
        .set('X-Hub-Signature-256', sign(body, secret))
        .send(body);
      expect(answer.status).toBe(200);
    }
    await busy.close();
  });
});

describe('GET /webhooks/{channelId}', () => {
  const greet = (token: string) =>
    api.anonymous.get(`/webhooks/${whatsapp}`).query({ 'hub.mode': 'subscribe', 'hub.verify_token': token, 'hub.challenge': '1158201444' });

  test('200 the challenge comes back for the right token alone', async () => {
    const right = await greet(whatsappConfig.verifyToken);
    expect([right.status, right.text]).toEqual([200, '1158201444']);
    expect((await greet('wrong')).text).not.toContain('1158201444');
    expect((await api.anonymous.get(`/webhooks/${email}`)).status).toBe(404);
  });
});
