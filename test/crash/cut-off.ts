/** What the crash tests share: a worker that is cut off at named places, and dispatches for it to carry. */

import { ServiceError, WorkflowNotFoundError } from '@temporalio/client';
import type { UpdateDefinition } from '@temporalio/common';
import { ladder, type ChannelPolicy, type Ladder } from '../../domain/channel.js';
import { type CrashPlan, type CrashPoint, type CrashSignal, nowLine } from '../support/crash-plan.js';
import {
  addClient,
  addEmailChannel,
  addWhatsappChannel,
  type Ask,
  buildHouse,
  chat,
  freshPhone,
  type House,
  mail,
  openWindow,
  quickPolicy,
  say,
  submit,
} from '../support/house.js';
import { type TestProcess, until } from '../support/stack.js';

/** Rungs for many sends at once on a busy machine; milliseconds. */
export const patientLadder: Ladder = {
  ...ladder({ connectMs: 500, replyMs: 2_000, exchangeMs: 3_500, heartbeatMs: 1_000 }),
  sendDeadlineMs: 4_000,
  startToCloseMs: 5_000,
};

export interface CrashHouse {
  house: House;
  email: string;
  whatsapp: string;
}

/** A house without a worker, whose workers can be cut off; WhatsApp tells nothing by itself. */
export async function buildCrashHouse(policy: Partial<ChannelPolicy> = {}, env: Record<string, string> = {}): Promise<CrashHouse> {
  const house = await buildHouse({ workerEntry: 'test/support/crash-worker.js', withWorker: false, env });
  const email = await addEmailChannel(house, { ...quickPolicy, ...policy });
  const whatsapp = await addWhatsappChannel(house, { ...quickPolicy, unknownWaitMs: 500, receiptWindowMs: 500, ...policy });
  await house.control('PUT', '/receipt-behaviour', { mode: 'none' });
  return { house, email, whatsapp };
}

/** Starts a worker that is cut off once every point is reached, or at this visit of any checkpoint, and waits until it is. */
export async function cutOff(
  house: House,
  signal: CrashSignal,
  points: CrashPoint[],
  env: Record<string, string> = {},
  atVisit?: number,
): Promise<TestProcess> {
  const plan: CrashPlan = { signal, points, ...(atVisit === undefined ? {} : { atVisit }) };
  const worker = await house.startWorker({ ...env, WAYBILL_TEST_CRASH: JSON.stringify(plan) });
  await until(() => worker.output().includes(nowLine), {
    deadlineMs: 60_000,
    what: `the worker to be cut off at ${atVisit ?? points.map((point) => point.checkpoint).join(', ')}`,
  });
  if (signal === 'SIGKILL') await worker.exited;
  return worker;
}

let mails = 0;

/** An email to a client of its own; `before` it is submitted. */
export async function submitMail(
  { house, email }: CrashHouse,
  ask: Partial<Ask> = {},
  before: (address: string) => Promise<void> = async () => {},
): Promise<{ dispatchId: string; address: string }> {
  const address = `c${(mails += 1)}@example.test`;
  const { clientId } = await addClient(house, [{ kind: 'email', value: address }]);
  await before(address);
  return { dispatchId: await submit(house, { clientId, channelId: email, content: mail(), ...ask }), address };
}

/** A WhatsApp message to a client of its own, whose session window is open; `before` it is submitted. */
export async function submitChat(
  { house, whatsapp }: CrashHouse,
  ask: Partial<Ask> = {},
  before: (phone: string) => Promise<void> = async () => {},
): Promise<{ dispatchId: string; phone: string }> {
  const phone = freshPhone();
  const { clientId, points } = await addClient(house, [{ kind: 'phone', value: phone }]);
  await openWindow(house, whatsapp, points[0]!);
  await before(phone);
  return { dispatchId: await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: { kind: 'close' }, ...ask }), phone };
}

/** The fault that the provider answers the next message for this recipient with. */
export async function nextFault(house: House, channel: 'email' | 'whatsapp', recipient: string, what: Record<string, unknown>, count = 1): Promise<void> {
  await house.control('POST', '/faults', { channel, recipient, count, do: what });
}

/** Says it once; what a busy Temporal or a run that is not there (any more) answers comes back as its message. */
export async function tryToSay<A extends unknown[]>(house: House, dispatchId: string, update: UpdateDefinition<unknown, A>, ...args: A): Promise<string> {
  try {
    return await say(house, dispatchId, update, ...args);
  } catch (error) {
    if (error instanceof ServiceError || error instanceof WorkflowNotFoundError) return error.message;
    throw error;
  }
}

/** Says it until it is taken: a run that was found again is not there at once, and a worker that comes back may take a task and lose it. */
export async function sayUntilTaken<A extends unknown[]>(house: House, dispatchId: string, update: UpdateDefinition<unknown, A>, ...args: A): Promise<void> {
  let last = 'nothing';
  try {
    await until(async () => (last = await tryToSay(house, dispatchId, update, ...args)) === 'taken', {
      deadlineMs: 60_000,
      what: 'the update to be taken',
    });
  } catch (error) {
    throw new Error(`${(error as Error).message} The last answer was: ${last}`, { cause: error });
  }
}
