/** A provider's HTTP server for tests: keeps every request as it came and answers by script. */

import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface Seen {
  method: string;
  url: string;
  headers: http.IncomingHttpHeaders;
  body: string;
}

/** A reply, or what happens instead once the whole request is here. */
export type Answer =
  | { status: number; body?: string; headers?: Record<string, string> }
  | 'hang'
  | 'drop'
  | 'reset'
  /** Headers and half a body, then the end of the connection, or silence. */
  | 'half'
  | 'half_then_hang';

export interface HttpProvider {
  url: string;
  seen: Seen[];
  openConnections(): number;
  close(): Promise<void>;
}

export async function startHttpProvider(answer: (seen: Seen) => Answer): Promise<HttpProvider> {
  const seen: Seen[] = [];
  const sockets = new Set<Socket>();
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const one = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString('utf8') };
      seen.push(one);
      const what = answer(one);
      if (what === 'hang') return;
      if (what === 'drop') return void request.socket.destroy();
      if (what === 'reset') return void request.socket.resetAndDestroy();
      if (what === 'half' || what === 'half_then_hang') {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
        response.write('{"messages":[{"id":"wamid.X"}');
        if (what === 'half') setTimeout(() => request.socket.destroy(), 20);
        return;
      }
      response.writeHead(what.status, { 'content-type': 'application/json', ...what.headers });
      response.end(what.body ?? '');
    });
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    openConnections: () => sockets.size,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
