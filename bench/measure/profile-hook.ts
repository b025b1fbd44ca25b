/**
 * Loaded into a process before its program (`--import=<this file>?<folder>`): a SIGUSR2 starts a profile of every thread, the next one
 * ends it and writes one file for each thread, `<pid>.<thread>.cpuprofile`, into the folder.
 */

import { renameSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';
import { isMainThread, threadId } from 'node:worker_threads';

const samplingMicroseconds = 500;

const folder = decodeURIComponent(new URL(import.meta.url).search.slice(1));
const session = new Session();
session.connect();
const threads = new BroadcastChannel('waybill-bench-profile');
threads.onmessage = (message) => void record((message as { data: boolean }).data);
// The channel alone keeps no thread alive.
threads.unref();
if (isMainThread) {
  let recording = false;
  process.on('SIGUSR2', () => {
    recording = !recording;
    threads.postMessage(recording);
    void record(recording);
  });
}

async function record(begins: boolean): Promise<void> {
  if (begins) {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: samplingMicroseconds });
    await session.post('Profiler.start');
    return;
  }
  const { profile } = await session.post('Profiler.stop');
  const file = join(folder, `${process.pid}.${threadId}.cpuprofile`);
  writeFileSync(`${file}.unfinished`, JSON.stringify(profile));
  renameSync(`${file}.unfinished`, file);
}
