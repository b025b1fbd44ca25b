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
      serializers: { err: tellFault },
      redact: { paths: ['req.headers', 'res.headers', ...redacted.flatMap((name) => [name, `*.${name}`, `*.*.${name}`])], censor: '[redacted]' },
    },
    options.destination ?? pino.destination({ dest: 1, sync: true }),
  );
}

/** Frames of the stack that are kept. */
const stackFrames = 8;

/** An error without what it was about: a failed statement names its parameters, and a parser quotes what it could not read. */
function tellFault(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error };
  const { code } = error as { code?: unknown };
  const frames = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '));
  return {
    type: error.name,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    message: withoutData(error.message),
    at: frames.slice(0, stackFrames),
    ...(error.cause === undefined ? {} : { cause: tellFault(error.cause) }),
  };
}

/** The first line, with quoted text, addresses and long numbers taken out. */
function withoutData(message: string): string {
  if (message.startsWith('Failed query')) return 'Failed query';
  const line = message.split('\n', 1)[0] ?? '';
  return line
    .replace(/"[^"]*"|'[^']*'/g, '"…"')
    .replace(/[^\s<>@]+@[^\s<>@]+/g, '…@…')
    .replace(/\d{7,}/g, '…')
    .slice(0, 300);
}
