/** Tells the sandbox where the webhooks of its WhatsApp numbers go; it keeps them in memory alone. */

import { whatsappCloudConfigSchema } from '../channels/whatsapp-cloud/config.js';
import { listChannels } from '../db/channels.js';
import { connectDatabase } from '../db/connect.js';
import type { SecretBox } from '../runtime/secret-box.js';

/** Every WhatsApp channel whose provider is the sandbox gets its webhook set; harmless when repeated. */
export async function pointWebhooks(options: { databaseUrl: string; secretBox: SecretBox; sandboxUrl: string; apiUrl: string }): Promise<void> {
  const handle = connectDatabase({ url: options.databaseUrl, max: 1, name: 'waybill-launcher' });
  try {
    for (const { id, provider, config, credentials, credentialsKey } of await listChannels(handle.db)) {
      if (provider !== 'meta_cloud' || credentials === null || credentialsKey === null) continue;
      const { phoneNumberId, baseUrl, appSecrets, verifyToken } = whatsappCloudConfigSchema.parse({
        ...config,
        ...(options.secretBox.open(id, { credentials, credentialsKey }) as object),
      });
      if (!baseUrl.startsWith(options.sandboxUrl)) continue;
      await setWebhook(`${options.sandboxUrl}/control/webhooks/${phoneNumberId}`, {
        url: `${options.apiUrl}/webhooks/${id}`,
        appSecret: appSecrets[0],
        verifyToken,
      });
    }
  } finally {
    await handle.close();
  }
}

async function setWebhook(controlUrl: string, target: object): Promise<void> {
  const answer = await fetch(controlUrl, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(target),
    signal: AbortSignal.timeout(5_000),
  });
  if (!answer.ok) throw new Error(`The sandbox did not take the webhook of a WhatsApp channel: ${answer.status} ${(await answer.text()).slice(0, 300)}`);
}
