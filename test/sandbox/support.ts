/** What the sandbox's own tests share: a sandbox on free ports, a sender of mail, a sender of WhatsApp messages, a receiver of webhooks. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createTransport } from 'nodemailer';
import { createSandbox, type Sandbox, type SandboxOptions } from '../../sandbox/create-sandbox.js';

export const PHONE_NUMBER_ID = '106540352242922';

/** Parsed JSON whose shape the test itself asserts. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Json = any;

export interface RunningSandbox extends Sandbox {
  url: string;
  /** A request to the HTTP port; the body goes out as JSON. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<{ status: number; body: Json; headers: Headers }>;
}

export async function startSandbox(options: SandboxOptions = {}): Promise<RunningSandbox> {
  const sandbox = await createSandbox({ webhookRetry: { firstMs: 5, maxMs: 20, tries: 5 }, ...options });
  const url = `http://127.0.0.1:${sandbox.httpPort}`;
  return {
    ...sandbox,
    url,
    call: async (method, path, body, headers = {}) => {
      const init = { method, headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers } };
      const answer = await fetch(`${url}${path}`, body === undefined ? init : { ...init, body: JSON.stringify(body) });
      const text = await answer.text();
      const json = answer.headers.get('content-type')?.includes('json') ?? false;
      return { status: answer.status, body: json ? JSON.parse(text) : text, headers: answer.headers };
    },
  };
}

export interface SentMail {
  ok: boolean;
  /** The SMTP reply code, where there was a reply. */
  code?: number | undefined;
  response: string;
  rejected: string[];
}

/** One mail over a line of its own; a failure is data. */
export async function sendMail(
  sandbox: Sandbox,
  to: string | string[],
  options: { messageId?: string; text?: string; from?: string; password?: string; timeoutMs?: number; headers?: Record<string, string> } = {},
): Promise<SentMail> {
  const recipients = [to].flat();
  const transport = createTransport({
    host: '127.0.0.1',
    port: sandbox.smtpPort,
    socketTimeout: options.timeoutMs ?? 5_000,
    ...(options.password === undefined ? {} : { auth: { user: 'desk', pass: options.password } }),
  });
  const from = options.from ?? 'desk@example.test';
  try {
    const sent = await transport.sendMail({
      envelope: { from, to: recipients },
      from,
      to: recipients[0],
      subject: 'Your order',
      text: options.text ?? 'It is ready.',
      date: new Date('2026-01-21T08:00:00Z'),
      headers: options.headers ?? {},
      ...(options.messageId === undefined ? {} : { messageId: options.messageId }),
    });
    return { ok: true, response: sent.response, rejected: sent.rejected.map(String) };
  } catch (error) {
    const { responseCode, response, message } = error as Error & { responseCode?: number; response?: string };
    return { ok: false, code: responseCode, response: response ?? message, rejected: recipients };
  } finally {
    transport.close();
  }
}

export function textMessage(to: string, body = 'Your order is ready.', opaqueId?: string): object {
  const message = { messaging_product: 'whatsapp', recipient_type: 'individual', to, type: 'text', text: { body, preview_url: false } };
  return opaqueId === undefined ? message : { ...message, biz_opaque_callback_data: opaqueId };
}

/** Posts a message as a Cloud API client does; null when the line was closed without an answer. */
export async function sendWhatsApp(sandbox: RunningSandbox, message: unknown, token = 'sandbox-token') {
  return sandbox.call('POST', `/v23.0/${PHONE_NUMBER_ID}/messages`, message, { authorization: `Bearer ${token}` }).catch(() => null);
}

export interface Hook {
  headers: Record<string, unknown>;
  raw: string;
  /** `entry[0].changes[0].value` of Meta's body. */
  value: Json;
}

/** A receiver of webhooks; `answers` are the statuses of its first answers, then 200. Echoes a handshake's challenge. */
export async function startReceiver(answers: number[] = []) {
  const hooks: Hook[] = [];
  const server = createServer((req, res) => {
    const query = new URL(req.url ?? '/', 'http://localhost').searchParams;
    if (req.method === 'GET') {
      res.statusCode = query.get('hub.verify_token') === 'right' ? 200 : 403;
      return void res.end(query.get('hub.challenge'));
    }
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const raw = Buffer.concat(chunks).toString();
      const value = req.headers['content-type'] === 'application/json' ? JSON.parse(raw).entry[0].changes[0].value : null;
      hooks.push({ headers: req.headers, raw, value });
      res.statusCode = answers.shift() ?? 200;
      res.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks/whatsapp`,
    hooks,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Waits for a condition, at most five seconds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('The condition did not come true within five seconds.');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
