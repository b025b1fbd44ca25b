/** Deadlines: waiting for a database connection has none of its own. */

import { type Refusal, unavailable } from './problem.js';

/** Runs under a deadline; what comes later is dropped. */
export async function within<T>(ms: number, work: () => Promise<T>): Promise<T | Refusal> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Refusal>((resolve) => {
    timer = setTimeout(() => resolve(unavailable('The request took too long.')), ms);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}
