/** /docs: the documentation page, from files of this installation alone. */

import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import express, { type RequestHandler } from 'express';
import { z } from 'zod';
import { rawRoute } from '../route.js';

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Waybill API</title>
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/assets/start.js"></script>
</body>
</html>
`;
const start = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#page', deepLinking: true, persistAuthorization: false, validatorUrl: null });\n`;
const files = new Set(['/swagger-ui.css', '/swagger-ui-bundle.js']);

export const readDocs = rawRoute({
  method: 'get',
  path: '/docs',
  operationId: 'readDocs',
  tag: 'Operations',
  summary: 'The documentation page',
  access: 'public',
  response: { 200: { description: 'A page.', content: { 'text/html': { schema: z.string() } } } },
  handle: async (_call, response) => {
    response.type('html').send(page);
  },
});

/** What the page loads, to be used under `/docs/assets`. */
export function docsAssets(): RequestHandler {
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  const serve = express.static(folder, { index: false, maxAge: '1h' });
  return (request, response, next) => {
    if (request.path === '/start.js') response.type('js').send(start);
    else if (files.has(request.path)) serve(request, response, next);
    else next();
  };
}
