/** How the API is put together from its settings: application, server, and an end that finishes what is under way. */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createApp } from '../api/app.js';
import { type ApiDeps, defaultLimits, type StartPort } from '../api/deps.js';
import { createPlugins } from '../channels/plugins.js';
import { connectDatabase } from '../db/connect.js';
import { createCodec } from '../runtime/codec.js';
import type { Config } from '../runtime/config.js';
import type { Logger } from '../runtime/logger.js';
import { createMetrics } from '../runtime/metrics.js';
import { createSecretBox } from '../runtime/secret-box.js';
import { connectClient } from '../runtime/temporal.js';

export interface RunningApi {
  /** The port it listens on, also where a free one was asked for. */
  port: number;
  /** Resolves when the last request has been answered and everything is closed but the connection to Temporal, which the process ends. */
  ended: Promise<void>;
  /** From now on starts go by way of a worker in this process. */
  startWith(ownWorker: () => StartPort | null): void;
  /** Readiness goes off, streams end, no new connection is taken; open requests get their answer. */
  drain(): void;
}

/** Idle connections are kept longer than a proxy in front keeps them, so that the proxy is never cut off in mid-request. Milliseconds. */
const keepAliveMs = 65_000;
/** How long a submit waits for a twin that holds its key (R98), and any call for a lock. Milliseconds. */
const twinWaitMs = 2_000;
/** How long open requests may take to end once a drain has begun. Milliseconds. */
const drainMs = 12_000;

/** Listens on the configured host and port; rejects when the port is taken. `checkpoint` is called at named points of a submit. */
export async function startApi(config: Config, logger: Logger, checkpoint: ApiDeps['checkpoint'] = async () => {}): Promise<RunningApi> {
  const handle = connectDatabase({ url: config.databaseUrl, max: config.databasePool, name: 'waybill-api', lockTimeoutMs: twinWaitMs });
  const temporal = connectClient(config);
  const channels = createPlugins();
  const stopping = new AbortController();
  let ownWorker = (): StartPort | null => null;
  const { uiUrl, namespace } = config.temporal;
  const app = createApp({
    db: handle.db,
    temporal,
    ownWorker: () => ownWorker(),
    taskQueue: config.taskQueue,
    publicUrl: config.api.publicUrl,
    channels,
    secretBox: createSecretBox(config.masterKey),
    logger,
    metrics: createMetrics('api'),
    temporalUi: uiUrl === null ? null : { url: uiUrl, namespace },
    codec:
      config.codecPath === null || uiUrl === null ? null : { path: config.codecPath, origins: originsOf(uiUrl), decode: createCodec(config.codecKeys).decode },
    devLogin: config.devLogin,
    limits: defaultLimits,
    checkpoint,
    stopping: stopping.signal,
  });
  const server = createServer({ keepAliveTimeout: keepAliveMs }, app);
  await listen(server, config.api.host, config.api.port);
  const { port } = server.address() as AddressInfo;
  logger.info({ port }, 'API ready');

  // A call that the client tries again in the background, after its caller has left, throws on a closed connection and ends the process.
  const ended = new Promise<void>((resolve) => server.once('close', () => resolve())).then(async () => {
    await channels.close();
    await handle.close();
  });
  return {
    port,
    ended,
    startWith: (own) => (ownWorker = own),
    drain: () => {
      stopping.abort();
      server.close();
      server.closeIdleConnections();
      setTimeout(() => server.closeAllConnections(), drainMs).unref();
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve);
  });
}

/** A page on this machine may be opened by its number or by its name. */
function originsOf(uiUrl: string): string[] {
  const { origin, hostname, port, protocol } = new URL(uiUrl);
  return hostname === '127.0.0.1' || hostname === 'localhost' ? [`${protocol}//127.0.0.1:${port}`, `${protocol}//localhost:${port}`] : [origin];
}
