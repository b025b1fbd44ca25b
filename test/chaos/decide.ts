/** After the last fault people look at what waits for them, and decide: until everything has ended. */

import { eq, isNull } from 'drizzle-orm';
import * as schema from '../../db/schema/index.js';
import type { WaitingFor } from '../../domain/dispatch.js';
import { until } from '../support/stack.js';
import type { Answer } from './caller.js';
import { keyOf } from './diary.js';
import { pause } from './pause.js';
import type { Scene } from './play.js';
import { createRandom } from './random.js';

type Waiting = Pick<typeof schema.dispatches.$inferSelect, 'id' | 'state' | 'waitingFor' | 'clientId' | 'channelId'>;

const lookMs = 250;

/** The system, and not a person, ends these waits. */
const endByThemselves: readonly (WaitingFor | null)[] = ['retry', 'receipt', null];

/** What is neither over nor waits visibly. */
export async function unsettled(scene: Scene): Promise<Waiting[]> {
  return (await openDispatches(scene)).filter((one) => one.waitingFor === null);
}

export async function openDispatches({ stage }: Scene): Promise<Waiting[]> {
  const { id, state, waitingFor, clientId, channelId } = schema.dispatches;
  return await stage.house.db.select({ id, state, waitingFor, clientId, channelId }).from(schema.dispatches).where(isNull(schema.dispatches.endedAt));
}

/** Decides whatever waits, again and again: one decision may lead to the next question. */
export async function decideAll(scene: Scene, deadlineMs: number): Promise<void> {
  let rounds = 0;
  await until(
    async () => {
      const open = await openDispatches(scene);
      rounds += 1;
      const waiting = open.filter((one) => !endByThemselves.includes(one.waitingFor));
      for (let i = 0; i < waiting.length; i += 20) await Promise.all(waiting.slice(i, i + 20).map((one) => decide(scene, one, rounds)));
      if (open.length === 0) return true;
      await pause(lookMs);
      return false;
    },
    { deadlineMs, what: 'everything to end' },
  ).catch(async (error: Error) => {
    const left = (await openDispatches(scene)).map((one) => `${one.id} ${one.state}/${one.waitingFor}`);
    throw new Error(`${error.message} Left: ${left.join(', ')}`);
  });
}

async function decide(scene: Scene, one: Waiting, round: number): Promise<void> {
  const random = createRandom(`${scene.seed}/decide/${keyOf(scene.diary, one.id)}/${round}`);
  const say = (route: string, body: object): Promise<Answer | null> =>
    scene.ask({ as: scene.stage.keys.callers[2]!, method: 'POST', path: `/v1/dispatches/${one.id}/${route}`, body, key: `decide-${one.id}-${round}` });
  switch (one.waitingFor) {
    case 'recipient': {
      const { body } = (await ask(scene, `/v1/dispatches/${one.id}`))!;
      const usable = (body['candidates'] as { contactPointId: string; usable: boolean }[]).filter((candidate) => candidate.usable);
      await (usable.length > 0 ? say('recipient-choice', { contactPointId: random.pick(usable).contactPointId }) : say('cancel', {}));
      return;
    }
    case 'outcome':
      await say('resolve-outcome', { outcome: (await wasHandedOver(scene, one.id)) ? random.weighed({ sent: 9, resend: 1 }) : 'not_sent' });
      return;
    case 'decision':
      if (random.chance(0.5)) return void (await say('cancel', {}));
      await closeThreads(scene, one.clientId);
      await say('restart', { channelId: one.channelId });
      return;
    case 'template': {
      const attempts = await scene.stage.house.db.select().from(schema.attempts).where(eq(schema.attempts.dispatchId, one.id));
      const template = { templateId: scene.furniture.chatTemplate, variables: { 1: 'today', 2: 'noon' } };
      await (attempts.length < 2 ? say('provide-template', template) : say('abandon', {}));
      return;
    }
    case 'disposition':
      await say('disposition', { disposition: { kind: 'close' } });
      return;
    default:
      return;
  }
}

function ask(scene: Scene, path: string): Promise<Answer | null> {
  return scene.ask({ as: scene.stage.keys.callers[2]!, method: 'GET', path });
}

/** As a person looks at the provider: whether it has the latest attempt that nobody can tell about. */
async function wasHandedOver({ stage }: Scene, dispatchId: string): Promise<boolean> {
  const attempts = await stage.house.db.select().from(schema.attempts).where(eq(schema.attempts.dispatchId, dispatchId)).orderBy(schema.attempts.attemptNo);
  const last = attempts.at(-1)!;
  return stage.house.handedOver().some((entry) => entry.opaqueId === last.id || entry.sender.includes(last.id));
}

async function closeThreads(scene: Scene, clientId: string): Promise<void> {
  const open = await ask(scene, `/v1/threads?clientId=${clientId}&status=active`);
  for (const thread of (open?.body['items'] ?? []) as { id: string }[]) {
    await scene.ask({ as: scene.stage.keys.callers[2]!, method: 'POST', path: `/v1/threads/${thread.id}/close` });
  }
}
