/** Runs the sandbox by itself; prints one JSON line with its ports when it is ready, and ends cleanly on SIGTERM or SIGINT. */

import { pino } from 'pino';
import { createSandbox, type SandboxOptions } from '../sandbox/create-sandbox.js';

/** WAYBILL_SANDBOX_PORT (3081), WAYBILL_SANDBOX_SMTP_PORT (3025), WAYBILL_SANDBOX_JOURNAL (a file; none: in memory). Port 0 is a free one. */
function readOptions(env: NodeJS.ProcessEnv): SandboxOptions {
  return {
    httpPort: port(env, 'WAYBILL_SANDBOX_PORT', 3081),
    smtpPort: port(env, 'WAYBILL_SANDBOX_SMTP_PORT', 3025),
    journalFile: env['WAYBILL_SANDBOX_JOURNAL'] || undefined,
  };
}

function port(env: NodeJS.ProcessEnv, name: string, fallback: number): number {
  const text = env[name] || String(fallback);
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new Error(`${name} is not a port: set it to a number from 0 to 65535.`);
  return Number(text);
}

function explain(error: NodeJS.ErrnoException & { port?: number }): string {
  if (error.code !== 'EADDRINUSE') return error.message;
  return `Port ${error.port} on 127.0.0.1 is taken: stop the program that holds it, or set WAYBILL_SANDBOX_PORT or WAYBILL_SANDBOX_SMTP_PORT to another one (0 is a free one).`;
}

try {
  const log = pino({ name: 'sandbox' }, pino.destination(2));
  const sandbox = await createSandbox({ ...readOptions(process.env), log });
  const stop = (): void => void sandbox.close().then(() => process.exit(0));
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  console.log(JSON.stringify({ sandbox: 'ready', httpPort: sandbox.httpPort, smtpPort: sandbox.smtpPort }));
} catch (error) {
  console.error(explain(error as NodeJS.ErrnoException));
  process.exitCode = 1;
}
