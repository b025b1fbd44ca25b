/** What every step plays with, and the moves that several steps make. */

import { randomInt, randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { isEndState } from '../../domain/dispatch.js';
import { type Caller, type Channel, type Client, createCaller, type Dispatch, logIn, type NewDispatch, type Thread } from './api.js';
import { openSandbox, type Sandbox } from './sandbox.js';
import type { Stack } from './stack.js';

const pollMs = 100;
const patienceMs = 60_000;

export interface Scene {
  stack: Stack;
  sandbox: Sandbox;
  agent: Caller;
  supervisor: Caller;
  admin: Caller;
  emailId: string;
  whatsapp: { id: string; phoneNumberId: string };
  /** What goes on right now, shown while the step lasts; the last word is its outcome. */
  say(note: string): void;
  /** A line below the step: a link, or what was seen; the same line is told once. */
  tell(line: string): void;
}

/** Rejects with one sentence when the stack has no channels whose provider is the sandbox. */
export async function setScene(stack: Stack): Promise<Omit<Scene, 'say' | 'tell'>> {
  const { apiUrl, keys } = stack;
  const callerOf = async (role: 'agent' | 'supervisor' | 'admin') => createCaller(apiUrl, keys?.[role] ?? (await logIn(apiUrl, role)));
  const [agent, supervisor, admin] = [await callerOf('agent'), await callerOf('supervisor'), await callerOf('admin')];
  const sandbox = await openSandbox(stack.sandboxUrl);
  const { items } = await agent.get<{ items: Channel[] }>('/v1/channels');
  const usable = items.filter((one) => one.enabled && one.paused === null);
  const numbers = await sandbox.phoneNumberIds();
  const email = usable.find((one) => one.provider === 'smtp' && one.config['host'] === '127.0.0.1');
  const whatsapp = usable.find((one) => one.provider === 'meta_cloud' && numbers.includes(String(one.config['phoneNumberId'])));
  if (!email || !whatsapp) throw new Error('The demo needs an email and a WhatsApp channel to the sandbox, as the seed of an empty data folder brings them.');
  return {
    stack,
    sandbox,
    agent,
    supervisor,
    admin,
    emailId: email.id,
    whatsapp: { id: whatsapp.id, phoneNumberId: String(whatsapp.config['phoneNumberId']) },
  };
}

/** Fails the step with one sentence. */
export function mustBe(what: string, seen: unknown, promised: unknown): void {
  if (!isDeepStrictEqual(seen, promised)) throw new Error(`${what}: ${JSON.stringify(promised)} is promised, ${JSON.stringify(seen)} was seen.`);
}

/** A mail address that nobody else has; the local part may be one of the sandbox's magic ones. */
export function freshEmail(local = 'client'): string {
  return `${local}+${randomUUID().slice(0, 8)}@example.test`;
}

/** A number that nobody else has, and only the sandbox is told; the ending may be one of its magic ones, with 0 before it. */
export function freshPhone(ending = '7777'): string {
  return `+1${randomInt(200, 1_000)}${randomInt(10, 100)}0${ending}`;
}

/** A new client with these contact points, in this order. */
export async function newClient(scene: Scene, ...values: string[]): Promise<Client> {
  const contactPoints = values.map((value) => ({ kind: value.includes('@') ? 'email' : 'phone', value }));
  return await scene.agent.post<Client>('/v1/clients', { name: 'Client of the demo', contactPoints });
}

/** Submits in the name of the agent and tells where the run is to be seen. */
export async function submit(scene: Scene, body: NewDispatch): Promise<Dispatch> {
  const dispatch = await scene.agent.submit(body);
  const { temporalUrl } = await scene.agent.get<Dispatch>(`/v1/dispatches/${dispatch.id}`);
  scene.tell(temporalUrl ?? `${scene.stack.apiUrl}/v1/dispatches/${dispatch.id}`);
  return dispatch;
}

/** Follows a dispatch until it waits for this. */
export function untilWaiting(scene: Scene, id: string, waitingFor: NonNullable<Dispatch['waitingFor']>): Promise<Dispatch> {
  return follow(scene, id, (now) => now.waitingFor === waitingFor);
}

/** Follows a dispatch to its end, which must be this one. */
export async function untilEnded(scene: Scene, id: string, state: Dispatch['state']): Promise<Dispatch> {
  const ended = await follow(scene, id, (now) => isEndState(now.state));
  mustBe('The state', ended.state, state);
  return ended;
}

async function follow(scene: Scene, id: string, arrived: (now: Dispatch) => boolean): Promise<Dispatch> {
  return await until(scene, async () => {
    const now = await scene.agent.get<Dispatch>(`/v1/dispatches/${id}`);
    scene.say(now.waitingFor === null ? now.state : `waits for ${now.waitingFor}${timeLeft(now.dueAt)}`);
    if (arrived(now)) return now;
    if (isEndState(now.state)) throw new Error(`It ended ${now.state} (${now.endReason ?? 'no reason'}) too early.`);
    return null;
  });
}

function timeLeft(dueAt: string | null): string {
  if (dueAt === null) return '';
  const seconds = Math.max(0, Math.ceil((Date.parse(dueAt) - Date.now()) / 1_000));
  if (seconds < 100) return `, ${seconds} s left`;
  return seconds < 6_000 ? `, ${Math.round(seconds / 60)} min left` : `, ${Math.round(seconds / 3_600)} h left`;
}

/** Asks again and again until the answer is not null. */
export async function until<T>(scene: Scene, look: () => Promise<T | null>): Promise<T> {
  const end = Date.now() + patienceMs;
  for (;;) {
    const seen = await look();
    if (seen !== null) return seen;
    if (Date.now() > end) throw new Error(`Nothing more happened within ${patienceMs / 1000} s.`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

/** What the provider took for this address must be so many messages; tells where they are to be seen. */
export async function mustHaveTaken(scene: Scene, address: string, count: number): Promise<void> {
  const taken = await scene.sandbox.handOvers(address);
  mustBe(`Hand-overs to ${address}`, taken.length, count);
  for (const one of taken) scene.tell(scene.sandbox.pageOf(one));
}

/** The client writes on WhatsApp; returns the thread that this opens. */
export async function clientWrites(scene: Scene, client: Client, from: string): Promise<Thread> {
  await scene.sandbox.clientWrites(scene.whatsapp.phoneNumberId, from, 'Hello, is my order ready?');
  scene.say('the client writes');
  return await until(scene, async () => {
    const { items } = await scene.agent.get<{ items: Thread[] }>(`/v1/threads?clientId=${client.id}&status=active`);
    return items[0] ?? null;
  });
}

/** Free text may be sent on WhatsApp once the client has written; their thread is closed again, else it would be in the way. */
export async function openWindow(scene: Scene, client: Client, from: string): Promise<void> {
  const { id } = await clientWrites(scene, client, from);
  await scene.agent.post(`/v1/threads/${id}/close`);
}
