/** Two relays for tests: a real SMTP server that can refuse by script, and a raw one that misbehaves on the wire. Both keep what they took. */

import net from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

export interface Received {
  from: string;
  to: string[];
  raw: Buffer;
}

export interface Relay {
  port: number;
  received: Received[];
  /** Commands in the order they came; the raw relay only. */
  commands: string[];
  openConnections(): number;
  /** All connections that were ever made. */
  connections(): number;
  /** Ends every connection, as a server does with idle ones; the raw relay only. */
  dropAll(): void;
  close(): Promise<void>;
}

/** Answers as `refuse` says (a full reply line), else takes everything. */
export async function startRelay(
  refuse: { mail?: string; rcpt?: (address: string) => string | undefined; data?: string; auth?: string } = {},
  options: SMTPServerOptions = {},
): Promise<Relay> {
  const received: Received[] = [];
  const failure = (reply: string): Error => Object.assign(new Error(reply.slice(4)), { responseCode: Number(reply.slice(0, 3)) });
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    authOptional: true,
    allowInsecureAuth: true,
    disableReverseLookup: true,
    onAuth: (_auth, _session, done) => (refuse.auth ? done(failure(refuse.auth)) : done(null, { user: 'ok' })),
    onMailFrom: (_address, _session, done) => done(refuse.mail ? failure(refuse.mail) : null),
    onRcptTo: (address, _session, done) => {
      const reply = refuse.rcpt?.(address.address);
      done(reply ? failure(reply) : null);
    },
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        if (refuse.data) return done(failure(refuse.data));
        const { mailFrom, rcptTo } = session.envelope;
        received.push({ from: mailFrom ? mailFrom.address : '', to: rcptTo.map((one) => one.address), raw: Buffer.concat(chunks) });
        done();
      });
    },
    ...options,
  });
  // A connection that its client drops is part of some tests.
  server.on('error', () => {});
  let connections = 0;
  server.server.on('connection', () => connections++);
  const port = await listen(server.server);
  return {
    port,
    received,
    commands: [],
    openConnections: () => server.connections.size,
    connections: () => connections,
    dropAll: () => {},
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** What the raw relay does at a point: a reply line, silence, a reply that never ends, an orderly or a hard end of the connection. */
export type Act = string | 'hang' | 'mumble' | 'drop' | 'reset';
export type Point = 'greeting' | 'EHLO' | 'MAIL' | 'RCPT' | 'DATA' | 'body' | 'dot';

const usual: Record<Exclude<Point, 'body'>, string> = {
  greeting: '220 relay.test ready',
  EHLO: '250 relay.test',
  MAIL: '250 ok',
  RCPT: '250 ok',
  DATA: '354 go on',
  dot: '250 2.0.0 taken',
};

/** Without `PIPELINING`, so that each command is answered before the next. `body` acts on the first bytes of a body, before its end. */
export async function startRawRelay(acts: Partial<Record<Point, Act>>): Promise<Relay> {
  const received: Received[] = [];
  const commands: string[] = [];
  const sockets = new Set<net.Socket>();
  let connections = 0;
  const server = net.createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    const act = (what: Act | undefined): void => {
      if (what === undefined || what === 'hang') return;
      if (what === 'drop') socket.destroy();
      else if (what === 'reset') socket.resetAndDestroy();
      else if (what === 'mumble') {
        const timer = setInterval(() => socket.write('250-still at it\r\n'), 50);
        socket.on('close', () => clearInterval(timer));
      } else socket.write(`${what}\r\n`);
    };
    const at = (point: Exclude<Point, 'body'>): void => act(acts[point] ?? usual[point]);
    let pending = '';
    let body: Buffer[] | undefined;
    let interrupted = false;
    let envelope = { from: '', to: [] as string[] };
    const takeBody = (chunk: Buffer, chunks: Buffer[]): void => {
      chunks.push(chunk);
      // The client waits for the reply, so the dot is the end of what has come.
      if (
        Buffer.concat([Buffer.from('\r\n'), ...chunks.slice(-5)])
          .subarray(-5)
          .toString() !== '\r\n.\r\n'
      ) {
        if (!interrupted) act(acts.body);
        interrupted = true;
        return;
      }
      received.push({ ...envelope, raw: Buffer.concat(chunks).subarray(0, -3) });
      body = undefined;
      at('dot');
    };
    socket.on('data', (chunk) => {
      if (body) return takeBody(chunk, body);
      pending += chunk.toString('latin1');
      for (let end = pending.indexOf('\r\n'); end >= 0; end = pending.indexOf('\r\n')) {
        const line = pending.slice(0, end);
        pending = pending.slice(end + 2);
        const verb = line.slice(0, 4).toUpperCase();
        commands.push(line);
        if (verb === 'EHLO' || verb === 'MAIL' || verb === 'RCPT' || verb === 'DATA') at(verb);
        else act('250 ok');
        if (verb === 'MAIL') envelope = { from: addressIn(line), to: [] };
        if (verb === 'RCPT') envelope.to.push(addressIn(line));
        if (verb === 'DATA') body = [];
      }
    });
    at('greeting');
  });
  const port = await listen(server);
  return {
    port,
    received,
    commands,
    openConnections: () => sockets.size,
    connections: () => connections,
    dropAll: () => sockets.forEach((socket) => socket.destroy()),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function addressIn(line: string): string {
  return /<([^>]*)>/.exec(line)?.[1] ?? '';
}

function listen(server: net.Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as net.AddressInfo).port));
  });
}

/** A port of this machine on which nobody listens. */
export async function closedPort(): Promise<number> {
  const server = net.createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}
