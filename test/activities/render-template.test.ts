import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eq } from 'drizzle-orm';
import { renderTemplate } from '../../activities/render-template.js';
import type { ActivityDeps } from '../../activities/deps.js';
import { findClient } from '../../db/clients.js';
import { dispatchRevisions } from '../../db/schema/index.js';
import { createTemplate } from '../../db/templates.js';
import { addChannel, addClient, newKey, startTestApi, type TestApi } from '../api/support.js';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

test('R75 R106 a subject that a variable would break is frozen on one line, as the mail will carry it', async () => {
  const channelId = (await addChannel(api, 'email')).id;
  const clientId = await addClient(api, ['email', 'lines@example.test']);
  const contactPointId = (await findClient(api.db, clientId))!.contactPoints[0]!.id;
  const text = { subject: 'Order of {{ who }}', header: null, body: 'Hello {{ who }}', footer: null, textOnly: true };
  const made = await createTemplate(
    api.db,
    { channelId: null, origin: 'own', name: 'lines', language: 'en', status: 'approved' },
    { ...text, variables: [{ name: 'who', type: 'text' }] },
  );
  const content = { kind: 'template', templateId: made.kind === 'created' ? made.id : '', variables: { who: 'Anna\r\nBcc: x\u202e' } };
  const { body } = await api.as('agent').post('/v1/dispatches').set('Idempotency-Key', newKey()).send({ clientId, channelId, content });
  const deps = { db: api.db, registry: api.deps.channels, checkpoint: () => {} } as unknown as ActivityDeps;
  expect(await renderTemplate(deps)({ dispatchId: body.id, revision: 1, channelId, contactPointId })).toEqual({ rendered: true });
  const [row] = await api.db.select().from(dispatchRevisions).where(eq(dispatchRevisions.dispatchId, body.id));
  expect(row?.rendered).toMatchObject({ subject: 'Order of Anna Bcc: x ', text: 'Hello Anna\r\nBcc: x\u202e' });
});
