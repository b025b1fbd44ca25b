/** A way to Postgres that can be cut or fall silent at a chosen moment; no TLS, as on the loopback. */

import { createServer, connect, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

export interface DatabaseProxy {
  /** The database's URL by way of the proxy. */
  url: string;
  /**
   * Breaks the next connection that commits a transaction whose last statement carries this text. `after`: Postgres has committed, and
   * only the word of it is lost.
   */
  breakAtCommit(lastStatement: string, when: 'before' | 'after'): void;
  /** True once that has happened. */
  hasBroken(): boolean;
  /** Nothing passes any more, and nobody is told; until `speak`. */
  fallSilent(): void;
  speak(): void;
  /** Breaks every connection and refuses new ones; until `speak`. */
  cut(): void;
  close(): Promise<void>;
}

export async function startDatabaseProxy(databaseUrl: string): Promise<DatabaseProxy> {
  const target = new URL(databaseUrl);
  const pairs = new Set<[Socket, Socket]>();
  let silent = false;
  let refusing = false;
  let armed: { lastStatement: string; when: 'before' | 'after' } | null = null;
  let broken = false;

  const server = createServer((client) => {
    if (refusing) return void client.destroy();
    const upstream = connect(Number(target.port), target.hostname);
    const pair: [Socket, Socket] = [client, upstream];
    pairs.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of pair) socket.on('error', end).on('close', end);
    let marked = false;
    client.on('data', (bytes) => {
      // What follows the last statement of a transaction is its commit.
      if (marked && armed?.when === 'before') return breakNow();
      if (armed && bytes.includes(armed.lastStatement)) marked = true;
      upstream.write(bytes);
    });
    upstream.on('data', (bytes) => {
      if (marked && armed?.when === 'after' && bytes.includes('COMMIT')) breakNow();
      else client.write(bytes);
    });
    const breakNow = (): void => {
      broken = true;
      armed = null;
      end();
    };
    if (silent) for (const socket of pair) socket.pause();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  const each = (act: (socket: Socket) => void): void => {
    for (const pair of [...pairs]) pair.forEach(act);
  };

  return {
    url: url.href,
    breakAtCommit: (lastStatement, when) => {
      armed = { lastStatement, when };
      broken = false;
    },
    hasBroken: () => broken,
    fallSilent: () => {
      silent = true;
      each((socket) => void socket.pause());
    },
    speak: () => {
      silent = false;
      refusing = false;
      each((socket) => void socket.resume());
    },
    cut: () => {
      refusing = true;
      each((socket) => void socket.destroy());
    },
    close: async () => {
      each((socket) => void socket.destroy());
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
