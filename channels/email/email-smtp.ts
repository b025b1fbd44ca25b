/** Email by SMTP through one relay (channels section 8). */

import type { Capabilities } from '../../domain/channel.js';
import type { ChannelPlugin } from '../channel.js';
import { emailConfigSchema, mailboxAddresses, type EmailConfig } from './config.js';
import { classifySmtpError } from './failures.js';
import { sendEmail } from './send.js';
import { createTransports } from './transport.js';
import { emailWebhook } from './webhook.js';

const capabilities: Capabilities = {
  text: { maxChars: 100_000 },
  subject: true,
  bcc: true,
  recipientChoice: 'email',
  template: 'none',
  templateHeader: [],
  templateFooter: false,
  attachments: null,
  addressKinds: ['email'],
  coldStart: true,
  sessionWindowMs: null,
  opensThread: false,
  allowedWithActiveThread: true,
  receipts: {},
  idempotency: { mode: 'none' },
  limits: {},
};

/** The plug-in email/smtp; it owns its connections, `close` ends them. */
export function createEmailSmtp() {
  const transports = createTransports();
  return {
    type: 'email',
    provider: 'smtp',
    configSchema: emailConfigSchema,
    capabilities: () => capabilities,
    mailboxes: mailboxAddresses,
    send: (message, ctx) => sendEmail(transports, message, ctx),
    classifyError: classifySmtpError,
    webhook: emailWebhook,
    close: async () => transports.close(),
  } satisfies ChannelPlugin<EmailConfig>;
}
