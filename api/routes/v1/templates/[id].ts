/** /v1/templates/{id} */

import { findTemplate, setTemplateStatus } from '../../../../db/templates.js';
import { idParam } from '../../../contract/common.js';
import { template, templateChange } from '../../../contract/templates.js';
import { refuse } from '../../../problem.js';
import { route } from '../../../route.js';

export const readTemplate = route({
  method: 'get',
  path: '/v1/templates/{id}',
  operationId: 'readTemplate',
  tag: 'Templates',
  summary: 'One template with its newest version',
  access: 'read',
  params: idParam,
  response: { status: 200, description: 'The template.', schema: template },
  handle: async ({ deps, params }) => {
    const found = await findTemplate(deps.db, params.id);
    return found ? { body: found } : refuse('NOT_FOUND');
  },
});

export const changeTemplate = route({
  method: 'patch',
  path: '/v1/templates/{id}',
  operationId: 'changeTemplate',
  tag: 'Templates',
  summary: 'Approve, pause or reject a template',
  description: 'A dispatch that waits with a paused template then needs another one.',
  access: 'admin',
  params: idParam,
  body: templateChange,
  response: { status: 200, description: 'The template as it is now.', schema: template },
  handle: async ({ deps, params, body }) => {
    const changed = (await setTemplateStatus(deps.db, params.id, body.status)) ? await findTemplate(deps.db, params.id) : null;
    return changed ? { body: changed } : refuse('NOT_FOUND');
  },
});
