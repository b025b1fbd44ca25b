/** Connections to Temporal, and what an installation needs to find there. */

import { Client, Connection } from '@temporalio/client';
import type { SearchAttributeType } from '@temporalio/common';
import proto from '@temporalio/proto';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import { isLoopback, type Config } from './config.js';
import { createDataConverter } from './data-converter.js';
import type { Logger } from './logger.js';

/** A search attribute as workflow contracts define it. */
export interface SearchAttribute {
  name: string;
  type: SearchAttributeType;
}

type TemporalConfig = Pick<Config, 'temporal' | 'codecKeys'>;

/** Long enough for a busy server, short enough for a caller who waits. */
const callDeadlineMs = 1_500;
const searchAttributePollMs = 200;

/** The client of API and relay. Connects on first use, so that a process starts while Temporal is away. */
export function connectClient(config: TemporalConfig): Client {
  const connection = Connection.lazy({ address: config.temporal.address, ...config.temporal.security });
  return new Client({ connection, namespace: config.temporal.namespace, dataConverter: createDataConverter(config.codecKeys) });
}

/** The worker's connection; rejects when Temporal is away. Without compression on the same machine: it costs more than it saves. */
export function connectWorker(config: TemporalConfig): Promise<NativeConnection> {
  const { address, security } = config.temporal;
  const local = isLoopback(address.slice(0, address.lastIndexOf(':')));
  return NativeConnection.connect({ address, ...security, ...(local ? { grpcCompression: { codec: 'none' as const } } : {}) });
}

/** A client on a worker's own connection: what it starts may be given to that worker at once. */
export function clientOn(connection: NativeConnection, config: TemporalConfig): Client {
  return new Client({ connection, namespace: config.temporal.namespace, dataConverter: createDataConverter(config.codecKeys) });
}

/** Runs client calls under a deadline: without one a call against a dead server takes 22 s to fail. */
export function withDeadline<T>(client: Client, call: () => Promise<T>, deadlineMs = callDeadlineMs): Promise<T> {
  return client.withDeadline(Date.now() + deadlineMs, call);
}

/**
 * Sets up the SDK's native half for this process: its logs go to ours, quietly, and signals stay with the process. Call once, before
 * any worker or native connection. `metricsPort` 0: no metrics of the SDK.
 */
export function installRuntime(options: { logger: Logger; metricsPort: number }): void {
  const { logger, metricsPort } = options;
  Runtime.install({
    shutdownSignals: [],
    logger: new DefaultLogger('INFO', ({ level, message, meta }) => {
      const { error, ...facts } = meta ?? {};
      logger[sdkLevels[level]]({ ...facts, ...(error === undefined ? {} : { err: error }) }, message);
    }),
    telemetryOptions: {
      logging: { forward: {}, filter: { core: 'WARN', other: 'ERROR' } },
      ...(metricsPort === 0
        ? {}
        : { metrics: { prometheus: { bindAddress: `127.0.0.1:${metricsPort}`, countersTotalSuffix: true }, globalTags: { app: 'waybill' } } }),
    },
  });
}

const sdkLevels = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/** Is there a Temporal server at this address? Answers within the deadline. */
export async function isTemporalReachable(
  temporal: Pick<Config['temporal'], 'address' | 'namespace' | 'security'>,
  deadlineMs = callDeadlineMs,
): Promise<boolean> {
  const connection = Connection.lazy({ address: temporal.address, ...temporal.security });
  try {
    await connection.withDeadline(Date.now() + deadlineMs, () => connection.workflowService.describeNamespace({ namespace: temporal.namespace }));
    return true;
  } catch {
    return false;
  } finally {
    await connection.close();
  }
}

/**
 * Registers the search attributes that the namespace lacks and waits until they can be used; harmless when repeated. A start fails on
 * a server without them. Rejects when they are not usable within `deadlineMs`, or when the server does not let us register them.
 */
export async function ensureSearchAttributes(client: Client, keys: readonly SearchAttribute[], deadlineMs = 60_000): Promise<void> {
  const { operatorService } = client.connection as Connection;
  const { namespace } = client.options;
  const missing = async () => {
    const { customAttributes } = await withDeadline(client, () => operatorService.listSearchAttributes({ namespace }), 10_000);
    return keys.filter((key) => customAttributes[key.name] === undefined);
  };
  const absent = await missing();
  if (absent.length === 0) return;
  await withDeadline(
    client,
    () => operatorService.addSearchAttributes({ namespace, searchAttributes: Object.fromEntries(absent.map((key) => [key.name, indexedType(key.type)])) }),
    10_000,
  );
  const until = Date.now() + deadlineMs;
  while ((await missing()).length > 0) {
    if (Date.now() > until)
      throw new Error(`Temporal did not make the search attributes usable within ${deadlineMs / 1000} s: ${absent.map((key) => key.name).join(', ')}.`);
    await new Promise((resolve) => setTimeout(resolve, searchAttributePollMs));
  }
}

function indexedType(type: SearchAttributeType): number {
  return proto.temporal.api.enums.v1.IndexedValueType[`INDEXED_VALUE_TYPE_${type}` as keyof typeof proto.temporal.api.enums.v1.IndexedValueType];
}
