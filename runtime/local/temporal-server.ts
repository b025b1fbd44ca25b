/** A Temporal development server on this machine. */

import { isTemporalReachable, type SearchAttribute } from '../temporal.js';
import { isListening } from './ports.js';
import { identify, isRunning, killGroup, lastLines, spawnDetached, waitUntil, type ProcessIdentity } from './processes.js';

const startDeadlineMs = 30_000;

export interface TemporalServerOptions {
  /** The Temporal CLI. */
  binary: string;
  port: number;
  uiPort: number;
  /** Null: in memory. */
  databaseFile: string | null;
  searchAttributes: readonly SearchAttribute[];
  /** Where Temporal Web has payloads decoded; null: it shows them encrypted. */
  codecEndpoint: string | null;
  logFile: string;
}

export interface TemporalServer {
  address: string;
  uiUrl: string;
  process: ProcessIdentity;
}

/** The CLI's arguments, so that a server that still runs can be compared with the one that is wanted. */
export function temporalServerArguments(options: TemporalServerOptions): string[] {
  return [
    ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(options.port), '--ui-port', String(options.uiPort)],
    ...['--log-level', 'warn', '--log-format', 'json', '--dynamic-config-value', 'frontend.enableServerVersionCheck=false'],
    ...(options.codecEndpoint === null ? [] : ['--ui-codec-endpoint', options.codecEndpoint]),
    ...(options.databaseFile === null
      ? []
      : ['--db-filename', options.databaseFile, '--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL']),
    ...options.searchAttributes.flatMap(({ name, type }) => ['--search-attribute', `${name}=${cliTypes[type]}`]),
  ];
}

const cliTypes = { TEXT: 'Text', KEYWORD: 'Keyword', INT: 'Int', DOUBLE: 'Double', BOOL: 'Bool', DATETIME: 'Datetime', KEYWORD_LIST: 'KeywordList' } as const;

/** Starts the server and waits until it answers. Throws one clear sentence, with the end of its log, when it does not. */
export async function startTemporalServer(options: TemporalServerOptions, spawned: (process: ProcessIdentity) => void = () => {}): Promise<TemporalServer> {
  const child = await spawnDetached({ command: options.binary, args: temporalServerArguments(options), logFile: options.logFile });
  child.unref();
  const started = identify(child.pid);
  if (started !== null) spawned(started);
  const address = `127.0.0.1:${options.port}`;
  const answers = async () => (await isListening(options.port)) && isTemporalReachable({ address, namespace: 'default', security: {} });
  const up = started !== null && (await waitUntil(async () => !isRunning(started) || (await answers()), startDeadlineMs));
  if (up && isRunning(started)) return { address, uiUrl: `http://127.0.0.1:${options.uiPort}`, process: started };
  killGroup(child.pid);
  throw new Error(`The Temporal server (${options.binary}) did not start. The last lines of ${options.logFile}:\n${lastLines(options.logFile)}`);
}
