/** The stand-in for an SMTP relay: takes mail on 127.0.0.1 and delivers it nowhere. */

import type { AddressInfo, Socket } from 'node:net';
import type { Logger } from 'pino';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import { HANG_MS, type MailBehaviour, outcomeOf, smtpReply, type SmtpReply, takes } from './behaviour.js';
import type { Faults } from './faults.js';
import type { Journal } from './journal.js';
import { behaveForAddress } from './magic-addresses.js';
import { mailSha256, messageIdOf } from './mail-bytes.js';
import type { Mailbox } from './mailbox.js';
import { createTimers } from './timers.js';

/** Room for attachments of 30 MB in base64 and a body. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
const MAX_RECIPIENTS = 1_000;

const tooBig: MailBehaviour = { at: 'dot', act: 'refuse', reply: smtpReply('552 5.3.4 message too big') };
const broken = smtpReply('451 4.3.0 the sandbox could not write its journal');
const badPassword = smtpReply('535 5.7.8 bad credentials');

type Answer = (error?: Error | null, message?: string) => void;

export interface SmtpRelay {
  port: number;
  /** Cuts every line: whoever waits for an answer gets none. */
  close(): Promise<void>;
}

/** Port 0 takes a free one; rejects with the socket's error when it cannot listen. Any user may log in, unless with "bad-password". */
export async function createSmtpRelay(deps: { port: number; journal: Journal; mailbox: Mailbox; faults: Faults; log: Logger }): Promise<SmtpRelay> {
  const { journal, mailbox, faults, log } = deps;
  const sockets = new Map<number, Socket>();
  const timers = createTimers();

  function refuseRecipient(recipient: string, session: SMTPServerSession): SmtpReply | null {
    const behaviour = faults.takeForMail([recipient], 'rcpt') ?? behaveForAddress(recipient, 0);
    if (behaviour.at !== 'rcpt' || !behaviour.reply) return null;
    journal.append({ ...factsOf(session, [recipient], behaviour), messageId: null, contentSha256: null });
    return behaviour.reply;
  }

  function receive(stream: SMTPServerDataStream, session: SMTPServerSession, answer: Answer): void {
    const recipients = session.envelope.rcptTo.map((one) => one.address.toLowerCase());
    const atData = pick(recipients, 'data', () => 0);
    if (atData) {
      journal.append({ ...factsOf(session, recipients, atData), messageId: null, contentSha256: null });
      stream.resume();
      timers.after(atData.delayMs ?? 0, () => sockets.get(session.remotePort)?.destroy());
      return;
    }
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => {
      if (!stream.sizeExceeded) chunks.push(chunk);
    });
    stream.on('error', () => log.info('a sender left before its final dot: nothing was handed over'));
    stream.on('end', () => {
      try {
        finish(Buffer.concat(chunks), stream.sizeExceeded, recipients, session, answer);
      } catch (error) {
        log.error({ err: error }, 'a mail could not be taken');
        answer(refusal(broken));
      }
    });
  }

  function finish(raw: Buffer, oversized: boolean, recipients: string[], session: SMTPServerSession, answer: Answer): void {
    const messageId = messageIdOf(raw);
    const contentSha256 = oversized ? null : mailSha256(raw);
    const tries = (recipient: string): number => journal.tries(messageId ?? contentSha256 ?? '', recipient);
    const behaviour = oversized ? tooBig : (pick(recipients, 'dot', tries) ?? { at: 'dot', act: 'accept' });
    const entry = journal.append({ ...factsOf(session, recipients, behaviour), messageId, contentSha256 });
    if (entry.handedOver) mailbox.keep({ entry, raw });
    const socket = sockets.get(session.remotePort);
    const speak: Record<MailBehaviour['act'], () => void> = {
      accept: () => answer(null, `2.0.0 taken by the sandbox as ${entry.seq}`),
      refuse: () => answer(refusal(behaviour.reply ?? broken)),
      drop_before: () => socket?.destroy(),
      drop_after: () => socket?.destroy(),
      hang: () => timers.after(behaviour.hangMs ?? HANG_MS, () => socket?.destroy()),
      garble: () => socket?.write('?!% this is no reply\r\n'),
    };
    timers.after(behaviour.delayMs ?? 0, speak[behaviour.act]);
  }

  /** A fault, else the first recipient that asks for something at this point. */
  function pick(recipients: string[], at: 'data' | 'dot', tries: (recipient: string) => number): MailBehaviour | null {
    const asked = recipients.map((recipient) => behaveForAddress(recipient, tries(recipient)));
    return faults.takeForMail(recipients, at) ?? asked.find((one) => one.at === at && (one.act !== 'accept' || one.delayMs)) ?? null;
  }

  const server = new SMTPServer({
    name: 'sandbox.invalid',
    banner: 'Waybill sandbox, stand-in for an SMTP relay',
    disabledCommands: ['STARTTLS'],
    authOptional: true,
    allowInsecureAuth: true,
    disableReverseLookup: true,
    hideDSN: false,
    size: MAX_MESSAGE_BYTES,
    maxRecipients: MAX_RECIPIENTS,
    onAuth: (auth, _session, done) => (auth.password === 'bad-password' ? done(refusal(badPassword)) : done(null, { user: auth.username ?? 'anyone' })),
    onRcptTo: (address, session, done) => {
      const reply = refuseRecipient(address.address.toLowerCase(), session);
      done(reply && refusal(reply));
    },
    onData: receive,
  });
  server.server.on('connection', (socket: Socket) => {
    const { remotePort } = socket;
    if (remotePort === undefined) return;
    sockets.set(remotePort, socket);
    socket.on('close', () => sockets.delete(remotePort));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(deps.port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
  server.on('error', (error) => log.info({ code: (error as NodeJS.ErrnoException).code }, 'an SMTP line broke'));

  return {
    port: (server.server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        timers.clear();
        server.close(resolve);
        sockets.forEach((socket) => socket.destroy());
      }),
  };
}

function factsOf(session: SMTPServerSession, recipients: string[], behaviour: MailBehaviour) {
  const { mailFrom, dsn } = session.envelope;
  return {
    channel: 'email' as const,
    opaqueId: null,
    wamid: null,
    sender: mailFrom ? mailFrom.address : '',
    envelopeId: dsn?.envid ?? null,
    recipients,
    outcome: outcomeOf[behaviour.act],
    code: behaviour.reply ? `${behaviour.reply.code} ${behaviour.reply.text.split(' ')[0]}` : null,
    handedOver: takes(behaviour.act),
  };
}

function refusal(reply: SmtpReply): Error {
  return Object.assign(new Error(reply.text), { responseCode: reply.code });
}
