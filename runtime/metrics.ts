/** Metrics of a process, and the small server that shows them where there is no API. */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { collectDefaultMetrics, Registry } from 'prom-client';

export { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** A registry of its own for each process or test, with Node's figures in it. */
export function createMetrics(processName: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ app: 'waybill', process: processName });
  collectDefaultMetrics({ register: registry });
  return registry;
}

export interface HealthServer {
  port: number;
  close(): Promise<void>;
}

/**
 * Serves GET /metrics, /healthz (200 while the process lives) and /readyz (200 or 503) on this machine alone. Port 0 takes a free one.
 * Rejects when the port is taken.
 */
export async function startHealthServer(options: { port: number; registry: Registry; isReady(): boolean | Promise<boolean> }): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const answer = (status: number, body: string, type = 'text/plain') => response.writeHead(status, { 'content-type': type }).end(body);
    const failed = () => answer(500, 'error\n');
    if (request.url === '/metrics') options.registry.metrics().then((text) => answer(200, text, options.registry.contentType), failed);
    else if (request.url === '/healthz') answer(200, 'ok\n');
    else if (request.url === '/readyz')
      Promise.resolve(options.isReady()).then((ready) => answer(ready ? 200 : 503, ready ? 'ready\n' : 'not ready\n'), failed);
    else answer(404, 'not found\n');
  });
  await listen(server, options.port);
  return {
    port: (server.address() as AddressInfo).port,
    close: () => new Promise((done) => server.close(() => done()).closeAllConnections()),
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
}
