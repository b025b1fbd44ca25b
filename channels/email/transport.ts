/** Pooled connections to relays, one pool per configuration, and the gate that knows whether a message was handed over (H3, H9). */

import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import nodemailer, { type SendMailOptions, type SMTPPoolOptions, type SMTPPoolSentMessageInfo } from 'nodemailer';
import type { Ladder } from '../../domain/channel.js';
import type { EmailConfig } from './config.js';

/** Connections to one relay; a send that finds none free waits inside its own time limit. */
const maxConnections = 10;
/** Below what relays allow, so that we end an idle connection and not they in the middle of a hand-over. Milliseconds. */
const idleMs = 30_000;
/** Pools kept open at a time; the one used longest ago goes first, unless it is sending. */
const maxPools = 50;

/** A message for nodemailer with the gate that its bytes pass. */
export type GatedMail = SendMailOptions & { gate: Gate };

/** The last door before the relay. `handedOver` turns true before the final dot can leave, never later. */
export interface Gate {
  readonly handedOver: boolean;
  /** What the check threw, if it did. */
  readonly objection: Error | undefined;
  wrap(source: Readable): Readable;
  /** Makes sure that a message which is not complete at the relay never becomes complete. */
  shut(): void;
}

/**
 * The check runs when all bytes but the end of the message are on their way: what it throws breaks the stream, and the relay has no
 * complete message. Nothing is read before the relay has said go ahead, so an early look at the clock is not taken for the last.
 */
export function createGate(assertMayHandOver: () => void): Gate {
  let handedOver = false;
  let objection: Error | undefined;
  let passage: Readable | undefined;
  async function* pass(source: Readable): AsyncGenerator<Buffer> {
    for await (const chunk of source) yield chunk as Buffer;
    try {
      assertMayHandOver();
    } catch (error) {
      objection = error as Error;
      throw error;
    }
    handedOver = true;
  }
  return {
    get handedOver() {
      return handedOver;
    },
    get objection() {
      return objection;
    },
    wrap(source) {
      passage = Readable.from(pass(source), { objectMode: false, highWaterMark: 1 });
      passage.once('close', () => source.destroy());
      return passage;
    },
    shut: () => void passage?.destroy(),
  };
}

export interface Transports {
  send(cfg: EmailConfig, ladder: Ladder, mail: GatedMail): Promise<SMTPPoolSentMessageInfo>;
  /** How many pools are open. */
  size(): number;
  close(): void;
}

interface Pool {
  transport: ReturnType<typeof openPool>;
  sending: number;
}

/** Pools keyed by a hash of everything they are made from, secrets included, so that a changed password opens a new one. */
export function createTransports(): Transports {
  const pools = new Map<string, Pool>();

  function find(cfg: EmailConfig, ladder: Ladder): Pool {
    const key = createHash('sha256')
      .update(JSON.stringify([cfg, ladder]))
      .digest('hex');
    const pool = pools.get(key) ?? { transport: openPool(cfg, ladder), sending: 0 };
    pools.delete(key);
    pools.set(key, pool);
    for (const [oldKey, old] of pools) {
      if (pools.size <= maxPools) break;
      if (old.sending > 0 || old === pool) continue;
      pools.delete(oldKey);
      old.transport.close();
    }
    return pool;
  }

  return {
    async send(cfg, ladder, mail) {
      const pool = find(cfg, ladder);
      pool.sending++;
      try {
        return await pool.transport.sendMail(mail);
      } finally {
        pool.sending--;
      }
    },
    size: () => pools.size,
    close() {
      for (const pool of pools.values()) pool.transport.close();
      pools.clear();
    },
  };
}

function openPool(cfg: EmailConfig, ladder: Ladder) {
  const options: SMTPPoolOptions & { pool: true } = {
    pool: true,
    host: cfg.host,
    port: cfg.port,
    secure: cfg.secure,
    requireTLS: cfg.requireTls,
    ...(cfg.user !== undefined && cfg.pass !== undefined ? { auth: { user: cfg.user, pass: cfg.pass } } : {}),
    ...(cfg.dkim ? { dkim: cfg.dkim } : {}),
    name: cfg.domain,
    maxConnections,
    idleTimeout: idleMs,
    // The engine is the one owner of retries.
    maxRequeues: 0,
    // It covers everything up to the greeting, so both rungs.
    connectionTimeout: ladder.connectMs + ladder.replyMs,
    dnsTimeout: ladder.connectMs,
    greetingTimeout: ladder.replyMs,
    // Giving up earlier on the reply to the final dot makes duplicates.
    socketTimeout: ladder.exchangeMs,
    // What has not left when we give up must not leave later.
    socketCloseTimeout: 0,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
  const transport = nodemailer.createTransport(options);
  transport.use('stream', (mail, done) => {
    const make = mail.message.createReadStream.bind(mail.message);
    mail.message.createReadStream = (streamOptions) => (mail.data as unknown as GatedMail).gate.wrap(make(streamOptions));
    done();
  });
  return transport;
}
