/** JSON logs: an object of facts, then a short sentence; never a secret, an address or a message body. */

import { pino, type Logger } from 'pino';

export type { Logger } from 'pino';

/** Names that never carry anything fit for a log; a second wall behind the habit of logging ids only. */
const redacted = [
  'authorization',
  'cookie',
  'password',
  'secret',
  'token',
  'accessToken',
  'credentials',
  'address',
  'to',
  'bcc',
  'email',
  'phone',
  'subject',
  'text',
  'body',
  'html',
];

/** The logger of a process. Errors are told by type, message and stack of our own faults only; times are ISO 8601. */
export function createLogger(options: { level: string; name: string; destination?: NodeJS.WritableStream }): Logger {
  return pino(
    {
      level: options.level,
      base: { process: options.name, pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: ['req.headers', 'res.headers', ...redacted.flatMap((name) => [name, `*.${name}`, `*.*.${name}`])], censor: '[redacted]' },
    },
    options.destination ?? pino.destination({ dest: 1, sync: true }),
  );
}
