import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eq } from 'drizzle-orm';
import { loadStart } from '../../db/outbox.js';
import * as schema from '../../db/schema/index.js';
import { chooseRecipient, dispatchStart, dispatchWorkflowType } from '../../workflows/dispatch-message.contract.js';
import { addClient, chat, find, freshPhone, openWindow, runOf, submit, untilEnded, untilWaiting } from '../support/house.js';
import { describeWithTemporal, type TestProcess, until } from '../support/stack.js';
import { buildCrashHouse, type CrashHouse, patientLadder, sayUntilTaken, submitChat, submitMail } from './cut-off.js';
import { judge } from './judge.js';

describeWithTemporal('runs are started and workers come and go', () => {
  let crash: CrashHouse;
  beforeAll(async () => {
    crash = await buildCrashHouse({ ladder: patientLadder });
  });
  afterAll(async () => await crash?.house.tear());

  const leave = async (...workers: TestProcess[]): Promise<void> => void (await Promise.all(workers.map((worker) => worker.kill())));

  test('H4 R113 two relays at once, and a start whose reply was lost: one run and one message each', async () => {
    const { house } = crash;
    const ids = (await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? submitMail(crash) : submitChat(crash))))).map((one) => one.dispatchId);
    const begun = ids.slice(0, 5);
    const runs = new Map<string, string>();
    for (const id of begun) {
      const options = dispatchStart(await loadStart(house.db, id), { taskQueue: house.env['WAYBILL_TASK_QUEUE']!, apiUrl: house.apiUrl });
      runs.set(id, (await house.temporal.workflow.start(dispatchWorkflowType, options)).firstExecutionRunId);
    }
    const workers = await Promise.all([house.startWorker(), house.startWorker()]);
    for (const id of ids) expect(await untilEnded(house, id)).toMatchObject({ state: 'completed', possibleDuplicate: false });
    for (const id of ids) await runOf(house, id).result();
    for (const id of begun) expect((await runOf(house, id).describe()).runId).toBe(runs.get(id));
    await until(async () => (await house.db.select().from(schema.outbox)).length === 0, { what: 'the outbox to be empty' });
    for (const id of ids) expect((await find(house, id)).runId).toBe((await runOf(house, id).describe()).runId);
    expect(await judge(house)).toEqual([]);
    await leave(...workers);
  });

  test('R93 H6 workers are killed while a dispatch waits for its recipient: the pick is made without them, and one message goes there', async () => {
    const { house, whatsapp } = crash;
    const phones = [freshPhone(), freshPhone()];
    const { clientId, points } = await addClient(
      house,
      phones.map((value) => ({ kind: 'phone' as const, value, selected: true })),
    );
    for (const point of points) await openWindow(house, whatsapp, point);
    const dispatchId = await submit(house, { clientId, channelId: whatsapp, content: chat(), disposition: { kind: 'close' } });
    const first = await house.startWorker();
    await untilWaiting(house, dispatchId, 'recipient');
    await leave(first);
    expect(phones.flatMap((phone) => house.handedOver({ recipient: phone }))).toEqual([]);
    const picked = sayUntilTaken(house, dispatchId, chooseRecipient, { contactPointId: points[1]!, actorId: 'agent-1' });
    const second = await house.startWorker();
    await picked;
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'completed' });
    expect(phones.map((phone) => house.handedOver({ recipient: phone }).length)).toEqual([0, 1]);
    await leave(second);
  });

  test('H8 R97 many dispatches to one client on two workers that are killed on the way: never two open threads, no second message', async () => {
    const { house, whatsapp } = crash;
    const phone = freshPhone();
    const { clientId, points } = await addClient(house, [{ kind: 'phone', value: phone }]);
    await openWindow(house, whatsapp, points[0]!);
    await house.db.insert(schema.transferTargets).values({ type: 'group', id: 'h8', name: 'H8' }).onConflictDoNothing();
    const disposition = { kind: 'transfer', target: { type: 'group', id: 'h8' } } as const;
    const ids = await Promise.all(
      Array.from({ length: 24 }, () => submit(house, { clientId, channelId: whatsapp, content: chat(), disposition, role: 'service' })),
    );
    const workers = await Promise.all([house.startWorker(), house.startWorker()]);
    let most = 0;
    const open = async (): Promise<number> =>
      (await house.db.select().from(schema.threads).where(eq(schema.threads.clientId, clientId))).filter((one) => one.status !== 'closed').length;
    await until(
      async () => {
        most = Math.max(most, await open());
        return most > 0;
      },
      { what: 'the first thread' },
    );
    await leave(workers[0]!);
    await until(
      async () => {
        most = Math.max(most, await open());
        const rows = await house.db
          .select({ state: schema.dispatches.state, endedAt: schema.dispatches.endedAt, waitingFor: schema.dispatches.waitingFor })
          .from(schema.dispatches)
          .where(eq(schema.dispatches.clientId, clientId));
        return rows.every((row) => row.endedAt !== null || row.waitingFor === 'outcome');
      },
      { deadlineMs: 120_000, what: 'every dispatch to end, or to wait for its outcome' },
    );
    expect(most).toBe(1);
    const rows = await Promise.all(ids.map((id) => find(house, id)));
    // The kill may leave one in doubt, which gives its thread back: then another may be sent as well.
    const kept = rows.filter((row) => row.state !== 'rejected');
    expect(kept.map((row) => row.waitingFor ?? row.state).toSorted()).toEqual(kept.length === 1 ? [expect.any(String)] : ['completed', 'outcome']);
    expect(house.handedOver({ recipient: phone }).length).toBeLessThanOrEqual(kept.length);
    const sending = await house.db.select().from(schema.attempts).where(eq(schema.attempts.state, 'sending'));
    expect(sending).toEqual([]);
    await leave(workers[1]!);
  });
});
