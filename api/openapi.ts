/** The OpenAPI 3.1 document, from the routes themselves. */

import { OpenApiGeneratorV31, OpenAPIRegistry } from '@asteasolutions/zod-to-openapi';
import { surface } from './surface.js';

const description = `Waybill sends contact-centre messages durably: each accepted message becomes one workflow that checks eligibility, waits for a recipient choice when several contact points exist, renders, hands over to a provider with retries, and disposes of the thread.

Every request but those marked otherwise carries \`Authorization: Bearer <key>\`. Whatever is refused is answered with \`application/problem+json\` and a stable \`code\`.`;

const tags = [
  { name: 'Dispatches', description: 'One outgoing message each, from acceptance to its end.' },
  {
    name: 'Messages to a dispatch',
    description: 'What a person may say to a dispatch that runs. With an `Idempotency-Key` a repeat gets the first answer again.',
  },
  { name: 'Clients', description: 'The people written to, how to reach them, and blocks.' },
  { name: 'Threads', description: 'Conversations and their history.' },
  { name: 'Templates', description: 'Texts with variables: ours, and those registered with a provider.' },
  { name: 'Channels', description: 'The accounts we send from.' },
  { name: 'Installation', description: 'Staff, keys, settings, transfer targets.' },
  { name: 'Webhooks', description: 'For providers; authenticated by signature alone.' },
  { name: 'Operations', description: 'Health, figures, documentation.' },
];

/** The same document for every installation. */
export function openApiDocument(): Record<string, unknown> {
  const registry = new OpenAPIRegistry();
  registry.registerComponent('securitySchemes', 'key', { type: 'http', scheme: 'bearer', description: 'A key of a person or a service.' });
  for (const route of surface) registry.registerPath(route.operation);
  const document = new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: { title: 'Waybill', version: '1', description, license: { name: 'Proprietary', identifier: 'LicenseRef-Proprietary' } },
    servers: [{ url: '/', description: 'This installation' }],
    tags,
  });
  return document as unknown as Record<string, unknown>;
}
