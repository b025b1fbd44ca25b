/** What must be so before a start, each as one sentence when it is not: shared by launcher and doctor. */

import { connectDatabase } from '../db/connect.js';
import type { LocalConfig } from '../runtime/local/local-config.js';
import { portProblem } from '../runtime/local/ports.js';
import { isTemporalReachable } from '../runtime/temporal.js';

/** Every port that a start would take and that another program holds. `runs`: a process of ours that is taken over with its ports. */
export async function portProblems({ ports, databaseUrl, temporal }: LocalConfig, runs: (name: string) => boolean): Promise<string[]> {
  const bringsPostgres = databaseUrl === null && !runs('postgres');
  const bringsTemporal = temporal.address === null && !runs('temporal');
  const wanted = [
    ...(runs('api') ? [] : [{ port: ports.api, variable: 'WAYBILL_PORT', what: 'the API' }]),
    ...(runs('worker') ? [] : [{ port: ports.metrics, variable: 'WAYBILL_METRICS_PORT', what: "the worker's metrics" }]),
    ...(runs('sandbox') ? [] : [{ port: ports.sandbox, variable: 'WAYBILL_SANDBOX_PORT', what: 'the sandbox' }]),
    ...(runs('sandbox') ? [] : [{ port: ports.sandboxSmtp, variable: 'WAYBILL_SANDBOX_SMTP_PORT', what: "the sandbox's SMTP relay" }]),
    ...(bringsPostgres ? [{ port: ports.postgres, variable: 'WAYBILL_POSTGRES_PORT', what: 'Postgres' }] : []),
    ...(bringsTemporal ? [{ port: ports.temporal, variable: 'WAYBILL_TEMPORAL_PORT', what: 'Temporal' }] : []),
    ...(bringsTemporal ? [{ port: ports.temporalUi, variable: 'WAYBILL_TEMPORAL_UI_PORT', what: 'Temporal Web' }] : []),
  ];
  return (await Promise.all(wanted.map(portProblem))).filter((problem) => problem !== null);
}

/** Null when the database of DATABASE_URL answers. */
export async function databaseProblem(url: string): Promise<string | null> {
  const handle = connectDatabase({ url, max: 1, name: 'waybill-launcher' });
  try {
    await handle.client`select 1`;
    return null;
  } catch (error) {
    return `DATABASE_URL is set, but that database cannot be used (${(error as Error).message}). Start it or correct the address; it has to be Postgres 17 or newer. Without DATABASE_URL Waybill brings its own Postgres.`;
  } finally {
    await handle.close();
  }
}

/** Null when a Temporal server with this namespace answers at this address. */
export async function temporalProblem(address: string, namespace: string): Promise<string | null> {
  if (await isTemporalReachable({ address, namespace, security: {} }, 10_000)) return null;
  return `TEMPORAL_ADDRESS is ${address}, but no Temporal server with the namespace "${namespace}" answers there. Start it or correct the address; without TEMPORAL_ADDRESS Waybill brings its own.`;
}
