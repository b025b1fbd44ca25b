/** `POST`, `GET` and `DELETE /faults`: what goes wrong with the next messages. */

import express, { type Router } from 'express';
import { faultRequest } from '../faults.js';
import { parse } from '../http.js';
import type { ControlDeps } from './deps.js';

export function faultRoutes({ faults }: Pick<ControlDeps, 'faults'>): Router {
  const router = express.Router();
  router.post('/faults', (req, res) => {
    faults.add(parse(faultRequest, req.body));
    res.status(201).json({ faults: faults.list() });
  });
  router.get('/faults', (_req, res) => void res.json({ faults: faults.list() }));
  router.delete('/faults', (_req, res) => {
    faults.clear();
    res.status(204).end();
  });
  return router;
}
