/** Dispatches at the moments at which their run can be lost: where each stands, and how it goes on to exactly one message. */

import { addRevision, type NewRevisionRow } from '../../db/submit.js';
import type { DispatchState, WaitingFor } from '../../domain/dispatch.js';
import { changeChannel, chooseRecipient, resolveOutcome, retryNow, setDisposition } from '../../workflows/dispatch-message.contract.js';
import { addClient, attemptsOf, chat, find, freshPhone, type House, openWindow, report, submit, untilWaiting } from '../support/house.js';
import { until } from '../support/stack.js';
import { type CrashHouse, nextFault, sayUntilTaken, submitChat, submitMail } from './cut-off.js';

/** Waits of people and of receipts do not end by themselves here; an attempt in flight is answered after this time. */
export const sceneWaits = { retry: { deadlineMs: 600_000, initialMs: 300_000, maximumMs: 300_000 }, unknownWaitMs: 0, receiptWindowMs: 120_000 };
const inFlightMs = 1_500;
const by = { actorId: 'agent-1' };

export interface Scene {
  title: string;
  dispatchId: string;
  /** Whom it waits for; null: it is in flight. */
  waitingFor: WaitingFor | null;
  /** What the provider has when the scene stands. */
  copies: 0 | 1;
  /** How the dispatch ends when its run is stopped in Temporal. */
  stopped: { state: DispatchState; endReason: string | null };
  /** What a person or a provider does so that it completes, after the run was lost or not. */
  goOn(): Promise<unknown>;
}

/** One dispatch per moment, each standing there. Needs a worker. */
export async function setScenes(crash: CrashHouse): Promise<Scene[]> {
  const standing = await Promise.all([choosing(crash), backingOff(crash), changed(crash), doubted(crash), undisposed(crash), awaitingReceipt(crash)]);
  for (const scene of standing) await untilStands(crash.house, scene);
  const inFlights = await Promise.all([inFlight(crash, 'email'), inFlight(crash, 'whatsapp')]);
  for (const scene of inFlights) await untilStands(crash.house, scene);
  return [...standing, ...inFlights];
}

/** The dispatch stands where its scene says, also after its run was lost and found. */
export async function untilStands(house: House, scene: Scene, deadlineMs = 60_000): Promise<void> {
  const { dispatchId, waitingFor } = scene;
  if (waitingFor !== null) await untilWaiting(house, dispatchId, waitingFor, deadlineMs);
  else await until(async () => (await attemptsOf(house, dispatchId)).length > 0, { what: `${scene.title} to begin` });
}

const cancelled = { state: 'cancelled', endReason: 'CANCELLED_BY_STAFF' } as const;
const completed = { state: 'completed', endReason: null } as const;

async function choosing({ house, whatsapp }: CrashHouse): Promise<Scene> {
  const { clientId, points } = await addClient(
    house,
    [freshPhone(), freshPhone()].map((value) => ({ kind: 'phone' as const, value, selected: true })),
  );
  for (const point of points) await openWindow(house, whatsapp, point);
  const dispatchId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: { kind: 'close' } });
  const goOn = async () => {
    await sayUntilTaken(house, dispatchId, chooseRecipient, { contactPointId: points[1]!, ...by });
    await received(house, dispatchId);
  };
  return { title: 'waiting for the recipient', dispatchId, waitingFor: 'recipient', copies: 0, stopped: cancelled, goOn };
}

async function inFlight(crash: CrashHouse, channel: 'email' | 'whatsapp'): Promise<Scene> {
  const { house } = crash;
  const scene = { title: `in flight on ${channel}`, waitingFor: null, copies: 1, stopped: completed } as const;
  if (channel === 'email') {
    const { dispatchId } = await submitMail(crash, {}, (recipient) => nextFault(house, channel, recipient, { delayMs: inFlightMs }));
    return { ...scene, dispatchId, goOn: async () => {} };
  }
  const { dispatchId } = await submitChat(crash, {}, (recipient) => nextFault(house, channel, recipient, { delayMs: inFlightMs }));
  return { ...scene, dispatchId, goOn: () => received(house, dispatchId) };
}

