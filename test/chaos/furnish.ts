/** What a campaign finds in place, made through the API: two channels whose providers are reached by lines, templates, a group. */

import type { Answer, Ask } from './caller.js';
import type { Stage } from './stage.js';

export const phoneNumberId = '100200300';
const secrets = { appSecret: 'chaos-app-secret', verifyToken: 'chaos-verify-token', inbound: 'chaos-inbound-secret' };

/** What an attempt may take from its claim to the hand-over, and the rest of a channel's patience; short, so that what was hit is back soon. Milliseconds. */
export const claimWindowMs = 3_500;
const policy = {
  ladder: { connectMs: 500, replyMs: 2_000, exchangeMs: claimWindowMs, heartbeatMs: 2_000 },
  retry: { deadlineMs: 3_600_000, initialMs: 200, maximumMs: 2_000 },
};

export interface Furniture {
  email: string;
  whatsapp: string;
  /** Ours, with the variable `who`; its text names the edit. */
  mailTemplate: string;
  /** Known to the provider. */
  chatTemplate: string;
  group: string;
}

export const bounceDomain = 'bounce.waybill.test';

export async function furnish(stage: Stage, ask: Ask): Promise<Furniture> {
  const admin = async (path: string, body: unknown): Promise<Answer['body']> => {
    const answer = await ask({ as: stage.keys.admin, method: 'POST', path, body });
    if (answer?.status !== 201) throw new Error(`${path} was answered ${answer?.status}: ${JSON.stringify(answer?.body)}`);
    return answer.body;
  };
  const email = await admin('/v1/channels', {
    type: 'email',
    provider: 'smtp',
    name: 'Mail',
    policy,
    config: {
      host: '127.0.0.1',
      port: stage.lines['worker-relay'].port,
      mailboxes: [{ address: 'service@waybill.test', name: 'Service' }],
      domain: 'waybill.test',
      bounceDomain,
      inboundSecrets: [secrets.inbound],
    },
  });
  const { appSecret, verifyToken } = secrets;
  const whatsapp = await admin('/v1/channels', {
    type: 'whatsapp',
    provider: 'meta_cloud',
    name: 'Chat',
    policy: { ...policy, unknownWaitMs: 2_000, receiptWindowMs: 1_500 },
    config: {
      phoneNumberId,
      accessToken: 'chaos-token',
      appSecrets: [appSecret],
      verifyToken,
      baseUrl: `http://127.0.0.1:${stage.lines['worker-cloud'].port}`,
      apiVersion: 'v23.0',
    },
  });
  await stage.house.control('PUT', `/webhooks/${phoneNumberId}`, { url: `${stage.apiUrls[0]}/webhooks/${String(whatsapp['id'])}`, appSecret, verifyToken });
  await stage.house.control('PUT', '/receipt-behaviour', { sentMs: 100, deliveredMs: 300, duplicates: 1, order: 'shuffled' });
  const mailTemplate = await admin('/v1/templates', { origin: 'own', name: 'chaos', language: 'en', subject: 'For {{ who }}', ...textOf('the first') });
  const chatTemplate = await admin('/v1/templates', {
    origin: 'registered',
    channelId: whatsapp['id'],
    name: 'appointment_reminder',
    language: 'en',
    body: 'You have an appointment on {{1}} at {{2}}.',
    variables: [
      { name: '1', type: 'text' },
      { name: '2', type: 'text' },
    ],
  });
  await admin('/v1/transfer-targets', { type: 'group', id: 'desk', name: 'Desk' });
  const idOf = (made: Answer['body']): string => String(made['id']);
  return { email: idOf(email), whatsapp: idOf(whatsapp), mailTemplate: idOf(mailTemplate), chatTemplate: idOf(chatTemplate), group: 'desk' };
}

/** A version of the mail template that tells which one it is. */
export function textOf(edit: string) {
  return { body: `Dear {{ who }}, this is ${edit} text.`, variables: [{ name: 'who', type: 'text' }] };
}
