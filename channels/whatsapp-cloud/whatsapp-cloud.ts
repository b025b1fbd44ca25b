/** WhatsApp through Meta's Cloud API (channels section 3). */

import type { Capabilities } from '../../domain/channel.js';
import type { ChannelPlugin } from '../channel.js';
import { whatsappCloudConfigSchema, type WhatsappCloudConfig } from './config.js';
import { classifyCloudError } from './failures.js';
import { sendWhatsapp } from './send.js';
import { whatsappWebhook } from './webhook.js';

const capabilities: Capabilities = {
  text: { maxChars: 4096 },
  subject: false,
  bcc: false,
  recipientChoice: 'phone',
  template: 'required_outside_window',
  templateHeader: ['text'],
  templateFooter: true,
  attachments: null,
  addressKinds: ['phone', 'whatsapp_id'],
  coldStart: true,
  sessionWindowMs: 24 * 60 * 60 * 1000,
  opensThread: true,
  allowedWithActiveThread: false,
  receipts: { sent: 'push', delivered: 'push', read: 'push', failed: 'push' },
  idempotency: { mode: 'none' },
  limits: {},
};

/** The plug-in whatsapp/meta_cloud; it keeps no state between calls. */
export function createWhatsappCloud() {
  return {
    type: 'whatsapp',
    provider: 'meta_cloud',
    configSchema: whatsappCloudConfigSchema,
    capabilities: () => capabilities,
    mailboxes: () => [],
    send: sendWhatsapp,
    classifyError: classifyCloudError,
    webhook: whatsappWebhook,
  } satisfies ChannelPlugin<WhatsappCloudConfig>;
}
