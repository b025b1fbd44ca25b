/** How a worker is put together from its settings: activities, relay and health around one connection to Temporal. */

import type { Client } from '@temporalio/client';
import { type NativeConnection, Worker } from '@temporalio/worker';
import type { ActivityDeps } from '../activities/deps.js';
import { createActivities } from '../activities/index.js';
import { createSends } from '../activities/sends.js';
import { createPlugins } from '../channels/plugins.js';
import { connectDatabase } from '../db/connect.js';
import { startRelay } from '../relay/start-relay.js';
import type { Config } from '../runtime/config.js';
import { createDataConverter } from '../runtime/data-converter.js';
import type { Logger } from '../runtime/logger.js';
import { createMetrics, startHealthServer } from '../runtime/metrics.js';
import { createSecretBox } from '../runtime/secret-box.js';
import { clientOn, connectClient, connectWorker, ensureSearchAttributes } from '../runtime/temporal.js';
import { searchAttributes } from '../workflows/dispatch-message.contract.js';

export interface RunningWorker {
  /** Resolves when the worker has drained and everything is closed; rejects when the worker breaks. */
  ended: Promise<void>;
  /** Starts workflows on the worker's own connection; null once it drains. */
  starter(): Client | null;
  /** Stops polling, finishes what is in flight, then ends. */
  drain(): void;
}

/** How long a start waits for Temporal before it tries again, in milliseconds. */
const reconnectMs = 1_000;

/** How long a step of a dispatch waits for a worker that was killed before another takes it over: shorter than a caller's patience. Milliseconds. */
const stickyMs = 2_000;

/** Starts polling; until Temporal answers it waits, and says so. `checkpoint` is called around every write and call of a send. */
export async function startWorker(config: Config, logger: Logger, checkpoint: ActivityDeps['checkpoint'] = () => {}): Promise<RunningWorker> {
  const handle = connectDatabase({ url: config.databaseUrl, max: config.databasePool, name: 'waybill-worker' });
  const registry = createPlugins();
  const secretBox = createSecretBox(config.masterKey);
  const temporal = connectClient(config);
  const connection = await connectPatiently(config, logger);
  await ensureSearchAttributes(temporal, Object.values(searchAttributes));
  const sends = createSends();
  const activities = createActivities({
    db: handle.db,
    sends,
    registry,
    openCredentials: ({ id, credentials, credentialsKey }) =>
      credentials && credentialsKey ? (secretBox.open(id, { credentials, credentialsKey }) as Record<string, unknown>) : {},
    checkpoint,
    log: logger,
  });
  const worker = await Worker.create({
    connection,
    namespace: config.temporal.namespace,
    taskQueue: config.taskQueue,
    workflowBundle: { codePath: config.workflowBundlePath },
    dataConverter: createDataConverter(config.codecKeys),
    activities,
    maxCachedWorkflows: config.worker.maxCachedWorkflows,
    stickyQueueScheduleToStartTimeout: stickyMs,
    // An express send holds a place of each kind; a few at once are quick, many are slow together and run into their time-outs.
    maxConcurrentWorkflowTaskExecutions: config.worker.tasksAtOnce,
    maxConcurrentLocalActivityExecutions: config.worker.tasksAtOnce,
    shutdownGraceTime: config.worker.shutdownGraceMs,
    shutdownForceTime: config.worker.shutdownGraceMs + 5_000,
  });
  const relay = await startRelay(
    { handle, temporal, taskQueue: config.taskQueue, apiUrl: config.api.publicUrl, log: logger },
    { relayMs: config.relay.intervalMs, reconcileMs: config.relay.reconcileIntervalMs },
  );
  const health = await startHealthServer({ port: config.metricsPort, registry: createMetrics('worker'), isReady: () => worker.getState() === 'RUNNING' });
  logger.info({ taskQueue: config.taskQueue, metricsPort: health.port }, 'worker ready');

  const starter = clientOn(connection, config);
  // The client's connection stays open until the process ends: see the API's.
  const ended = worker.run().finally(async () => {
    await sends.idle();
    await relay.stop();
    await health.close();
    await registry.close();
    await connection.close();
    await handle.close();
  });
  return {
    ended,
    starter: () => (worker.getState() === 'RUNNING' ? starter : null),
    drain: () => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
    },
  };
}

async function connectPatiently(config: Config, logger: Logger): Promise<NativeConnection> {
  for (let told = false; ; told = true) {
    try {
      return await connectWorker(config);
    } catch {
      if (!told) logger.warn({ address: config.temporal.address }, 'Temporal does not answer yet; the worker waits for it');
      await new Promise((resolve) => setTimeout(resolve, reconnectMs));
    }
  }
}
