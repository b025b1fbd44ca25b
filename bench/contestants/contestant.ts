/** Who is measured: which processes it starts, and how it is given a message. Data; `entrant.ts` runs it. */

import type { Call } from '../measure/load.js';
import type { ContestantName } from '../settings.js';
import type { Stack } from '../stack/stack.js';

export interface Contestant {
  name: ContestantName;
  title: string;
  /** Its database on the common server. */
  database: string;
  taskQueue: string;
  /** Makes the tables; told only when the database is new. */
  install(stack: Stack, database: string): Promise<void>;
  /** Its processes in the order in which they start, with a port for each. */
  processes: readonly ProcessPlan[];
  /** What each of its processes is told. */
  wiring(stack: Stack, database: string, ports: readonly number[]): { env?: Record<string, string>; args?: string[] };
  /** Clients, templates and channels, and what a caller has to know to submit. */
  prepare(stack: Stack, database: string, urls: readonly string[]): Promise<Orders>;
}

export interface ProcessPlan {
  name: string;
  /** Of the project, or of the compiled bench. */
  entry: string;
  readyPath: string;
}

export interface Message {
  /** Stands at the end of the subject, so that the sink knows it; a word that no other message has. */
  token: string;
  /** A number; clients are taken in turn. */
  index: number;
}

export interface Orders {
  submit(message: Message): Call;
  /** Of the dispatch that this answer is about. */
  workflowIdOf(answer: { id: string }): string;
}

/** How many clients a contestant has; as many are written to at the same time at most. */
export const clientCount = 500;

/** What all of them say. */
export const mail = {
  subject: 'Your order {{ order }}',
  body: 'Hello {{ name }},\n\nyour order {{ order }} is ready for collection. We keep it for you for fourteen days.\n\nYour shop',
} as const;

export function addressOf(index: number, place = 0): string {
  return `client${index % clientCount}.${place}@example.test`;
}

export const nameOf = (index: number): string => `Client ${index % clientCount}`;
