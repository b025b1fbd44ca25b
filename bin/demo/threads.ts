/** What the conversation does to a send, and a send to the conversation. */

import { randomUUID } from 'node:crypto';
import type { Thread } from './api.js';
import { clientWrites, freshPhone, mustBe, mustHaveTaken, newClient, openWindow, type Scene, submit, until, untilEnded, untilWaiting } from './scene.js';

/** Long enough to take the target away while the provider has not answered yet. Milliseconds. */
const answerMs = 3_000;

interface Target {
  type: string;
  id: string;
}

/** R96 */
export async function goneTarget(scene: Scene): Promise<void> {
  const phone = freshPhone();
  const client = await newClient(scene, phone);
  await openWindow(scene, client, phone);
  const gone = { type: 'group' as const, id: `demo-${randomUUID().slice(0, 8)}` };
  await scene.admin.post('/v1/transfer-targets', { ...gone, name: 'Desk that closes' });
  await scene.sandbox.answerLate(phone.slice(1), answerMs);
  const { id } = await submit(scene, {
    clientId: client.id,
    channelId: scene.whatsapp.id,
    content: { kind: 'text', text: 'A colleague takes over from here.' },
    disposition: { kind: 'transfer', target: gone },
  });
  await until(scene, async () => (await scene.sandbox.handOvers(phone))[0] ?? null);
  await scene.admin.delete(`/v1/transfer-targets/${gone.type}/${gone.id}`);

  const sent = await untilWaiting(scene, id, 'disposition');
  const { state, dispositionStatus, dispositionReason } = sent;
  mustBe(
    'What is shown',
    { state, dispositionStatus, dispositionReason },
    { state: 'disposing', dispositionStatus: 'failed', dispositionReason: 'TRANSFER_TARGET_UNKNOWN' },
  );
  await mustHaveTaken(scene, phone, 1);
  scene.tell(`shown as ${state}, disposition ${dispositionStatus}, ${dispositionReason}`);

  const { items } = await scene.agent.get<{ items: Target[] }>('/v1/transfer-targets');
  const target = { type: items[0]!.type, id: items[0]!.id };
  await scene.agent.post(`/v1/dispatches/${id}/disposition`, { disposition: { kind: 'transfer', target } });
  const ended = await untilEnded(scene, id, 'completed');
  const thread = await scene.agent.get<Thread>(`/v1/threads/${ended.threadId}`);
  mustBe('Where the thread is now', thread.queue, target);
  await mustHaveTaken(scene, phone, 1);
  scene.say('one hand-over; sent, not transferred; repaired');
}

/** R95 */
export async function clientWritesMeanwhile(scene: Scene): Promise<void> {
  const phones = [freshPhone(), freshPhone()];
  const client = await newClient(scene, ...phones);
  await openWindow(scene, client, phones[0]!);
  const { id } = await submit(scene, {
    clientId: client.id,
    channelId: scene.whatsapp.id,
    content: { kind: 'text', text: 'Nobody wants to cross a conversation that has just begun.' },
    disposition: { kind: 'close' },
  });
  await untilWaiting(scene, id, 'recipient');
  const { id: threadId } = await clientWrites(scene, client, phones[0]!);
  await scene.agent.post(`/v1/dispatches/${id}/recipient-choice`, { contactPointId: client.contactPoints[0]!.id });
  const parked = await untilWaiting(scene, id, 'decision');
  mustBe(
    'Why it waits',
    parked.verdict?.refusals.map((one) => one.code),
    ['ACTIVE_THREAD_APPEARED'],
  );
  scene.tell(`shown as ${parked.state}, ${parked.verdict?.refusals[0]?.code}`);
  await scene.agent.post(`/v1/dispatches/${id}/cancel`);
  await untilEnded(scene, id, 'cancelled');
  for (const phone of phones) mustBe(`Hand-overs begun to ${phone}`, await scene.sandbox.tries(phone), []);
  await scene.agent.post(`/v1/threads/${threadId}/close`);
  scene.say('a person decides and cancels, nothing sent');
}
