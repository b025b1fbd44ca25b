/** Postgres, Temporal and the sink, fresh for each part; everything that a contestant finds there. */

import { chmodSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Settings } from '../settings.js';
import { type Postgres, startPostgres } from './postgres.js';
import { createLauncher, type Launcher } from './processes.js';
import { type Sink, startSink } from './sink.js';
import { startTemporal, type Temporal } from './temporal.js';

export interface Stack {
  folder: string;
  launcher: Launcher;
  postgres: Postgres;
  temporal: Temporal;
  sink: Sink;
}

/** Runs a part on a stack of its own; whatever becomes of it, nothing keeps running. */
export async function onStack(settings: Settings, work: (stack: Stack) => Promise<void>): Promise<void> {
  const kept = settings.keep === undefined ? null : resolve(settings.keep);
  if (kept !== null) mkdirSync(kept, { recursive: true });
  const folder = kept ?? mkdtempSync(join(tmpdir(), 'waybill-bench-'));
  chmodSync(folder, 0o711);
  const launcher = createLauncher(folder, kept === null ? folder : null);
  try {
    const postgres = await startPostgres(folder, launcher);
    try {
      const temporal = await startTemporal(folder, launcher, settings.temporal);
      const sink = await startSink(launcher);
      await work({ folder, launcher, postgres, temporal, sink });
      await sink.process.end();
      await temporal.end();
    } finally {
      await postgres.end();
    }
  } finally {
    await launcher.close();
  }
}
