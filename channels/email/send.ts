/** One attempt to hand an email to a relay. The same dispatch always makes the same bytes (I8); only the envelope may differ. */

import { HandOverForbidden, type OutboundMessage, type RecipientResult, type SendCtx, type SendOutcome } from '../channel.js';
import { notHandedOver, refusedHere, withoutValues } from '../failure.js';
import { boundedBy } from '../http.js';
import { findMailbox, type EmailConfig, type Mailbox } from './config.js';
import { classifySmtpError } from './failures.js';
import { decideOutcome, listRecipients, type Recipients } from './recipients.js';
import { subjectHeader } from './subject.js';
import { createGate, type GatedMail, type Transports } from './transport.js';

/** What nodemailer tells of a message that the relay took. */
interface Taken {
  accepted: readonly unknown[];
  rejected: readonly unknown[];
  rejectedErrors?: readonly unknown[] | undefined;
  response: string;
}

export async function sendEmail(transports: Transports, message: OutboundMessage, ctx: SendCtx<EmailConfig>): Promise<SendOutcome> {
  const mailbox = findMailbox(ctx.cfg, message.content.from);
  if (!mailbox) return refusedHere({ class: 'config', scope: 'message' }, 'FROM_NOT_CONNECTED', 'The from address is not connected any more.');
  const recipients = listRecipients(message);
  if (!recipients) return refusedHere({ class: 'config', scope: 'message' }, 'NO_RECIPIENT_LEFT', 'No recipient of the message is left to be served.');
  // A message that cannot reach the one who decides is not sent to the others either.
  if (!recipients.envelope.includes(recipients.deciding)) return decideOutcome(recipients, [], messageIdOf(ctx));

  const gate = createGate(() => ctx.assertMayHandOver());
  const bounded = boundedBy(ctx.signal, ctx.ladder.exchangeMs);
  const clean = cleaner(message, ctx.cfg);
  try {
    const mail = { ...compose(message, mailbox, ctx), envelope: envelopeOf(recipients, mailbox, ctx), signal: bounded.signal, gate };
    const taken = await transports.send(ctx.cfg, ctx.ladder, mail);
    return clean(readTaken(taken, recipients, gate.handedOver, messageIdOf(ctx)));
  } catch (error) {
    if (gate.objection instanceof HandOverForbidden) return notHandedOver();
    // Any other objection is a fault of ours, not of the relay.
    if (gate.objection) throw gate.objection;
    return clean(readError(error, recipients, gate.handedOver, messageIdOf(ctx)));
  } finally {
    gate.shut();
    bounded.release();
  }
}

/** Identical on every attempt, so that a mail store may know a repeat. */
function messageIdOf(ctx: SendCtx<EmailConfig>): string {
  return `<${ctx.dispatchId}@${ctx.cfg.domain}>`;
}

/** Header and body; BCC is no part of it, it lives in the envelope alone (R72, I9). */
function compose(message: OutboundMessage, mailbox: Mailbox, ctx: SendCtx<EmailConfig>): Omit<GatedMail, 'gate'> {
  return {
    from: { name: mailbox.name ?? '', address: mailbox.address },
    to: { name: '', address: message.to.value },
    headers: { subject: subjectHeader(message.content.subject ?? '') },
    text: message.content.text,
    messageId: messageIdOf(ctx),
    date: message.acceptedAt,
    baseBoundary: ctx.dispatchId,
  };
}

function envelopeOf(recipients: Recipients, mailbox: Mailbox, ctx: SendCtx<EmailConfig>): { from: string; to: string[] } {
  const { bounceDomain } = ctx.cfg;
  return { from: bounceDomain === undefined ? mailbox.address : `bounce+${ctx.attemptId}@${bounceDomain}`, to: recipients.envelope };
}

/** A taken message counts only if the whole of it had left, a real success reply came, and every recipient is accounted for. */
function readTaken(taken: Taken, recipients: Recipients, handedOver: boolean, messageId: string): SendOutcome {
  const accepted = taken.accepted.map(String);
  const results = resultsOf(recipients, accepted, taken.rejectedErrors ?? []);
  const told = [...accepted, ...taken.rejected.map(String)];
  const complete = told.length === recipients.envelope.length && results.length === recipients.envelope.length;
  if (!handedOver || !/^2\d\d([ -]|$)/.test(taken.response) || !complete) {
    return { kind: 'unknown', failure: classifySmtpError({ handedOver: true, code: 'REPLY_UNCLEAR', message: taken.response }) };
  }
  return decideOutcome(recipients, results, messageId);
}

/** A failed send: each recipient's own refusal where the relay gave one, else one failure for all. */
function readError(error: unknown, recipients: Recipients, handedOver: boolean, messageId: string): SendOutcome {
  const { rejectedErrors } = error as { rejectedErrors?: readonly unknown[] };
  const results = resultsOf(recipients, [], rejectedErrors ?? []);
  if (!handedOver && results.length === recipients.envelope.length) return decideOutcome(recipients, results, messageId);
  const failure = classifySmtpError(describe(error, handedOver));
  return failure.class === 'unknown' ? { kind: 'unknown', failure } : { kind: 'refused', failure };
}

function resultsOf(recipients: Recipients, accepted: readonly string[], rejectedErrors: readonly unknown[]): RecipientResult[] {
  return recipients.envelope.flatMap((address): RecipientResult[] => {
    if (accepted.includes(address)) return [{ address, status: 'accepted' }];
    const error = rejectedErrors.find((one) => (one as { recipient?: unknown }).recipient === address);
    return error === undefined ? [] : [{ address, status: 'refused', failure: classifySmtpError(error) }];
  });
}

/** An error's own fields are not enumerable, so they are named. */
function describe(error: unknown, handedOver: boolean): object {
  const { code, command, responseCode, response, message } = error as Record<string, unknown>;
  return { code, command, responseCode, response, message, handedOver };
}

/** Takes our recipients and credentials out of every failure of an outcome: a relay may repeat them in its answer. */
function cleaner(message: OutboundMessage, cfg: EmailConfig): (outcome: SendOutcome) => SendOutcome {
  const secrets = cfg.pass === undefined ? [] : [cfg.pass, base64(cfg.pass), base64(`\0${cfg.user}\0${cfg.pass}`)];
  const values = [message.to.value, ...message.content.bcc, ...secrets];
  return (outcome) => {
    if (outcome.kind === 'unknown') return { ...outcome, failure: withoutValues(outcome.failure, values) };
    const perRecipient = outcome.perRecipient?.map((one) => (one.failure ? { ...one, failure: withoutValues(one.failure, values) } : one));
    const told = perRecipient ? { perRecipient } : {};
    return outcome.kind === 'accepted' ? { ...outcome, ...told } : { ...outcome, ...told, failure: withoutValues(outcome.failure, values) };
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
