/** Sending without anything in the way, and sending the same thing twice. */

import { randomUUID } from 'node:crypto';
import { freshEmail, mustBe, mustHaveTaken, newClient, type Scene, submit, untilEnded } from './scene.js';

export async function plainEmail(scene: Scene): Promise<void> {
  const address = freshEmail();
  const client = await newClient(scene, address);
  const { id } = await submit(scene, {
    clientId: client.id,
    channelId: scene.emailId,
    content: { kind: 'text', subject: 'Your order 1042 is ready', text: 'Good morning, your order 1042 is ready for collection.' },
  });
  await untilEnded(scene, id, 'completed');
  await mustHaveTaken(scene, address, 1);
  scene.say('completed, one hand-over');
}

/** R98 */
export async function sameSubmitTwice(scene: Scene): Promise<void> {
  const address = freshEmail();
  const client = await newClient(scene, address);
  const body = { clientId: client.id, channelId: scene.emailId, content: { kind: 'text' as const, subject: 'Once', text: 'This comes once.' } };
  const key = randomUUID();
  const first = await scene.agent.submit(body, key);
  const again = await scene.agent.submit(body, key);
  mustBe('The dispatch of the repeat', again.id, first.id);
  const other = { ...body, content: { ...body.content, text: 'This is something else.' } };
  const refusal = await scene.agent.refusalOf('POST', '/v1/dispatches', other, { 'idempotency-key': key });
  mustBe('The answer to another body under the same key', refusal?.code, 'IDEMPOTENCY_KEY_REUSED');
  scene.tell(`another body under the same key: ${refusal?.status} ${refusal?.code}, "${refusal?.title}"`);
  const ended = await untilEnded(scene, first.id, 'completed');
  if (ended.temporalUrl !== null) scene.tell(ended.temporalUrl);
  await mustHaveTaken(scene, address, 1);
  scene.say('one dispatch, one hand-over');
}
