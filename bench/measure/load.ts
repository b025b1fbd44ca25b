/** Callers of an HTTP API: as many at a time as are allowed, or one every so often however long the answers take. */

import { Agent, request } from 'node:http';
import { pause } from '../stack/processes.js';
import { nowMs } from './clock.js';

const answerMs = 30_000;
const agent = new Agent({ keepAlive: true, maxSockets: 512 });

export interface Call {
  method: 'GET' | 'POST' | 'PATCH';
  url: string;
  headers: Record<string, string>;
  body?: string | Buffer;
}

export interface Answer {
  status: number;
  body: string;
  /** When it was to be sent, when the first byte left and when the last one of the answer was there; milliseconds. */
  dueAt: number;
  sentAt: number;
  answeredAt: number;
}

/** Status 0: there was no answer. */
export function send(call: Call, dueAt: number = nowMs()): Promise<Answer> {
  return new Promise((resolve) => {
    const sentAt = nowMs();
    const end = (status: number, body: string): void => resolve({ status, body, dueAt, sentAt, answeredAt: nowMs() });
    const headers = { ...call.headers, ...(call.body === undefined ? {} : { 'content-length': Buffer.byteLength(call.body) }) };
    const outgoing = request(call.url, { method: call.method, agent, headers, timeout: answerMs }, (incoming) => {
      let body = '';
      incoming.setEncoding('utf8');
      incoming.on('data', (chunk: string) => (body += chunk));
      incoming.on('end', () => end(incoming.statusCode ?? 0, body));
      incoming.on('error', () => end(0, ''));
    });
    outgoing.on('timeout', () => outgoing.destroy());
    outgoing.on('error', () => end(0, ''));
    outgoing.end(call.body);
  });
}

/** Calls one after the other from so many callers; the answers in the order of the calls. */
export async function sendAll<T>(total: number, callers: number, one: (index: number) => Promise<T>): Promise<T[]> {
  const answers: T[] = [];
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < total) {
      const index = next++;
      answers[index] = await one(index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(callers, total) }, caller));
  return answers;
}

/** Calls at a fixed rate; `isOver` ends it early. Each call is told when it was due, so that a late one counts as slow. */
export async function sendPaced<T>(
  options: { perSecond: number; seconds: number; isOver?: () => boolean },
  one: (index: number, dueAt: number) => Promise<T>,
): Promise<T[]> {
  const total = Math.round(options.perSecond * options.seconds);
  const begun = nowMs();
  const calls: Promise<T>[] = [];
  for (let index = 0; index < total && options.isOver?.() !== true; index += 1) {
    const dueAt = begun + (index * 1_000) / options.perSecond;
    const waitMs = dueAt - nowMs();
    if (waitMs > 0) await pause(waitMs);
    calls.push(one(index, dueAt));
  }
  return await Promise.all(calls);
}
