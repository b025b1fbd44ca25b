/** What every server process does: start, end cleanly on a signal, and tell a missing setting or a taken port in one sentence. */

import { ConfigError } from '../runtime/config.js';

export interface Running {
  ended: Promise<void>;
  drain(): void;
}

/** Runs a process until it has drained; exit status 1 when it could not start or broke. */
export async function main(name: string, start: () => Promise<Running>): Promise<void> {
  let running: Running | null = null;
  // Until it runs there is nothing to drain.
  const stop = (): void => (running ? running.drain() : process.exit(0));
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  try {
    running = await start();
    await running.ended;
    process.exit(0);
  } catch (error) {
    console.error(`The ${name} cannot run: ${explain(error as NodeJS.ErrnoException & { port?: number })}`);
    process.exit(1);
  }
}

function explain(error: NodeJS.ErrnoException & { port?: number }): string {
  if (error.code === 'EADDRINUSE') return `port ${error.port ?? ''} is taken: stop the program that holds it, or set another port.`;
  return error instanceof ConfigError ? `\n${error.message}` : (error.stack ?? error.message);
}
