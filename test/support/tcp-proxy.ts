/** A line between two processes that can be cut or fall silent; plain TCP, as on the loopback. */

import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** Looks at the bytes of one connection; `break` ends it, and these bytes do not arrive. */
export interface Tap {
  fromClient(bytes: Buffer): 'pass' | 'break';
  fromServer(bytes: Buffer): 'pass' | 'break';
}

export interface TcpProxy {
  port: number;
  /** Nothing passes any more, and nobody is told; until `speak`. */
  fallSilent(): void;
  speak(): void;
  /** Breaks every connection and refuses new ones; until `speak`. */
  cut(): void;
  /** How many connections were broken, refused or held so far. */
  victims(): number;
  close(): Promise<void>;
}

/** Listens on a port of 127.0.0.1 for a server on this machine; `tap` is made anew for each connection. */
export async function startTcpProxy(targetPort: number, tap?: () => Tap): Promise<TcpProxy> {
  const pairs = new Set<[Socket, Socket]>();
  let silent = false;
  let refusing = false;
  let victims = 0;

  const server = createServer((client) => {
    if (silent || refusing) victims += 1;
    if (refusing) return void client.destroy();
    const upstream = connect(targetPort, '127.0.0.1');
    const pair: [Socket, Socket] = [client, upstream];
    pairs.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of pair) socket.on('error', end).on('close', end);
    const tapped = tap?.();
    client.on('data', (bytes) => (tapped?.fromClient(bytes) === 'break' ? end() : upstream.write(bytes)));
    upstream.on('data', (bytes) => (tapped?.fromServer(bytes) === 'break' ? end() : client.write(bytes)));
    if (silent) for (const socket of pair) socket.pause();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const each = (act: (socket: Socket) => void): void => {
    for (const pair of [...pairs]) pair.forEach(act);
  };

  return {
    port: (server.address() as AddressInfo).port,
    fallSilent: () => {
      silent = true;
      victims += pairs.size;
      each((socket) => void socket.pause());
    },
    speak: () => {
      silent = false;
      refusing = false;
      each((socket) => void socket.resume());
    },
    cut: () => {
      refusing = true;
      victims += pairs.size;
      each((socket) => void socket.destroy());
    },
    victims: () => victims,
    close: async () => {
      each((socket) => void socket.destroy());
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
