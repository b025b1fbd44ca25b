/** The plug-ins that this installation has. A new channel is added here. */

import { createEmailSmtp } from './email/email-smtp.js';
import { createRegistry, type ChannelRegistry } from './registry.js';
import { createWhatsappCloud } from './whatsapp-cloud/whatsapp-cloud.js';

/** Call once per process; `close` of the registry ends all connections. */
export function createPlugins(): ChannelRegistry {
  return createRegistry([createEmailSmtp(), createWhatsappCloud()]);
}
