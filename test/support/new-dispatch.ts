/** A dispatch as the API hands it to the database. */

import { v7 as uuidv7 } from 'uuid';
import type { NewDispatch } from '../../db/submit.js';

/** A text of a service to somebody new by email, under a key of its own. */
export const newDispatch = (more: Partial<NewDispatch> = {}): NewDispatch => ({
  principal: 'service-1',
  idempotencyKey: uuidv7(),
  bodyHash: 'a',
  to: { kind: 'email', value: `${uuidv7()}@example.test`, address: 'someone@example.test', name: 'Someone' },
  sender: { id: 'service-1', role: 'service' },
  submittedBy: 'key-1',
  parks: false,
  revision: {
    channelId: null,
    contactPointId: null,
    recipientPolicy: 'ask',
    content: { kind: 'text', text: 'Hi' },
    templateVersion: null,
    disposition: null,
    tagIds: [],
    createdBy: 'service-1',
  },
  deadlines: { choiceMs: 1, decisionMs: 1, outcomeMs: 1, retryMs: null },
  ...more,
});
