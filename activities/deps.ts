/** What the activities are given; nothing here is read from the environment. */

import type { ChannelRegistry } from '../channels/registry.js';
import type { Database } from '../db/connect.js';
import type { Sends } from './sends.js';

/** Opens a channel's sealed credentials; an empty object where it has none. */
export type OpenCredentials = (channel: { id: string; credentials: Buffer | null; credentialsKey: Buffer | null }) => Record<string, unknown>;

export interface ActivityDeps {
  db: Database;
  registry: ChannelRegistry;
  openCredentials: OpenCredentials;
  /** The hand-overs under way in this worker. */
  sends: Sends;
  /** Called by name before and after every write and call of a send; does nothing outside tests of crashes. */
  checkpoint: (name: string, dispatchId: string) => void | Promise<void>;
  log: { info(facts: object, sentence: string): void; warn(facts: object, sentence: string): void };
}
