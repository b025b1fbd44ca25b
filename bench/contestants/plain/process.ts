/** The yardstick's one process: an HTTP front that accepts, and a worker. Ends after draining on SIGTERM. */

import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import express from 'express';
import postgres from 'postgres';
import { v7 as uuidv7 } from 'uuid';
import { z } from 'zod';
import { createActivities } from './activities.js';
import type { PlainSettings } from './settings.js';
import { createSteps } from './steps.js';
import type { bareDispatch, fiveSteps } from './workflows.js';

const settings = JSON.parse(argv[2]!) as PlainSettings;
const { shape, eager, database, taskQueue, temporal, port } = settings;

Runtime.install({ logger: new DefaultLogger('WARN'), shutdownSignals: ['SIGTERM', 'SIGINT'] });
// As many connections as Waybill's two pools have together.
const sql = postgres(database, { max: 20, onnotice: () => {} });
const native = await NativeConnection.connect({ address: temporal, grpcCompression: { codec: 'none' } });
const client = new Client({ connection: eager ? native : Connection.lazy({ address: temporal }) });
const worker = await Worker.create({
  connection: native,
  taskQueue,
  workflowsPath: fileURLToPath(new URL('workflows.js', import.meta.url)),
  activities: createActivities(createSteps(sql)),
});

const newDispatch = z.strictObject({
  clientId: z.uuid(),
  channelId: z.uuid(),
  templateId: z.uuid(),
  variables: z.record(z.string(), z.string()),
});

const app = express();
app.disable('x-powered-by');
app.get('/healthz', (_request, response) => void response.sendStatus(worker.getState() === 'RUNNING' ? 200 : 503));
app.post('/dispatches', express.json(), async (request, response) => {
  const { variables, ...ids } = newDispatch.parse(request.body);
  const id = uuidv7();
  await sql`insert into dispatches (id, client_id, channel_id, template_id, variables)
    values (${id}, ${ids.clientId}, ${ids.channelId}, ${ids.templateId}, ${sql.json(variables)})`;
  await client.workflow.start<typeof bareDispatch | typeof fiveSteps>(shape === 'bare' ? 'bareDispatch' : 'fiveSteps', {
    workflowId: `plain/${id}`,
    taskQueue,
    args: [id],
    ...(eager ? { requestEagerStart: true } : {}),
  });
  response.status(202).json({ id });
});
const server = app.listen(port, '127.0.0.1');

await worker.run();
server.close();
server.closeAllConnections();
await client.connection.close();
await native.close();
await sql.end({ timeout: 5 });
process.exit(0);
