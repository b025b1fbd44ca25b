/** The page for people: what arrived, newest first, and how to make the stand-ins misbehave. Plain HTML, nothing from outside. */

import express, { type Router } from 'express';
import { Problem } from './http.js';
import { type Html, html, join } from './html.js';
import { magicAddresses } from './magic-addresses.js';
import { type Mailbox, parseHeaders, parseMail, type Received } from './mailbox.js';
import { magicNumbers } from './whatsapp-cloud/magic-numbers.js';

const SHOWN = 200;
const SHOWN_CHARACTERS = 200_000;

export function mailboxRoutes({ mailbox }: { mailbox: Mailbox }): Router {
  const router = express.Router();
  router.get('/', async (_req, res) => {
    const received = mailbox.list({ limit: SHOWN });
    const rows = await Promise.all(received.map(row));
    res.type('html').send(page('Mailbox', html`${listing(rows)}${magicTables}${controlHelp}`).text);
  });
  router.get('/received/:seq', async (req, res) => {
    const received = mailbox.find(Number(req.params.seq));
    if (!received) throw new Problem(404, 'Nothing with this number is in memory; the journal keeps its line.');
    res.type('html').send(page(`No. ${received.entry.seq}`, await detail(received)).text);
  });
  router.get('/sandbox.css', (_req, res) => void res.type('css').send(styles));
  return router;
}

