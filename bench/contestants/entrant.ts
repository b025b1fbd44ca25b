/** A contestant at work on a stack. */

import { inProject } from '../stack/paths.js';
import { answers, freePort, type Launched } from '../stack/processes.js';
import type { Stack } from '../stack/stack.js';
import type { Contestant, Orders } from './contestant.js';

export interface Entrant {
  contestant: Contestant;
  database: string;
  /** Of its processes, in their order. */
  urls: readonly string[];
  orders: Orders;
  processes(): readonly Launched[];
  /** Without a word, all at once. */
  kill(): Promise<void>;
  /** After a kill or an end: the same processes again, on the same ports. Resolves when all of them are ready. */
  start(): Promise<void>;
  end(): Promise<void>;
}

/** Makes its database, starts its processes and gives it what it needs. `nodeOptions` are for its processes. */
export async function enter(stack: Stack, contestant: Contestant, nodeOptions: readonly string[] = []): Promise<Entrant> {
  const { name, processes: plans } = contestant;
  const database = stack.postgres.url(contestant.database);
  if (await stack.postgres.ensureDatabase(contestant.database)) await contestant.install(stack, database);
  const ports = await Promise.all(plans.map(() => freePort()));
  const urls = ports.map((port) => `http://127.0.0.1:${port}`);
  const { env = {}, args = [] } = contestant.wiring(stack, database, ports);
  let running: Launched[] = [];
  const start = async (): Promise<void> => {
    running = await Promise.all(
      plans.map((plan, place) =>
        stack.launcher.launch({
          name: plan.name === name ? name : `${name}-${plan.name}`,
          command: process.execPath,
          args: [...nodeOptions, inProject(plan.entry), ...args],
          env: { ...env, NODE_ENV: 'production', HOME: stack.folder },
          isReady: () => answers(urls[place]! + plan.readyPath),
        }),
      ),
    );
  };
  await start();
  const orders = await contestant.prepare(stack, database, urls);
  return {
    contestant,
    database: contestant.database,
    urls,
    orders,
    processes: () => running,
    kill: async () => {
      await Promise.all(running.map((one) => one.kill()));
    },
    start,
    end: async () => {
      await Promise.all(running.map((one) => one.end()));
    },
  };
}
