/** `GET /journal` and `GET /journal/count`, with the same filters. */

import express, { type Router } from 'express';
import { z } from 'zod';
import { flag, parse } from '../http.js';
import type { ControlDeps } from './deps.js';

const filter = z.strictObject({
  since: z.coerce.number().int().min(0).optional(),
  channel: z.enum(['email', 'whatsapp']).optional(),
  messageId: z.string().optional(),
  opaqueId: z.string().optional(),
  wamid: z.string().optional(),
  recipient: z.string().optional(),
  handedOver: flag.optional(),
});
const page = filter.extend({ limit: z.coerce.number().int().min(1).max(10_000).default(1_000) });

export function journalRoutes({ journal }: Pick<ControlDeps, 'journal'>): Router {
  const router = express.Router();

  /** Oldest first; go on with `since` = the last seq while `more` is true. What is older than `oldestSeq` is in the file alone. */
  router.get('/journal', (req, res) => {
    const { limit, ...wanted } = parse(page, req.query);
    const entries = journal.list(wanted);
    res.json({ entries: entries.slice(0, limit), more: entries.length > limit, lastSeq: journal.lastSeq(), oldestSeq: journal.oldestSeq() });
  });

  router.get('/journal/count', (req, res) => {
    res.json({ count: journal.list(parse(filter, req.query)).length, lastSeq: journal.lastSeq(), oldestSeq: journal.oldestSeq() });
  });
  return router;
}
