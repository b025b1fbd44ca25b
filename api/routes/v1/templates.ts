/** /v1/templates */

import { createTemplate as insert, findTemplate, listTemplates as readTemplates, type TemplateText } from '../../../db/templates.js';
import { newTemplate, template, templateFilter, templateList } from '../../contract/templates.js';
import { pageBody } from '../../cursor.js';
import { refuseMissing } from '../../door.js';
import { refuse } from '../../problem.js';
import { route } from '../../route.js';
import { templateFaults } from '../../template-check.js';

export const createTemplate = route({
  method: 'post',
  path: '/v1/templates',
  operationId: 'createTemplate',
  tag: 'Templates',
  summary: 'Add a template',
  access: 'admin',
  body: newTemplate,
  response: { status: 201, description: 'Added, as version 1.', schema: template, headers: { Location: 'Where the template is found.' } },
  handle: async ({ deps, body }) => {
    const faults = templateFaults(body.origin, body);
    if (faults.length > 0) return refuse('INVALID_REQUEST', { errors: faults });
    const { channelId, origin, name, language, status, ...text } = body;
    const made = await insert(deps.db, { channelId, origin, name, language, status }, text as TemplateText);
    if (made.kind === 'created') {
      const created = await findTemplate(deps.db, made.id);
      return { body: created!, headers: { Location: `/v1/templates/${made.id}` } };
    }
    if (made.kind === 'unknown_channel') return refuseMissing('/channelId', 'There is no such channel.');
    return refuse('INVALID_REQUEST', { errors: [{ pointer: '/name', detail: 'There is a template of this name and language; add a version to it.' }] });
  },
});

export const listTemplates = route({
  method: 'get',
  path: '/v1/templates',
  operationId: 'listTemplates',
  tag: 'Templates',
  summary: 'List templates, newest first',
  access: 'read',
  query: templateFilter,
  response: { status: 200, description: 'One page.', schema: templateList },
  handle: async ({ deps, query }) => {
    const { limit, cursor, ...filter } = query;
    return { body: pageBody(await readTemplates(deps.db, filter, { limit, after: cursor ?? null })) };
  },
});
