/** The control API: how tests, the demo and people steer the stand-ins. JSON in, JSON out, problem+json for a "no". */

import express, { type Router } from 'express';
import type { ControlDeps } from './deps.js';
import { faultRoutes } from './faults.js';
import { journalRoutes } from './journal.js';
import { mailRoutes } from './mail.js';
import { whatsappRoutes } from './whatsapp.js';

const MAX_BODY = '1mb';

export function controlRoutes(deps: ControlDeps): Router {
  const router = express.Router();
  router.use(express.json({ limit: MAX_BODY }));
  router.use(journalRoutes(deps), faultRoutes(deps), mailRoutes(deps), whatsappRoutes(deps));

  /** As freshly started, but for two things that stay: the journal and the webhook targets. */
  router.post('/reset', (_req, res) => {
    deps.faults.clear();
    deps.receipts.reset();
    deps.webhooks.clear();
    deps.templates.reset();
    deps.mailbox.clear();
    deps.journal.forgetTries();
    res.json({ lastSeq: deps.journal.lastSeq() });
  });
  return router;
}
