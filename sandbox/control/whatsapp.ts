/** WhatsApp: where webhooks go, which statuses follow, and statuses and inbound messages on demand. */

import express, { type Router } from 'express';
import { z } from 'zod';
import { parse, Problem } from '../http.js';
import { inboundEvent, newWamid, statusEvent } from '../whatsapp-cloud/events.js';
import { receiptBehaviour } from '../whatsapp-cloud/receipts.js';
import { cloudTemplate } from '../whatsapp-cloud/templates.js';
import { webhookTarget, type WebhookTarget } from '../whatsapp-cloud/webhooks.js';
import type { ControlDeps } from './deps.js';

const target = webhookTarget.extend({ handshake: z.boolean().default(false) });
const statusOnDemand = z
  .strictObject({
    wamid: z.string().min(1).optional(),
    opaqueId: z.string().min(1).optional(),
    status: z.enum(['sent', 'delivered', 'read', 'failed']),
    code: z.int().optional(),
    details: z.string().max(500).optional(),
  })
  .refine((one) => (one.wamid === undefined) !== (one.opaqueId === undefined), 'give wamid or opaqueId')
  .refine((one) => (one.status === 'failed') === (one.code !== undefined), 'code belongs to failed, and failed needs one');
const inbound = z.strictObject({
  phoneNumberId: z.string().min(1),
  from: z
    .string()
    .regex(/^\+?\d{5,20}$/)
    .transform((number) => number.replace('+', '')),
  text: z.string().min(1).max(4096),
  name: z.string().min(1).max(200).optional(),
  wamid: z.string().min(1).optional(),
});
const listing = z.strictObject({ to: z.string().optional(), limit: z.coerce.number().int().min(1).max(500).default(50) });

export function whatsappRoutes({ journal, mailbox, webhooks, receipts, templates }: ControlDeps): Router {
  const router = express.Router();

  function requireTarget(phoneNumberId: string): WebhookTarget {
    const found = webhooks.find(phoneNumberId);
    if (!found) throw new Problem(409, `No webhook is set for phone number id ${phoneNumberId}: PUT /control/webhooks/${phoneNumberId} first.`);
    return found;
  }

  /** With `handshake` the target must first echo the challenge, else it is not set. */
  router.put('/webhooks/:phoneNumberId', async (req, res) => {
    const { handshake, ...wanted } = parse(target, req.body);
    if (handshake && !(await webhooks.handshake(wanted))) throw new Problem(422, 'The target did not answer the handshake with 200 and the challenge.');
    webhooks.set(req.params.phoneNumberId, wanted);
    res.json({ phoneNumberId: req.params.phoneNumberId, url: wanted.url, handshake });
  });
  router.get('/webhooks', (_req, res) => void res.json({ webhooks: webhooks.list() }));

  /** Changes the fields that are given. */
  router.put('/receipt-behaviour', (req, res) => {
    receipts.change(parse(receiptBehaviour.partial(), req.body));
    res.json(receipts.behaviour());
  });
  router.get('/receipt-behaviour', (_req, res) => void res.json(receipts.behaviour()));

  /** One status of a message that was handed over, also long after; one try, `webhookStatus` is null when there was no answer. */
  router.post('/receipts', async (req, res) => {
    const { wamid, opaqueId, status, code, details } = parse(statusOnDemand, req.body);
    const entry = journal.list({ channel: 'whatsapp', wamid, opaqueId, handedOver: true }).at(-1);
    if (!entry) throw new Problem(404, 'No WhatsApp message with this id was handed over.');
    const payload = statusEvent(entry, status, code === undefined ? undefined : { code, details });
    res.json({ wamid: entry.wamid, webhookStatus: await webhooks.post(requireTarget(entry.sender), payload) });
  });

  /** A client writes to one of our numbers; one try. The same `wamid` again is the same message again. */
  router.post('/inbound', async (req, res) => {
    const { wamid = newWamid(), ...message } = parse(inbound, req.body);
    const webhookStatus = await webhooks.post(requireTarget(message.phoneNumberId), inboundEvent({ ...message, wamid }));
    res.json({ wamid, webhookStatus });
  });

  router.put('/templates', (req, res) => {
    templates.set(parse(z.strictObject({ templates: z.array(cloudTemplate).max(1_000) }), req.body).templates);
    res.json({ templates: templates.list() });
  });

  /** What was handed over, newest first, with the body as it was sent. */
  router.get('/messages', (req, res) => {
    const { to, limit } = parse(listing, req.query);
    const messages = mailbox.list({ channel: 'whatsapp', to, limit }).map(({ entry, raw }) => {
      const { seq, at, sender, recipients, wamid, opaqueId } = entry;
      return { seq, at, phoneNumberId: sender, to: recipients[0], wamid, opaqueId, body: JSON.parse(raw.toString()) as unknown };
    });
    res.json({ messages });
  });
  return router;
}
