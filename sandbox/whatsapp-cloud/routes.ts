/** The stand-in for Meta's WhatsApp Cloud API: sending messages and listing templates. */

import { createHash } from 'node:crypto';
import express, { type ErrorRequestHandler, type Request, type RequestHandler, type Response, type Router } from 'express';
import { z } from 'zod';
import { type CloudBehaviour, HANG_MS, outcomeOf, takes } from '../behaviour.js';
import type { Faults } from '../faults.js';
import { statusOf } from '../http.js';
import type { Journal } from '../journal.js';
import type { Mailbox } from '../mailbox.js';
import type { Timers } from '../timers.js';
import { newWamid } from './events.js';
import { behaveForNumber } from './magic-numbers.js';
import { type CloudMessage, readMessage } from './message-shape.js';
import { errorBody, metaError } from './meta-errors.js';
import type { Receipts } from './receipts.js';
import { type CloudTemplate, refuseTemplate, templatePage } from './templates.js';

const MAX_BODY = '1mb';

export interface CloudDeps {
  journal: Journal;
  mailbox: Mailbox;
  faults: Faults;
  receipts: Receipts;
  timers: Timers;
  templates(): readonly CloudTemplate[];
}

/** Routes under a version such as `/v23.0`; every answer is in Meta's shape. */
export function cloudRoutes(deps: CloudDeps): Router {
  const router = express.Router();
  const read = [requireVersion, requireToken];
  router.post('/:version/:phoneNumberId/messages', read, express.json({ limit: MAX_BODY }), (req: Request, res: Response) => sendMessage(deps, req, res));
  router.get('/:version/:businessAccountId/message_templates', read, (req: Request, res: Response) => {
    const query = z.object({ limit: z.coerce.number().int().min(1).max(1_000).default(25), after: z.string().optional() }).safeParse(req.query);
    if (!query.success) return refuse(res, 100, 'limit is a number from 1 to 1000');
    res.json(templatePage(deps.templates(), query.data, `${req.protocol}://${req.get('host')}${req.path}`));
  });
  router.use(errorInMetasShape);
  return router;
}

function sendMessage(deps: CloudDeps, req: Request, res: Response): void {
  const read = readMessage(req.body);
  if ('code' in read) return refuse(res, read.code, read.details);
  const { message } = read;
  const sender = String(req.params['phoneNumberId']);
  const recipient = recipientOf(message);
  const contentSha256 = contentHash(req.body);
  const behaviour = behave(deps, message, recipient, contentSha256);
  const wamid = newWamid();
  const entry = deps.journal.append({
    channel: 'whatsapp',
    messageId: null,
    opaqueId: message.biz_opaque_callback_data ?? null,
    wamid: takes(behaviour.act) ? wamid : null,
    sender,
    envelopeId: null,
    recipients: [recipient],
    contentSha256,
    outcome: outcomeOf[behaviour.act],
    code: behaviour.refusal ? `${behaviour.refusal.status} ${behaviour.refusal.code ?? ''}`.trim() : null,
    handedOver: takes(behaviour.act),
  });
  if (entry.handedOver) {
    deps.mailbox.keep({ entry, raw: Buffer.from(JSON.stringify(req.body)) });
    deps.receipts.schedule(entry, behaviour.receipts ?? 'auto');
  }
  const drop = (): void => void req.socket.destroy();
  const speak: Record<CloudBehaviour['act'], () => void> = {
    accept: () => void res.json(acceptance(message, recipient, wamid)),
    lose: () => void res.json(acceptance(message, recipient, wamid)),
    refuse: () => answerRefusal(res, behaviour),
    drop_before: drop,
    drop_after: drop,
    hang: () => deps.timers.after(behaviour.hangMs ?? HANG_MS, drop),
  };
  deps.timers.after(behaviour.delayMs ?? 0, speak[behaviour.act]);
}

/** A fault, else the number's magic, else what the template says. A business-scoped id in `to` is answered 200 and lost, as at Meta. */
function behave(deps: CloudDeps, message: CloudMessage, recipient: string, contentSha256: string): CloudBehaviour {
  const fault = deps.faults.takeForCloud(recipient);
  if (fault) return fault;
  if (message.to !== undefined && /^[A-Z]/.test(message.to)) return { act: 'lose' };
  const magic = behaveForNumber(recipient, deps.journal.tries(contentSha256, recipient));
  if (magic.act !== 'accept') return magic;
  const refused = refuseTemplate(deps.templates(), message);
  return refused ? { act: 'refuse', refusal: { ...refused, status: metaError(refused.code).status } } : magic;
}

/** A phone number wins over a business-scoped id. */
function recipientOf(message: CloudMessage): string {
  const { to, recipient = '' } = message;
  if (to === undefined) return recipient;
  return /^[A-Z]/.test(to) ? to : to.replace(/\D/g, '');
}

/** Of the body in the order it was sent, without the id that differs between attempts. */
function contentHash(body: object): string {
  const content = { ...body, biz_opaque_callback_data: undefined };
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}

function acceptance(message: CloudMessage, recipient: string, wamid: string) {
  const contact = message.to === undefined ? { input: recipient, user_id: recipient } : { input: message.to, wa_id: recipient };
  const accepted = message.type === 'template' ? { id: wamid, message_status: 'accepted' } : { id: wamid };
  return { messaging_product: 'whatsapp', contacts: [contact], messages: [accepted] };
}

function answerRefusal(res: Response, { refusal }: CloudBehaviour): void {
  const { status = 500, code = null, details, retryAfterSeconds } = refusal ?? {};
  if (retryAfterSeconds !== undefined) res.set('Retry-After', String(retryAfterSeconds));
  if (code === null) res.status(status).type('text/plain').send('The stand-in was told to fail.');
  else res.status(status).json(errorBody(code, details));
}

function refuse(res: Response, code: number, details: string): void {
  res.status(metaError(code).status).json(errorBody(code, details));
}

const requireToken: RequestHandler = (req, res, next) => {
  const token = /^Bearer (.+)$/.exec(req.get('authorization') ?? '')?.[1]?.trim();
  if (!token || token === 'bad-token') return refuse(res, 190, 'A bearer token is needed; any but "bad-token" will do.');
  next();
};

const requireVersion: RequestHandler = (req, _res, next) => {
  if (/^v\d+\.\d+$/.test(String(req.params['version']))) return next();
  next('router');
};

const errorInMetasShape: ErrorRequestHandler = (error: unknown, _req, res, next) => {
  const status = statusOf(error);
  if (status >= 500) return next(error);
  res.status(status).json(errorBody(100, status === 413 ? 'The request is too large.' : 'The request is not valid JSON.'));
};
