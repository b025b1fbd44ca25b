/** The whole surface of the API on one page. */

import type { Route } from './route.js';
import { readDocs } from './routes/docs.js';
import { health } from './routes/healthz.js';
import { readMetrics } from './routes/metrics.js';
import { readOpenApi } from './routes/openapi.json.js';
import { readiness } from './routes/readyz.js';
import { createApiKey, listApiKeys } from './routes/v1/api-keys.js';
import { revokeApiKey } from './routes/v1/api-keys/[id].js';
import { listChannelTypes } from './routes/v1/channel-types.js';
import { createChannel, listChannels } from './routes/v1/channels.js';
import { changeChannelSettings, readChannel } from './routes/v1/channels/[id].js';
import { createClient, listClients } from './routes/v1/clients.js';
import { readClient } from './routes/v1/clients/[id].js';
import { blockClient, listBlocks } from './routes/v1/clients/[id]/blocks.js';
import { liftBlock } from './routes/v1/clients/[id]/blocks/[blockId].js';
import { addContactPoint } from './routes/v1/clients/[id]/contact-points.js';
import { changeContactPoint, removeContactPoint } from './routes/v1/clients/[id]/contact-points/[contactPointId].js';
import { listCodes } from './routes/v1/codes.js';
import { devLogin } from './routes/v1/dev-login.js';
import { listAllDispatches, submitDispatch } from './routes/v1/dispatches.js';
import { readDispatch } from './routes/v1/dispatches/[id].js';
import { abandonDispatch } from './routes/v1/dispatches/[id]/abandon.js';
import { cancelDispatch } from './routes/v1/dispatches/[id]/cancel.js';
import { changeChannel } from './routes/v1/dispatches/[id]/change-channel.js';
import { setDisposition } from './routes/v1/dispatches/[id]/disposition.js';
import { streamEvents } from './routes/v1/dispatches/[id]/events.js';
import { provideTemplate } from './routes/v1/dispatches/[id]/provide-template.js';
import { chooseRecipient } from './routes/v1/dispatches/[id]/recipient-choice.js';
import { resolveOutcome } from './routes/v1/dispatches/[id]/resolve-outcome.js';
import { restartDispatch } from './routes/v1/dispatches/[id]/restart.js';
import { retryNow } from './routes/v1/dispatches/[id]/retry-now.js';
import { changeSettings, getSettings } from './routes/v1/settings.js';
import { createStaff, listStaff } from './routes/v1/staff.js';
import { createTemplate, listTemplates } from './routes/v1/templates.js';
import { changeTemplate, readTemplate } from './routes/v1/templates/[id].js';
import { addTemplateVersion } from './routes/v1/templates/[id]/versions.js';
import { listThreads } from './routes/v1/threads.js';
import { readThread } from './routes/v1/threads/[id].js';
import { closeThread } from './routes/v1/threads/[id]/close.js';
import { listMessages } from './routes/v1/threads/[id]/messages.js';
import { listTransferTargets, putTransferTarget } from './routes/v1/transfer-targets.js';
import { archiveTransferTarget } from './routes/v1/transfer-targets/[type]/[id].js';
import { greetWebhook, probeWebhook, receiveWebhook } from './routes/webhooks/[channelId].js';

export const surface: readonly Route[] = [
  submitDispatch,
  listAllDispatches,
  readDispatch,
  streamEvents,
  chooseRecipient,
  cancelDispatch,
  restartDispatch,
  retryNow,
  changeChannel,
  provideTemplate,
  abandonDispatch,
  resolveOutcome,
  setDisposition,
  createClient,
  listClients,
  readClient,
  addContactPoint,
  changeContactPoint,
  removeContactPoint,
  blockClient,
  listBlocks,
  liftBlock,
  listThreads,
  readThread,
  listMessages,
  closeThread,
  createTemplate,
  listTemplates,
  readTemplate,
  changeTemplate,
  addTemplateVersion,
  listChannelTypes,
  createChannel,
  listChannels,
  readChannel,
  changeChannelSettings,
  createApiKey,
  listApiKeys,
  revokeApiKey,
  createStaff,
  listStaff,
  listCodes,
  getSettings,
  changeSettings,
  putTransferTarget,
  listTransferTargets,
  archiveTransferTarget,
  devLogin,
  probeWebhook,
  greetWebhook,
  receiveWebhook,
  health,
  readiness,
  readMetrics,
  readOpenApi,
  readDocs,
];
