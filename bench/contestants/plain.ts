/** What one writes with Temporal alone: the yardstick. Its code is in plain/. */

import postgres from 'postgres';
import type { ContestantName } from '../settings.js';
import type { Contestant } from './contestant.js';
import type { PlainSettings, Shape } from './plain/settings.js';
import { createTables, fillTables } from './plain/tables.js';

/** `eager`: client and worker share a connection, and the first step needs no task queue. */
export function plain(name: ContestantName, title: string, shape: Shape, eager = false): Contestant {
  const taskQueue = `plain-${name}`;
  return {
    name,
    title,
    database: `plain_${name}`,
    taskQueue,
    install: async (_stack, database) => {
      const sql = postgres(database, { max: 1, onnotice: () => {} });
      await createTables(sql);
      await sql.end();
    },
    processes: [{ name, entry: 'dist.bench/bench/contestants/plain/process.js', readyPath: '/healthz' }],
    wiring: (stack, database, ports) => {
      const settings: PlainSettings = { shape, eager, database, taskQueue, temporal: stack.temporal.address, port: ports[0]! };
      return { args: [JSON.stringify(settings)] };
    },
    prepare: async (stack, database, urls) => {
      const sql = postgres(database, { max: 1, onnotice: () => {} });
      const { channelId, templateId, clientIds } = await fillTables(sql, stack.sink.port);
      await sql.end();
      return {
        submit: ({ token, index }) => ({
          method: 'POST',
          url: `${urls[0]!}/dispatches`,
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({
            clientId: clientIds[index % clientIds.length]!,
            channelId,
            templateId,
            variables: { order: token, name: `Client ${index % clientIds.length}` },
          }),
        }),
        workflowIdOf: ({ id }) => `plain/${id}`,
      };
    },
  };
}
