/** The configuration of an email channel: one relay, its mailboxes, and the secrets of both directions. */

import { createPrivateKey } from 'node:crypto';
import { z } from 'zod';
import { isOneLine } from '../../domain/one-line.js';
import { isPlainAddress, keyOf } from './address.js';

const hostname = z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/, 'A host name is expected.');
const address = z.string().max(254).refine(isPlainAddress, 'An email address is expected.');

const mailbox = z.strictObject({
  address,
  name: z.string().max(100).refine(isOneLine, 'A name is one line, without control characters.').optional(),
  default: z.boolean().optional(),
});

export const emailConfigSchema = z
  .strictObject({
    host: z.string().regex(/^[A-Za-z0-9:]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9:])?$/, 'A host name or an IP address is expected.'),
    port: z.int().min(1).max(65_535),
    /** TLS from the first byte; otherwise STARTTLS is used where the relay offers it. */
    secure: z.boolean().default(false),
    /** Refuses to go on without STARTTLS. */
    requireTls: z.boolean().default(false),
    user: z.string().min(1).max(320).optional(),
    pass: z.string().min(1).max(1000).meta({ secret: true }).optional(),
    /** The from addresses; the one marked `default`, else the first, is used when a message names none. */
    mailboxes: z.array(mailbox).min(1).max(100),
    /** Right-hand side of every Message-ID, and the name we greet the relay with. */
    domain: hostname,
    /** With it the envelope's sender is `bounce+<attempt id>@bounceDomain`, so that a bounce names its attempt. */
    bounceDomain: hostname.optional(),
    dkim: z
      .strictObject({
        domainName: hostname,
        keySelector: z.string().regex(/^[A-Za-z0-9.-]{1,63}$/, 'A selector of letters, digits, dots and dashes is expected.'),
        privateKey: z.string().max(20_000).refine(isRsaKey, 'An RSA private key in PEM form is expected.').meta({ secret: true }),
      })
      .optional(),
    /** Shared with the mail server that posts inbound mail to us; two are valid during a rotation. */
    inboundSecrets: z.array(z.string().min(16).max(200)).min(1).max(2).meta({ secret: true }),
  })
  .refine((cfg) => (cfg.user === undefined) === (cfg.pass === undefined), { path: ['pass'], message: 'User and password come together.' })
  .refine((cfg) => cfg.mailboxes.filter((one) => one.default).length <= 1, { path: ['mailboxes'], message: 'At most one mailbox is the default.' })
  .refine((cfg) => new Set(cfg.mailboxes.map((one) => keyOf(one.address))).size === cfg.mailboxes.length, {
    path: ['mailboxes'],
    message: 'Each mailbox is named once.',
  });
export type EmailConfig = z.infer<typeof emailConfigSchema>;
export type Mailbox = EmailConfig['mailboxes'][number];

/** A key that cannot sign would let mail go out unsigned without a word. */
function isRsaKey(pem: string): boolean {
  try {
    return createPrivateKey(pem).asymmetricKeyType === 'rsa';
  } catch {
    return false;
  }
}

/** The mailbox of this address, compared as addresses are; null names the default one; undefined when it is not connected (R74). */
export function findMailbox(cfg: EmailConfig, from: string | null): Mailbox | undefined {
  if (from === null) return cfg.mailboxes.find((one) => one.default) ?? cfg.mailboxes[0];
  return cfg.mailboxes.find((one) => keyOf(one.address) === keyOf(from));
}

/** The connected addresses in comparable form, the default first. */
export function mailboxAddresses(cfg: EmailConfig): string[] {
  const first = findMailbox(cfg, null);
  return cfg.mailboxes.toSorted((a, b) => Number(b === first) - Number(a === first)).map((one) => keyOf(one.address));
}
