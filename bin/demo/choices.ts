/** A person has to pick the recipient: across a crash, twice at once, and never. */

import type { Stack } from './stack.js';
import { freshEmail, freshPhone, mustBe, mustHaveTaken, newClient, openWindow, type Scene, submit, untilEnded, untilWaiting } from './scene.js';

/** R93 */
export async function choiceAcrossCrash(scene: Scene): Promise<void> {
  const [first, second] = [freshPhone(), freshPhone()];
  const client = await newClient(scene, first, second);
  await openWindow(scene, client, second);
  const { id } = await submit(scene, {
    clientId: client.id,
    channelId: scene.whatsapp.id,
    content: { kind: 'text', text: 'Your order 1042 is ready for collection.' },
    disposition: { kind: 'close' },
  });
  await untilWaiting(scene, id, 'recipient');
  await crash(scene, ['api', 'worker']);
  await untilWaiting(scene, id, 'recipient');
  for (const phone of [first, second]) mustBe(`Hand-overs begun to ${phone} before the choice`, await scene.sandbox.tries(phone), []);

  await scene.agent.post(`/v1/dispatches/${id}/recipient-choice`, { contactPointId: client.contactPoints[1]!.id });
  await untilEnded(scene, id, 'completed');
  await mustHaveTaken(scene, second, 1);
  await mustHaveTaken(scene, first, 0);
  scene.say('one hand-over, to the pick, none before it');
}

async function crash(scene: Scene, names: Parameters<Stack['kill']>[0]): Promise<void> {
  const killed = scene.stack.kill(names);
  scene.tell(`kill -9 of ${names.map((name, index) => `${name} (process ${killed[index]})`).join(' and ')} while it waits`);
  scene.say('killed, the launcher starts them again');
  await scene.stack.untilBack(names, killed);
}

/** R94 */
export async function secondPick(scene: Scene): Promise<void> {
  const addresses = [freshEmail('home'), freshEmail('work')];
  const client = await newClient(scene, ...addresses);
  const { id } = await submit(scene, {
    clientId: client.id,
    channelId: scene.emailId,
    content: { kind: 'text', subject: 'Which address?', text: 'Two colleagues pick at once.' },
  });
  await untilWaiting(scene, id, 'recipient');
  const picks = await Promise.all(
    [scene.agent, scene.supervisor].map((who, index) =>
      who.refusalOf('POST', `/v1/dispatches/${id}/recipient-choice`, { contactPointId: client.contactPoints[index]!.id }),
    ),
  );
  const refused = picks.filter((one) => one !== null);
  mustBe(
    'What two picks at once are refused with',
    refused.map((one) => one.code),
    ['CHOICE_ALREADY_MADE'],
  );
  scene.tell(`the second one: ${refused[0]!.status} ${refused[0]!.code}, "${refused[0]!.title}"`);
  await untilEnded(scene, id, 'completed');
  const chosen = picks.indexOf(null);
  await mustHaveTaken(scene, addresses[chosen]!, 1);
  await mustHaveTaken(scene, addresses[1 - chosen]!, 0);
  scene.say('the second is refused with the reason, one hand-over');
}

/** R42 */
export async function nobodyChooses(scene: Scene): Promise<void> {
  const addresses = [freshEmail('home'), freshEmail('work')];
  const client = await newClient(scene, ...addresses);
  const { id } = await submit(scene, {
    clientId: client.id,
    channelId: scene.emailId,
    content: { kind: 'text', subject: 'Nobody chooses', text: 'This is never sent.' },
    deadlines: { choiceSeconds: 3 },
  });
  const ended = await untilEnded(scene, id, 'expired');
  mustBe('Its reason', ended.endReason, 'CHOICE_EXPIRED');
  for (const address of addresses) mustBe(`Hand-overs begun to ${address}`, await scene.sandbox.tries(address), []);
  const late = await scene.agent.refusalOf('POST', `/v1/dispatches/${id}/recipient-choice`, { contactPointId: client.contactPoints[0]!.id });
  mustBe('The answer to a late pick', late?.code, 'CHOICE_EXPIRED');
  scene.tell(`a late pick: ${late?.status} ${late?.code}, "${late?.title}"`);
  scene.say(`${ended.state} after ${ended.deadlines.choiceMs / 1000} s, nothing sent`);
}
