/** /v1/settings */

import { readSettings, type Settings, writeSettings } from '../../../db/settings.js';
import { settingsBody, settingsChange } from '../../contract/installation.js';
import { route } from '../../route.js';

export const getSettings = route({
  method: 'get',
  path: '/v1/settings',
  operationId: 'readSettings',
  tag: 'Installation',
  summary: 'Settings in force',
  access: 'read',
  response: { status: 200, description: 'All of them.', schema: settingsBody },
  handle: async ({ deps }) => ({ body: await readSettings(deps.db) }),
});

export const changeSettings = route({
  method: 'patch',
  path: '/v1/settings',
  operationId: 'changeSettings',
  tag: 'Installation',
  summary: 'Change settings',
  description: 'Deadlines hold for dispatches that are submitted from now on.',
  access: 'admin',
  body: settingsChange,
  response: { status: 200, description: 'All settings as they are now.', schema: settingsBody },
  handle: async ({ deps, body }) => {
    await writeSettings(deps.db, body as Partial<Settings>);
    return { body: await readSettings(deps.db) };
  },
});
