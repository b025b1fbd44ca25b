/** Threads: where there is one at most, and who may close it. */

import type { Sender } from './disposition.js';

/** The scope in which a client has at most one open thread: the client, or the client on one channel (X2). */
export function threadScopeKey(scope: 'client' | 'channel', clientId: string, channelId: string): string {
  return scope === 'client' ? `client/${clientId}` : `client/${clientId}/channel/${channelId}`;
}

/** Agents close what is theirs or nobody's; everybody else closes any thread. */
export function mayCloseThread(sender: Sender, thread: { assigneeId: string | null }): boolean {
  return sender.role !== 'agent' || thread.assigneeId === null || thread.assigneeId === sender.id;
}
