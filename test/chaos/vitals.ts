/** What a process holds: memory and open file handles, as the kernel counts them. */

import { readdir, readFile } from 'node:fs/promises';

export interface Vitals {
  name: string;
  megabytes: number;
  handles: number;
}

/** Empty where the kernel does not tell (it does on Linux). */
export async function readVitals(processes: readonly { name: string; pid: number }[]): Promise<Vitals[]> {
  const read = processes.map(async ({ name, pid }): Promise<Vitals[]> => {
    try {
      const status = await readFile(`/proc/${pid}/status`, 'utf8');
      const kilobytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
      return [{ name, megabytes: Math.round(kilobytes / 1024), handles: (await readdir(`/proc/${pid}/fd`)).length }];
    } catch {
      return [];
    }
  });
  return (await Promise.all(read)).flat();
}
