import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/common';
import { eq } from 'drizzle-orm';
import { leaveSignal } from '../../db/outbox.js';
import * as schema from '../../db/schema/index.js';
import { submitDispatch } from '../../db/submit.js';
import { carryOutbox } from '../../relay/outbox.js';
import { newDispatch } from '../support/new-dispatch.js';
import { createTestDatabase, type TestDatabase } from '../support/stack.js';

/** Plays Temporal: which runs there are, what they were told, and whether it answers at all. */
class FakeTemporal {
  runs = new Set<string>();
  signals: string[] = [];
  away = false;
  withDeadline = <R>(_deadline: number, call: () => Promise<R>): Promise<R> => call();
  workflow = {
    start: async (type: string, { workflowId }: { workflowId: string }) => {
      this.answer();
      if (this.runs.has(workflowId)) throw new WorkflowExecutionAlreadyStartedError('there is one', workflowId, type);
      this.runs.add(workflowId);
      return { firstExecutionRunId: `run-of-${workflowId}` };
    },
    getHandle: (workflowId: string) => ({
      signal: async ({ name }: { name: string }) => {
        this.answer();
        if (!this.runs.has(workflowId)) throw new WorkflowNotFoundError('there is none', workflowId, undefined);
        this.signals.push(name);
      },
      describe: async () => ({ runId: `run-of-${workflowId}` }),
    }),
  };

  private answer(): void {
    if (this.away) throw new Error('14 UNAVAILABLE');
  }
}

let database: TestDatabase;
let temporal: FakeTemporal;
let dispatchId: string;

beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(async () => {
  await database.handle.db.delete(schema.outbox);
  temporal = new FakeTemporal();
  dispatchId = await submit();
});
afterAll(async () => await database?.drop());

async function submit(): Promise<string> {
  const submission = await submitDispatch(database.handle.db, newDispatch());
  if (submission.kind !== 'created') throw new Error(submission.kind);
  return submission.dispatchId;
}

/** One round in which every row is due; what is left in the outbox. */
async function round(): Promise<string[]> {
  const { db } = database.handle;
  await db.update(schema.outbox).set({ leasedUntil: new Date(0) });
  const log = { info: () => {}, warn: () => {} };
  await carryOutbox({ handle: database.handle, temporal: temporal as never, taskQueue: 'test', apiUrl: 'http://api.test', log });
  return (await db.select().from(schema.outbox).orderBy(schema.outbox.id)).map((row) => row.kind);
}

async function runIdOf(id: string): Promise<string | null> {
  const [row] = await database.handle.db.select().from(schema.dispatches).where(eq(schema.dispatches.id, id));
  return row!.runId;
}

test('H4 a start that cannot be made stays in the outbox, and is made when its turn comes again', async () => {
  temporal.away = true;
  expect(await round()).toEqual(['start']);
  temporal.away = false;
  expect(await round()).toEqual([]);
  expect([...temporal.runs]).toEqual([`dispatch/${dispatchId}`]);
  expect(await runIdOf(dispatchId)).toBe(`run-of-dispatch/${dispatchId}`);
});

test('H4 a run that was started already is success: its order is done', async () => {
  temporal.runs.add(`dispatch/${dispatchId}`);
  expect(await round()).toEqual([]);
  expect(await runIdOf(dispatchId)).toBe(`run-of-dispatch/${dispatchId}`);
});

test('H4 H7 a signal waits for the start of its run, and then arrives', async () => {
  await leaveSignal(database.handle.db, dispatchId, 'receipt');
  const start = temporal.workflow.start;
  temporal.workflow.start = () => Promise.reject(new Error('14 UNAVAILABLE'));
  expect(await round()).toEqual(['start', 'receipt']);
  temporal.workflow.start = start;
  await round();
  expect(await round()).toEqual([]);
  expect(temporal.signals).toEqual(['receipt']);
});

test('H7 a signal that Temporal does not take stays; one for a run that is over is done with', async () => {
  await round();
  await leaveSignal(database.handle.db, dispatchId, 'client_wrote');
  temporal.away = true;
  expect(await round()).toEqual(['client_wrote']);
  temporal.away = false;
  temporal.runs.clear();
  expect(await round()).toEqual([]);
  expect(temporal.signals).toEqual([]);
});