async function backingOff(crash: CrashHouse): Promise<Scene> {
  const { house } = crash;
  const { dispatchId } = await submitMail(crash, {}, (recipient) => nextFault(house, 'email', recipient, { reply: '451 4.7.1 busy' }));
  return { title: 'backing off', dispatchId, waitingFor: 'retry', copies: 0, stopped: cancelled, goOn: () => sayUntilTaken(house, dispatchId, retryNow, by) };
}

/** Refused as email, then changed to WhatsApp, and refused there. */
async function changed(crash: CrashHouse): Promise<Scene> {
  const { house, email, whatsapp } = crash;
  const address = `${freshPhone().slice(1)}@example.test`;
  const phone = freshPhone();
  const { clientId, points } = await addClient(house, [
    { kind: 'email', value: address },
    { kind: 'phone', value: phone },
  ]);
  await openWindow(house, whatsapp, points[1]!);
  await nextFault(house, 'email', address, { reply: '451 4.7.1 busy' });
  await nextFault(house, 'whatsapp', phone, { status: 429, code: 130429 });
  const dispatchId = await submit(house, { clientId, channelId: email });
  await untilWaiting(house, dispatchId, 'retry');
  const content = chat('By the other channel');
  const row = {
    channelId: whatsapp,
    contactPointId: null,
    recipientPolicy: 'ask',
    content,
    templateVersion: null,
    disposition: { kind: 'close' },
    tagIds: [],
    createdBy: by.actorId,
  } satisfies NewRevisionRow;
  await sayUntilTaken(house, dispatchId, changeChannel, { revision: await addRevision(house.db, dispatchId, row), ...by });
  await until(async () => (await attemptsOf(house, dispatchId))[1]?.state === 'refused_temporary', { what: 'the refusal on the other channel' });
  const goOn = async () => {
    await sayUntilTaken(house, dispatchId, retryNow, by);
    await received(house, dispatchId);
  };
  return { title: 'backing off on another channel', dispatchId, waitingFor: 'retry', copies: 0, stopped: cancelled, goOn };
}

async function doubted(crash: CrashHouse): Promise<Scene> {
  const { house } = crash;
  const { dispatchId } = await submitChat(crash, {}, (recipient) => nextFault(house, 'whatsapp', recipient, { drop: 'after' }));
  const goOn = async () => {
    await sayUntilTaken(house, dispatchId, resolveOutcome, { outcome: 'sent', sendEpoch: 1, ...by });
    await received(house, dispatchId);
  };
  return { title: 'in doubt', dispatchId, waitingFor: 'outcome', copies: 1, stopped: { state: 'expired', endReason: 'OUTCOME_UNKNOWN' }, goOn };
}

async function undisposed(crash: CrashHouse): Promise<Scene> {
  const { house } = crash;
  const { dispatchId } = await submitChat(crash, { disposition: { kind: 'transfer', target: { type: 'group', id: 'nobody' } } });
  const goOn = async () => {
    await sayUntilTaken(house, dispatchId, setDisposition, { disposition: { kind: 'close' }, ...by });
    await received(house, dispatchId);
  };
  return { title: 'sent and not disposed of', dispatchId, waitingFor: 'disposition', copies: 1, stopped: completed, goOn };
}

async function awaitingReceipt(crash: CrashHouse): Promise<Scene> {
  const { dispatchId } = await submitChat(crash);
  return { title: 'waiting for a receipt', dispatchId, waitingFor: 'receipt', copies: 1, stopped: completed, goOn: () => received(crash.house, dispatchId) };
}

/** The provider reports the message delivered once it has it. */
async function received(house: House, dispatchId: string): Promise<void> {
  await until(async () => ['accepted', 'reconciled_sent'].includes((await attemptsOf(house, dispatchId)).at(-1)?.state ?? ''), {
    what: 'the message to be accepted',
  });
  await until(async () => (await find(house, dispatchId)).waitingFor === 'receipt', { what: 'the wait for a receipt' });
  await report(house, dispatchId, 'delivered');
}
