/** A way to Postgres that can be cut or fall silent at a chosen moment; no TLS, as on the loopback. */

import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

export interface DatabaseProxy extends Pick<TcpProxy, 'fallSilent' | 'speak' | 'cut' | 'close'> {
  /** The database's URL by way of the proxy. */
  url: string;
  /**
   * Breaks the next connection that commits a transaction whose last statement carries this text. `after`: Postgres has committed, and
   * only the word of it is lost.
   */
  breakAtCommit(lastStatement: string, when: 'before' | 'after'): void;
  /** True once that has happened. */
  hasBroken(): boolean;
}

export async function startDatabaseProxy(databaseUrl: string): Promise<DatabaseProxy> {
  const url = new URL(databaseUrl);
  let armed: { lastStatement: string; when: 'before' | 'after' } | null = null;
  let broken = false;
  const breakNow = (): 'break' => {
    broken = true;
    armed = null;
    return 'break';
  };
  const proxy = await startTcpProxy(Number(url.port), () => {
    let marked = false;
    return {
      fromClient: (bytes) => {
        // What follows the last statement of a transaction is its commit.
        if (marked && armed?.when === 'before') return breakNow();
        if (armed && bytes.includes(armed.lastStatement)) marked = true;
        return 'pass';
      },
      fromServer: (bytes) => (marked && armed?.when === 'after' && bytes.includes('COMMIT') ? breakNow() : 'pass'),
    };
  });
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  return {
    ...proxy,
    url: url.href,
    breakAtCommit: (lastStatement, when) => {
      armed = { lastStatement, when };
      broken = false;
    },
    hasBroken: () => broken,
  };
}
