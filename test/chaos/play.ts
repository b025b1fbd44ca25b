/** Plays one story: the callers, the client and the provider of one dispatch, who repeat themselves until they are answered. */

import { endStates } from '../../domain/dispatch.js';
import type { Answer, Ask } from './caller.js';
import type { Diary, Submitted } from './diary.js';
import { type Furniture, phoneNumberId } from './furnish.js';
import { pause } from './pause.js';
import { addressOf, blindOf, mark, phoneOf, textFor } from './people.js';
import type { Stage } from './stage.js';
import type { Story } from './stories.js';

/** Somebody who looks at a dispatch looks less and less often; milliseconds. */
const lookMs = 300;
const longestLookMs = 2_000;
/** How long somebody waits for a dispatch to come to where they can act. */
const attentionMs = 60_000;
/** How long after the trouble an event of the provider may find no API that takes it. */
const takenWithinMs = 120_000;

export interface Scene {
  stage: Stage;
  furniture: Furniture;
  ask: Ask;
  diary: Diary;
  seed: number;
  /** False once the campaign wants to come to its end: nobody waits for an occasion any more. */
  goesOn(): boolean;
}

export async function play(scene: Scene, story: Story): Promise<void> {
  const told = await introduce(scene, story);
  if (told === null) return;
  const submitted = await submit(scene, story, told.body);
  if (submitted === null) return;
  const dispatchId = String(submitted['id']);
  if (told.candidates.length > 0) await atTheChoice(scene, story, dispatchId, told.candidates);
  if (story.midway) await watch(scene, async () => await standing(scene, story, dispatchId, (body) => body['state'] === 'sending'));
  if (story.after !== 'nothing') await pause(story.afterMs);
  await afterwards[story.after](scene, story, { dispatchId, clientId: String(submitted['clientId']), phone: told.phone });
}

interface Introduction {
  /** What is submitted. */
  body: Record<string, unknown>;
  candidates: string[];
  phone: string | null;
}

/** The client, as far as there has to be one, and what the provider is going to do with the message; null when a caller gave up. */
async function introduce(scene: Scene, story: Story): Promise<Introduction | null> {
  const { furniture } = scene;
  const { no, kind } = story;
  const bcc = Array.from({ length: story.blindCopies }, (_, copy) => blindOf(no, copy));
  const mail = {
    channelId: furniture.email,
    content: { kind: 'text', subject: `${textFor(no)}subject`, text: textFor(no), ...(bcc.length > 0 ? { bcc } : {}) },
  };
  const disposition =
    story.disposition === 'transfer'
      ? { kind: 'transfer', target: { type: 'group', id: furniture.group }, comment: `${mark}${no}comment` }
      : { kind: story.disposition };
  const variables = { 1: `${mark}${no}day`, 2: `${mark}${no}time` };
  const chat = { channelId: furniture.whatsapp, disposition, content: { kind: 'template', templateId: furniture.chatTemplate, variables } };
  const written = { ...chat, content: { kind: 'text', text: textFor(no) } };
  const alone = (body: object, to: { email: string } | { phone: string }): Introduction => ({
    body: { ...body, to },
    candidates: [],
    phone: 'phone' in to ? to.phone : null,
  });
  switch (kind) {
    case 'mail':
      await prepareProvider(scene, story, addressOf(no));
      return alone(mail, { email: addressOf(no) });
    case 'mail_template': {
      await prepareProvider(scene, story, addressOf(no));
      const content = { kind: 'template', templateId: furniture.mailTemplate, variables: { who: `${mark}${no}who` } };
      return alone({ ...mail, content }, { email: addressOf(no) });
    }
    case 'mail_choice':
      return await introduceTwo(scene, story, mail, 'email', [addressOf(no), addressOf(no, 'second')]);
    case 'chat_template':
      await prepareProvider(scene, story, phoneOf(no));
      return alone(chat, { phone: phoneOf(no) });
    case 'chat_rival': {
      const phone = phoneOf(story.who);
      await prepareProvider(scene, story, phone);
      return alone(chat, { phone });
    }
    case 'chat_choice':
      return await introduceTwo(scene, story, chat, 'phone', [phoneOf(no), phoneOf(no, 'second')]);
    case 'chat_text':
      await prepareProvider(scene, story, phoneOf(no));
      return (await haveConversation(scene, story, phoneOf(no))) ? alone(written, { phone: phoneOf(no) }) : null;
    case 'chat_late_refusal': {
      const phone = phoneOf(no, 'late');
      return (await haveConversation(scene, story, phone)) ? alone(written, { phone }) : null;
    }
  }
}

