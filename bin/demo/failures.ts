/** What a provider can do to a send: make it wait, refuse it, or leave its outcome in doubt. */

import { freshEmail, freshPhone, mustBe, mustHaveTaken, newClient, openWindow, type Scene, submit, untilEnded, untilWaiting } from './scene.js';
import type { Dispatch } from './api.js';

/** R101: the provider's wait is kept. */
export async function rateLimited(scene: Scene): Promise<void> {
  const { id, phone } = await sendByWhatsapp(scene, '0429');
  await untilWaiting(scene, id, 'retry');
  const { attempts } = await untilEnded(scene, id, 'completed');
  mustBe(
    'The states of the attempts',
    attempts.map((one) => one.state),
    ['refused_temporary', 'accepted'],
  );
  const [refused, taken] = await scene.sandbox.tries(phone);
  const waitedMs = Date.parse(taken!.at) - Date.parse(refused!.at);
  mustBe('At least 7 s between the two', waitedMs >= 7_000, true);
  await mustHaveTaken(scene, phone, 1);
  scene.tell(`the provider said ${refused!.code} and Retry-After: 7`);
  scene.say(`the next attempt ${(waitedMs / 1000).toFixed(1)} s later, completed`);
}

/** R101: what cannot work is not tried again. */
export async function bounced(scene: Scene): Promise<void> {
  const address = freshEmail('bounce');
  const client = await newClient(scene, address);
  const { id } = await submit(scene, {
    clientId: client.id,
    channelId: scene.emailId,
    content: { kind: 'text', subject: 'Nobody lives here', text: 'This comes back.' },
  });
  const { endReason, attempts } = await untilEnded(scene, id, 'failed');
  mustBe('Its meaning', endReason, 'NOT_ON_MESSENGER');
  mustBe('The number of attempts', attempts.length, 1);
  const raw = attempts[0]!.failure?.provider;
  await mustHaveTaken(scene, address, 0);
  scene.tell(JSON.stringify(raw));
  scene.say(`failed with ${endReason}`);
}

/** R99 */
export async function droppedLine(scene: Scene): Promise<void> {
  const { id, phone } = await sendByWhatsapp(scene, '0001');
  const parked = await untilWaiting(scene, id, 'outcome');
  mustBe('The state', parked.state, 'outcome_unknown');
  await mustHaveTaken(scene, phone, 1);
  await scene.sandbox.sendReceipt(parked.attempts[0]!.id, 'delivered');
  const released = await untilEnded(scene, id, 'completed');
  mustBe('The number of attempts', released.attempts.length, 1);
  await mustHaveTaken(scene, phone, 1);
  scene.say('outcome_unknown, no second hand-over; completed by a late receipt');
}

/** To a client who has just written, from a number that scripts the provider. */
async function sendByWhatsapp(scene: Scene, ending: string): Promise<Pick<Dispatch, 'id'> & { phone: string }> {
  const phone = freshPhone(ending);
  const client = await newClient(scene, phone);
  await openWindow(scene, client, phone);
  const { id } = await submit(scene, {
    clientId: client.id,
    channelId: scene.whatsapp.id,
    content: { kind: 'text', text: 'Your order 1042 is ready for collection.' },
    disposition: { kind: 'close' },
  });
  return { id, phone };
}
