/** /v1/templates/{id}/versions */

import { addTemplateVersion as insert, findTemplate, type TemplateText } from '../../../../../db/templates.js';
import { idParam } from '../../../../contract/common.js';
import { newVersion, template } from '../../../../contract/templates.js';
import { refuse } from '../../../../problem.js';
import { route } from '../../../../route.js';
import { templateFaults } from '../../../../template-check.js';

export const addTemplateVersion = route({
  method: 'post',
  path: '/v1/templates/{id}/versions',
  operationId: 'addTemplateVersion',
  tag: 'Templates',
  summary: 'Edit a template',
  description: 'Adds a version; accepted dispatches keep the one they were submitted with.',
  access: 'admin',
  params: idParam,
  body: newVersion,
  response: { status: 201, description: 'The template with its new version.', schema: template },
  handle: async ({ deps, params, body }) => {
    const before = await findTemplate(deps.db, params.id);
    if (!before) return refuse('NOT_FOUND');
    const faults = templateFaults(before.origin, body);
    if (faults.length > 0) return refuse('INVALID_REQUEST', { errors: faults });
    await insert(deps.db, params.id, body as TemplateText);
    const after = await findTemplate(deps.db, params.id);
    return { body: after! };
  },
});
