/** Ports of this machine. */

import { randomInt } from 'node:crypto';
import { connect, createServer, type AddressInfo } from 'node:net';

/** Below those that systems give to outgoing connections (Linux from 32768, others from 49152): none of these takes the port before its server does. */
const serverPorts = { from: 12_000, to: 32_000 };

/** A port that was free a moment ago, drawn at random so that two processes that ask at once get two. Rejects when 100 draws were all taken. */
export async function freePort(): Promise<number> {
  let held: number | string = 'unknown';
  for (let tries = 0; tries < 100; tries++) {
    held = await hold(randomInt(serverPorts.from, serverPorts.to));
    if (typeof held === 'number') return held;
  }
  throw new Error(`No free port on this machine (${held}).`);
}

/** Why this port of 127.0.0.1 cannot be listened on, in a few words; null: it can. */
export async function portFault(port: number): Promise<string | null> {
  const held = await hold(port);
  if (typeof held === 'number') return null;
  return held === 'EADDRINUSE' ? 'is taken by another program' : `cannot be used (${held})`;
}

/** Does something accept connections on this port of 127.0.0.1? */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: 1_000 });
    const answer = (listening: boolean) => {
      socket.destroy();
      resolve(listening);
    };
    socket
      .once('connect', () => answer(true))
      .once('error', () => answer(false))
      .once('timeout', () => answer(false));
  });
}

/** Listens for a moment; the port number, or the error's code. */
function hold(port: number): Promise<number | string> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'));
    server.listen(port, '127.0.0.1', () => {
      const { port: held } = server.address() as AddressInfo;
      server.close(() => resolve(held));
    });
  });
}