function page(title: string, body: Html): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>${title} · Waybill sandbox</title>
        <link rel="stylesheet" href="/sandbox.css" />
      </head>
      <body>
        <h1><a href="/">Waybill sandbox</a></h1>
        <p>Stand-ins on this machine for an SMTP relay and for Meta's WhatsApp Cloud API. Nothing that is sent here reaches anybody.</p>
        ${body}
      </body>
    </html>`;
}

function listing(rows: Html[]): Html {
  if (rows.length === 0)
    return html`<h2>Received</h2>
      <p>Nothing yet.</p>`;
  return html`<h2>Received</h2>
    <table>
      <tr>
        <th>No.</th>
        <th>At</th>
        <th>By</th>
        <th>From</th>
        <th>To</th>
        <th>Subject or text</th>
      </tr>
      ${join(rows)}
    </table>`;
}

async function row({ entry, raw }: Received): Promise<Html> {
  const summary = entry.channel === 'email' ? ((await parseHeaders(raw))?.subject ?? '(no subject)') : summaryOf(raw);
  return html`<tr>
    <td><a href="/received/${entry.seq}">${entry.seq}</a></td>
    <td>${entry.at}</td>
    <td>${entry.channel}</td>
    <td>${entry.sender}</td>
    <td>${entry.recipients.join(', ')}</td>
    <td>${summary.slice(0, 120)}</td>
  </tr>`;
}

function summaryOf(raw: Buffer): string {
  const message = JSON.parse(raw.toString()) as { type?: string; text?: { body?: string }; template?: { name?: string } };
  return message.text?.body ?? message.template?.name ?? message.type ?? '';
}

async function detail({ entry, raw }: Received): Promise<Html> {
  const facts = Object.entries(entry).map(
    ([name, value]) =>
      html`<tr>
        <th>${name}</th>
        <td>${String(value)}</td>
      </tr>`,
  );
  const head = html`<h2>No. ${entry.seq}</h2>
    <table>
      ${join(facts)}
    </table>`;
  if (entry.channel === 'whatsapp')
    return html`${head}
      <h2>Body</h2>
      <pre>${JSON.stringify(JSON.parse(raw.toString()), null, 2)}</pre>`;
  const mail = await parseMail(raw);
  const headers =
    mail?.headers.map(
      ({ originalKey, value }) =>
        html`<tr>
          <th>${originalKey}</th>
          <td>${value}</td>
        </tr>`,
    ) ?? [];
  const files = mail?.attachments.map(({ filename, mimeType }) => html`<li>${filename ?? '(no name)'} · ${mimeType}</li>`) ?? [];
  return html`${head}
    <h2>Headers</h2>
    <table>
      ${join(headers)}
    </table>
    <h2>Text</h2>
    <pre>${mail?.text ?? '(none)'}</pre>
    <h2>HTML, as source</h2>
    <pre>${mail?.html ?? '(none)'}</pre>
    <h2>Attachments</h2>
    <ul>
      ${join(files)}
    </ul>
    <h2>Raw</h2>
    <pre>${raw.toString('utf8', 0, SHOWN_CHARACTERS)}</pre>`;
}

const magicTables = html`<h2>Magic mail addresses</h2>
  <p>
    Any domain, any tag (<code>busy-2+anything@example.test</code>). All others are accepted. A login with the password <code>bad-password</code> gets 535
    5.7.8.
  </p>
  <table>
    ${join(
      magicAddresses.map(
        ({ example, what }) =>
          html`<tr>
            <td><code>${example}</code></td>
            <td>${what}</td>
          </tr>`,
      ),
    )}
  </table>
  <h2>Magic WhatsApp numbers</h2>
  <p>
    By their last four digits. All others are accepted; the statuses sent and delivered follow. The token <code>bad-token</code> gets 401 / 190. A template in
    the list is checked (status, language, number of variables); one that is not in it is let through.
  </p>
  <table>
    ${join(
      magicNumbers.map(
        ({ ending, what }) =>
          html`<tr>
            <td><code>…${ending}</code></td>
            <td>${what}</td>
          </tr>`,
      ),
    )}
  </table>`;

const examples: readonly (readonly [string, string])[] = [
  ['POST /control/faults', '{"channel":"email","recipient":"anna@example.test","count":2,"do":{"reply":"451 4.7.1 busy","at":"dot"}}'],
  ['POST /control/faults', '{"channel":"whatsapp","count":1,"do":{"status":429,"code":130429,"retryAfter":7}}'],
  ['do, either channel', '{"drop":"before"} not taken · {"drop":"after"} taken · {"hangMs":5000} taken · each with "delayMs"'],
  ['GET, DELETE /control/faults', ''],
  ['PUT /control/webhooks/{phoneNumberId}', '{"url":"http://127.0.0.1:3000/webhooks/…","appSecret":"…","verifyToken":"…","handshake":true}'],
  [
    'PUT /control/receipt-behaviour',
    '{"mode":"auto","sentMs":100,"deliveredMs":300,"readMs":null,"duplicates":0,"order":"in_order"} (or none; reversed, shuffled)',
  ],
  ['POST /control/receipts', '{"opaqueId":"…","status":"delivered"} (or "wamid"; failed needs "code")'],
  ['POST /control/inbound', '{"phoneNumberId":"…","from":"+15550001111","text":"Hello","name":"Anna"}'],
  ['POST /control/inbound-mail', '{"url":"…","secret":"…","from":"anna@example.test","to":"desk@example.test","subject":"Hello","text":"…"}'],
  ['PUT /control/templates', '{"templates":[…]} in the shape of GET /v23.0/{account}/message_templates'],
  ['GET /control/journal', '?since= &channel= &messageId= &opaqueId= &wamid= &recipient= &handedOver=true &limit='],
  ['GET /control/journal/count', 'the same filters'],
  ['GET /control/mails, /control/messages', '?to= &limit='],
  ['POST /control/reset', 'forgets all of this but the journal and the webhook targets'],
];

const controlHelp = html`<h2>Control</h2>
  <table>
    ${join(
      examples.map(
        ([route, body]) =>
          html`<tr>
            <td><code>${route}</code></td>
            <td><code>${body}</code></td>
          </tr>`,
      ),
    )}
  </table>`;

const styles = `body{font:14px/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem;color:#1c1c1c}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #ddd;overflow-wrap:anywhere}
pre{background:#f5f5f5;padding:.8rem;white-space:pre-wrap;overflow-wrap:anywhere}h1 a{color:inherit;text-decoration:none}`;
