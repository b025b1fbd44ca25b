/** The sandbox: stand-ins for an SMTP relay and for Meta's WhatsApp Cloud API, with one journal, one mailbox and one control API. */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { type Logger, pino } from 'pino';
import { controlRoutes } from './control/routes.js';
import { createFaults } from './faults.js';
import { Problem, problemHandler, refuseOtherSites, securityHeaders } from './http.js';
import { createJournal, type Journal } from './journal.js';
import { createMailbox } from './mailbox.js';
import { mailboxRoutes } from './mailbox-page.js';
import { createSmtpRelay } from './smtp-relay.js';
import { createTimers } from './timers.js';
import { createReceipts } from './whatsapp-cloud/receipts.js';
import { cloudRoutes } from './whatsapp-cloud/routes.js';
import { type CloudTemplate, initialTemplates } from './whatsapp-cloud/templates.js';
import { createWebhooks, defaultRetry, type WebhookRetry } from './whatsapp-cloud/webhooks.js';

/** Senders keep lines open; closing an idle one under a request would put that request in doubt for no reason. */
const KEEP_ALIVE_MS = 120_000;

/** Port 0 (the default) takes a free one; without a file the journal lives in memory alone. */
export interface SandboxOptions {
  httpPort?: number | undefined;
  smtpPort?: number | undefined;
  journalFile?: string | undefined;
  journalCapacity?: number | undefined;
  webhookRetry?: WebhookRetry | undefined;
  log?: Logger | undefined;
}

export interface Sandbox {
  httpPort: number;
  smtpPort: number;
  journal: Journal;
  /** Cuts every line without another answer and ends every timer; harmless when repeated. */
  close(): Promise<void>;
}

/** Listens on 127.0.0.1 only. Rejects with the socket's error when a port is taken; nothing is left open then. */
export async function createSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const log = options.log ?? pino({ level: 'silent' });
  const journal = await createJournal({ file: options.journalFile, capacity: options.journalCapacity });
  const mailbox = createMailbox();
  const faults = createFaults();
  const webhooks = createWebhooks({ retry: options.webhookRetry ?? defaultRetry, log });
  const receipts = createReceipts(webhooks);
  const timers = createTimers();
  const templates = templateList();

  const app = express();
  app.disable('x-powered-by');
  app.use(securityHeaders, refuseOtherSites);
  app.get('/healthz', (_req, res) => void res.json({ sandbox: 'ready' }));
  app.use('/control', controlRoutes({ journal, mailbox, faults, webhooks, receipts, templates }));
  app.use(mailboxRoutes({ mailbox }));
  app.use(cloudRoutes({ journal, mailbox, faults, receipts, timers, templates: templates.list }));
  app.use(() => {
    throw new Problem(404, 'The sandbox has no such address; the mailbox page at / lists what it has.');
  });
  app.use(problemHandler(log));

  const http = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, app);
  const stop = async (): Promise<void> => {
    receipts.close();
    webhooks.close();
    timers.clear();
    await closeHttp(http);
  };
  try {
    await listen(http, options.httpPort ?? 0);
    const relay = await createSmtpRelay({ port: options.smtpPort ?? 0, journal, mailbox, faults, log });
    const close = async (): Promise<void> => {
      await Promise.all([stop(), relay.close()]);
      journal.close();
    };
    let closed: Promise<void> | null = null;
    return { httpPort: (http.address() as AddressInfo).port, smtpPort: relay.port, journal, close: () => (closed ??= close()) };
  } catch (error) {
    await stop();
    journal.close();
    throw error;
  }
}

function templateList() {
  let templates: readonly CloudTemplate[] = initialTemplates;
  return {
    list: () => templates,
    set: (wanted: readonly CloudTemplate[]) => void (templates = wanted),
    reset: () => void (templates = initialTemplates),
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function closeHttp(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