async function prepareProvider({ stage }: Scene, { fault, kind }: Story, recipient: string): Promise<void> {
  if (fault === null) return;
  const channel = kind.startsWith('mail') ? 'email' : 'whatsapp';
  await stage.house.control('POST', '/faults', { channel, recipient: recipient.replace(/^\+/, ''), count: fault.count, do: fault.do });
}

/** A client with two selected contact points of a kind: somebody has to pick one. */
async function introduceTwo(scene: Scene, story: Story, body: object, kind: 'email' | 'phone', values: string[]): Promise<Introduction | null> {
  const { no } = story;
  const contactPoints = values.map((value) => ({ kind, value, selected: true }));
  const as = scene.stage.keys.callers[story.caller]!;
  const made = await scene.ask({ as, door: story.door, method: 'POST', path: '/v1/clients', body: { name: `${mark}${no}name`, contactPoints } });
  if (made === null) return null;
  // Making a client has no key: a repeat whose first answer was lost finds it.
  const client = made.status === 201 ? made.body : await findClient(scene, story, kind, values[0]!);
  if (client === null) return null;
  const candidates = (client['contactPoints'] as { id: string }[]).map((point) => point.id);
  await prepareProvider(scene, story, values[story.pick]!);
  return { body: { ...body, clientId: client['id'] }, candidates, phone: kind === 'phone' ? values[story.pick]! : null };
}

async function findClient({ ask, stage }: Scene, { caller, door }: Story, kind: 'email' | 'phone', value: string): Promise<Answer['body'] | null> {
  const found = await ask({ as: stage.keys.callers[caller]!, door, method: 'GET', path: `/v1/clients?${kind}=${encodeURIComponent(value)}` });
  return (found?.body['items'] as Answer['body'][] | undefined)?.[0] ?? null;
}

/** The client writes first, and somebody closes that conversation: free text may follow for a day. */
async function haveConversation(scene: Scene, story: Story, phone: string): Promise<boolean> {
  const { ask, stage } = scene;
  const as = stage.keys.callers[story.caller]!;
  await clientWrites(scene, phone, `before-${story.no}`);
  const client = await waitFor(async () => await findClient(scene, story, 'phone', phone));
  if (client === null) return false;
  const thread = await waitFor(async () => {
    const open = await ask({ as, method: 'GET', path: `/v1/threads?clientId=${String(client['id'])}&status=active` });
    return (open?.body['items'] as { id: string }[] | undefined)?.[0] ?? null;
  });
  if (thread === null) return false;
  return (await ask({ as, method: 'POST', path: `/v1/threads/${thread.id}/close` }))?.status === 200;
}

/** The same id is the same message. */
async function clientWrites(scene: Scene, phone: string, name: string): Promise<void> {
  const { stage, diary } = scene;
  const wamid = `wamid.chaos-${name}`;
  const from = phone.replace('+', '');
  await untilTold(scene, () => stage.house.control('POST', '/inbound', { phoneNumberId, from, text: `${mark}0inbound`, wamid }));
  diary.inbound.push(wamid);
}

/** A provider repeats itself for days: through the whole of the trouble, and for so long after it as nobody may need. */
async function untilTold(scene: Scene, post: () => Promise<Record<string, unknown>>): Promise<void> {
  let end = Date.now() + takenWithinMs;
  while ((await post())['webhookStatus'] !== 200) {
    if (scene.goesOn()) end = Date.now() + takenWithinMs;
    else if (Date.now() > end) throw new Error(`No API took an event of the provider within ${takenWithinMs / 1000} s of the last fault.`);
    await pause(lookMs);
  }
}

/** Looks until there is something, for a while, and no longer than the campaign is troubled. */
async function watch<T>(scene: Scene, look: () => Promise<T | null>): Promise<T | null> {
  return await waitFor(look, () => scene.goesOn());
}

async function waitFor<T>(look: () => Promise<T | null>, goesOn: () => boolean = () => true): Promise<T | null> {
  const end = Date.now() + attentionMs;
  for (let restMs = lookMs; ; restMs = Math.min(longestLookMs, restMs * 1.5)) {
    const seen = await look();
    if (seen !== null || Date.now() > end || !goesOn()) return seen;
    await pause(restMs);
  }
}

