/** Live timelines: one loop per process reads the news of every dispatch that somebody watches, and rests while nobody does. */

import type { Session } from 'better-sse';
import { findKeysInForce } from '../db/api-keys.js';
import type { Database } from '../db/connect.js';
import { readNews, readNow, type TimelineEvent } from '../db/timeline.js';
import { refusals } from '../domain/codes.js';
import type { DispatchState } from '../domain/dispatch.js';

/** How often the loop looks. Milliseconds. */
const pollMs = 500;

interface Watcher {
  dispatchId: string;
  /** Whose stream it is. */
  keyId: string;
  session: Session;
  /** Numbers that were told: the reads overlap. */
  told: Set<number>;
  end(): void;
}

export interface EventStreams {
  /** Tells what is known first, then what comes; ends the session after the dispatch's end has been told, or when the key is refused. */
  watch(of: { dispatchId: string; keyId: string }, session: Session, known: TimelineEvent[], end: () => void): void;
  /** Ends every session. */
  close(): void;
}

export function createEventStreams(db: Database, onFault: (error: unknown) => void): EventStreams {
  const watchers = new Set<Watcher>();
  let timer: NodeJS.Timeout | null = null;
  let since: string | null = null;

  const look = async (): Promise<void> => {
    try {
      since ??= await readNow(db);
      const asked = [...watchers];
      const inForce = await findKeysInForce(db, [...new Set(asked.map((one) => one.keyId))]);
      const read = await readNews(db, [...new Set(asked.map((one) => one.dispatchId))], since);
      since = read.now;
      for (const watcher of asked) {
        const news = read.news.find((one) => one.dispatchId === watcher.dispatchId);
        if (!inForce.has(watcher.keyId)) turnAway(watcher);
        else if (news) tellNews(watcher, news.events, news.endState);
      }
    } catch (error) {
      onFault(error);
    }
    timer = watchers.size > 0 ? setTimeout(look, pollMs) : null;
    if (timer === null) since = null;
  };

  return {
    watch: (of, session, known, end) => {
      if (!session.isConnected) return;
      const watcher: Watcher = { ...of, session, told: new Set(), end };
      watchers.add(watcher);
      session.once('disconnected', () => watchers.delete(watcher));
      tellNews(watcher, known, null);
      timer ??= setTimeout(look, 0);
    },
    close: () => {
      for (const watcher of watchers) watcher.end();
    },
  };
}

/** A stream lasts no longer than what opened it. */
function turnAway({ session, end }: Watcher): void {
  if (!session.isConnected) return;
  session.push({ code: 'UNAUTHENTICATED', detail: refusals.UNAUTHENTICATED.detail }, 'end', session.lastId);
  end();
}

function tellNews({ session, told, end }: Watcher, events: TimelineEvent[], endState: DispatchState | null): void {
  if (!session.isConnected) return;
  for (const event of events) {
    if (told.has(event.seq)) continue;
    told.add(event.seq);
    session.push({ ...event, at: event.at.toISOString() }, 'message', String(event.seq));
  }
  if (endState === null) return;
  session.push({ state: endState }, 'end', session.lastId);
  end();
}
