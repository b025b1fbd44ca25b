/** What must be so before a start, each as one sentence when it is not: shared by launcher and doctor. */

import { connectDatabase } from '../db/connect.js';
import { processEnvironment } from '../runtime/config.js';
import type { LocalConfig } from '../runtime/local/local-config.js';
import { portFault } from '../runtime/local/ports.js';
import { isTemporalReachable } from '../runtime/temporal.js';

interface Wanted {
  port: number;
  variable: string;
  what: string;
}

/**
 * Null when every port that a start would take is free; else one sentence for each that is not, and below them the one command that starts
 * on others. `runs`: a process of ours that is taken over with its ports.
 */
export async function portsProblem(config: LocalConfig, runs: (name: string) => boolean): Promise<string | null> {
  const faults = (await Promise.all(wantedPorts(config, runs).map(async (one) => ({ ...one, fault: await portFault(one.port) })))).filter(
    (one) => one.fault !== null,
  );
  if (faults.length === 0) return null;
  const sentences = faults.map(({ port, what, fault }) => `Port ${port} for ${what} ${fault}.`);
  return [...sentences, `Stop what holds ${faults.length === 1 ? 'it' : 'them'}, or start on other ports:`, `  ${await commandFor(config, faults)}`].join('\n');
}

function wantedPorts({ ports, databaseUrl, temporal }: LocalConfig, runs: (name: string) => boolean): Wanted[] {
  const bringsPostgres = databaseUrl === null && !runs('postgres');
  const bringsTemporal = temporal.address === null && !runs('temporal');
  return [
    ...(runs('api') ? [] : [{ port: ports.api, variable: 'WAYBILL_PORT', what: 'the API' }]),
    ...(runs('worker') ? [] : [{ port: ports.metrics, variable: 'WAYBILL_METRICS_PORT', what: "the worker's metrics" }]),
    ...(runs('sandbox') ? [] : [{ port: ports.sandbox, variable: 'WAYBILL_SANDBOX_PORT', what: 'the sandbox' }]),
    ...(runs('sandbox') ? [] : [{ port: ports.sandboxSmtp, variable: 'WAYBILL_SANDBOX_SMTP_PORT', what: "the sandbox's SMTP relay" }]),
    ...(bringsPostgres ? [{ port: ports.postgres, variable: 'WAYBILL_POSTGRES_PORT', what: 'Postgres' }] : []),
    ...(bringsTemporal ? [{ port: ports.temporal, variable: 'WAYBILL_TEMPORAL_PORT', what: 'Temporal' }] : []),
    ...(bringsTemporal ? [{ port: ports.temporalUi, variable: 'WAYBILL_TEMPORAL_UI_PORT', what: 'Temporal Web' }] : []),
  ];
}

/** What to type instead: a free port for each that is not, and what the caller had set already, so that the line stands by itself. */
async function commandFor({ ports }: LocalConfig, taken: Wanted[]): Promise<string> {
  const given = Object.entries(processEnvironment()).filter(([name]) => name === 'WAYBILL_DATA_DIR' || /^WAYBILL_(\w+_)?PORT$/.test(name));
  const settings = new Map(given.map(([name, value]) => [name, value ?? '']));
  const used = new Set(Object.values(ports));
  for (const { port, variable } of taken) {
    let other = port < 50_000 ? port + 10_000 : port - 10_000;
    while (used.has(other) || (await portFault(other)) !== null) other += 1;
    used.add(other);
    settings.set(variable, String(other));
  }
  return [...[...settings].map(([name, value]) => `${name}=${shellWord(value)}`), 'npm start'].join(' ');
}

function shellWord(text: string): string {
  return /^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
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