/** The dispatch as the first answer told it; null when nothing was promised. */
async function submit(scene: Scene, story: Story, body: Record<string, unknown>): Promise<Answer['body'] | null> {
  const { ask, stage, diary, seed } = scene;
  const key = `chaos-${seed}-${story.no}`;
  const as = stage.keys.callers[story.caller]!;
  const once = (door: number, said = body): Promise<Answer | null> => ask({ as, door, method: 'POST', path: '/v1/dispatches', body: said, key });
  const answers = await Promise.all([once(story.door), ...(story.twin ? [once(story.door + 1)] : [])]);
  const taken = answers.filter((answer): answer is Answer => answer?.status === 202);
  for (const answer of answers) if (answer && answer.status !== 202) throw new Error(`A submit was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  if (taken.length === 0) return null;
  const entry: Submitted = { key, ids: new Set(taken.map((answer) => String(answer.body['id']))), reuse: null };
  diary.submitted.set(key, entry);
  diary.lastPromiseAt = Date.now();
  if (story.reuse) entry.reuse = (await once(story.door, { ...body, tagIds: ['another'] }))?.status ?? null;
  return taken[0]!.body;
}

/** Somebody picks once there is something to be picked; whoever is going to cancel, cancels instead. */
async function atTheChoice(scene: Scene, story: Story, dispatchId: string, candidates: string[]): Promise<void> {
  const { ask, stage, diary } = scene;
  const asked = await watch(scene, async () => await standing(scene, story, dispatchId, (body) => body['waitingFor'] === 'recipient'));
  if (asked?.['waitingFor'] !== 'recipient' || story.after === 'cancel') return;
  const pick = async (contactPointId: string, who: number): Promise<string | null> => {
    const answer = await ask({
      as: stage.keys.callers[who]!,
      door: story.door + who,
      method: 'POST',
      path: `/v1/dispatches/${dispatchId}/recipient-choice`,
      body: { contactPointId },
      key: `pick-${story.no}-${who}`,
    });
    return answer?.status === 200 ? contactPointId : null;
  };
  const wanted = candidates[story.pick]!;
  const other = candidates[1 - story.pick]!;
  const picked = (await Promise.all([pick(wanted, 0), ...(story.contested ? [pick(other, 1)] : [])])).filter((one) => one !== null);
  if (picked.length > 1) diary.pickedTwice.push(dispatchId);
  diary.picked.push(...picked.slice(0, 1).map((contactPointId) => ({ dispatchId, contactPointId })));
}

/** The dispatch once it is where it is wanted, or over; null before. */
async function standing({ ask, stage }: Scene, { caller, door }: Story, dispatchId: string, wanted: (body: Answer['body']) => boolean) {
  const answer = await ask({ as: stage.keys.callers[caller]!, door, method: 'GET', path: `/v1/dispatches/${dispatchId}` });
  if (answer?.status !== 200) return null;
  return wanted(answer.body) || (endStates as readonly unknown[]).includes(answer.body['state']) ? answer.body : null;
}

interface Known {
  dispatchId: string;
  clientId: string;
  phone: string | null;
}

const afterwards: Record<Story['after'], (scene: Scene, story: Story, known: Known) => Promise<void>> = {
  nothing: async () => {},
  cancel: async ({ ask, stage, diary }, { caller, door, no }, { dispatchId }) => {
    const answer = await ask({
      as: stage.keys.callers[caller]!,
      door,
      method: 'POST',
      path: `/v1/dispatches/${dispatchId}/cancel`,
      body: {},
      key: `cancel-${no}`,
    });
    if (answer?.status === 200) diary.cancelled.push(dispatchId);
  },
  block_client: (scene, story, known) => block(scene, story, known.clientId, null),
  block_channel: (scene, story, known) => block(scene, story, known.clientId, story.kind.startsWith('mail') ? scene.furniture.email : scene.furniture.whatsapp),
  client_writes: (scene, story, { phone }) => clientWrites(scene, phone!, `after-${story.no}`),
  retry_now: async (scene, story, { dispatchId }) => {
    const { ask, stage } = scene;
    const seen = await watch(scene, async () => await standing(scene, story, dispatchId, (body) => body['waitingFor'] !== null));
    if (seen?.['waitingFor'] !== 'retry') return;
    const { caller, door, no } = story;
    await ask({ as: stage.keys.callers[caller]!, door, method: 'POST', path: `/v1/dispatches/${dispatchId}/retry-now`, body: {}, key: `retry-${no}` });
  },
  report_read: async (scene, _story, { phone }) => {
    const { stage, diary } = scene;
    const taken = await watch(scene, async () => stage.house.handedOver({ channel: 'whatsapp', recipient: phone! }).at(-1) ?? null);
    if (taken === null) return;
    await untilTold(scene, () => stage.house.control('POST', '/receipts', { wamid: taken.wamid, status: 'read' }));
    diary.reportedRead.push(taken.wamid!);
  },
};

async function block({ ask, stage, diary }: Scene, { caller, door }: Story, clientId: string, channelId: string | null): Promise<void> {
  const answer = await ask({ as: stage.keys.callers[caller]!, door, method: 'POST', path: `/v1/clients/${clientId}/blocks`, body: { channelId } });
  if (answer !== null && answer.status < 300) diary.blocked.push({ clientId, channelId });
}
