/** What the API is given; nothing here reads the environment. */

import type { Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { ChannelRegistry } from '../channels/registry.js';
import type { Database } from '../db/connect.js';
import type { EventStreams } from './event-streams.js';
import type { InlineStart } from './inline-start.js';

/** What the API asks of Temporal. */
export type TemporalPort = Pick<Client, 'withDeadline'> & {
  workflow: Pick<Client['workflow'], 'start' | 'getHandle'>;
  connection: { workflowService: Pick<Client['connection']['workflowService'], 'getSystemInfo'> };
};

/** What a start needs of Temporal. */
export type StartPort = Pick<Client, 'withDeadline'> & { workflow: Pick<Client['workflow'], 'start'> };

/** Encrypts a channel's credentials under a key of that channel. */
export interface SecretBox {
  seal(channelId: string, plaintext: unknown): { credentials: Buffer; credentialsKey: Buffer };
  open(channelId: string, sealed: { credentials: Buffer; credentialsKey: Buffer }): unknown;
}

export interface ApiDeps {
  db: Database;
  temporal: TemporalPort;
  /** The client of a worker in this very process, while it takes tasks: a start hands it the first one along with the answer. */
  ownWorker(): StartPort | null;
  taskQueue: string;
  /** Where callers reach this API; no slash at the end. */
  publicUrl: string;
  channels: ChannelRegistry;
  secretBox: SecretBox;
  logger: Logger;
  metrics: Registry;
  /** Where Temporal Web shows a run; null: no links. */
  temporalUi: { url: string; namespace: string } | null;
  /** Decoding for Temporal Web: served to this machine alone, under a path nobody guesses, for these origins. Null: not served. */
  codec: { path: string; origins: string[]; decode(payloads: Payload[]): Promise<Payload[]> } | null;
  /** Whether `POST /v1/dev-login` hands out keys to this machine. */
  devLogin: boolean;
  limits: ApiLimits;
  /** Called at named points of a request, so that a test can end the process there. */
  checkpoint(name: 'submit.committed'): Promise<void>;
  /** Fires when the process is to end: readiness goes off, streams end. */
  stopping: AbortSignal;
}

/** What the handlers of one app use: the dependencies, and what the app itself keeps. */
export interface AppDeps extends ApiDeps {
  startInline: InlineStart;
  streams: EventStreams;
  /** What `/openapi.json` answers. */
  openApi: Record<string, unknown>;
}

export interface ApiLimits {
  /** Of one caller; webhooks and recipient choices are not counted. */
  requestsPerMinute: number;
  /** Of one address that sends wrong keys. */
  wrongKeysPerMinute: number;
  /** How long a request may take; waiting for a database connection has no limit of its own. Milliseconds. */
  requestMs: number;
  /** How long a start of a workflow may hold up the answer to a submit. Milliseconds. */
  inlineStartMs: number;
  /** How long no such start is tried after one failed: a server that is down must not hold up every submit. Milliseconds. */
  inlineRestMs: number;
  /** How long a message to a dispatch may take. Milliseconds. */
  messageMs: number;
}

export const defaultLimits: ApiLimits = {
  requestsPerMinute: 12_000,
  wrongKeysPerMinute: 100,
  requestMs: 5_000,
  inlineStartMs: 1_500,
  inlineRestMs: 2_000,
  messageMs: 10_000,
};
