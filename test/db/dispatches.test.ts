import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eq } from 'drizzle-orm';
import { recordVerdict } from '../../db/dispatches.js';
import * as schema from '../../db/schema/index.js';
import { addRevision, submitDispatch } from '../../db/submit.js';
import type { Content } from '../../domain/content.js';
import type { Verdict } from '../../domain/eligibility.js';
import { newDispatch } from '../support/new-dispatch.js';
import { createTestDatabase, type TestDatabase } from '../support/stack.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => await database?.drop());

const verdict: Verdict = { allowed: true, refusals: [], warnings: [], candidates: [], channelId: null, contactPointId: null, ask: false };
const template: Content = { kind: 'template', templateId: '0199c0de-0000-7000-8000-000000000003', variables: { name: 'CANARY-NAME' } };

async function accepted(): Promise<string> {
  const made = await submitDispatch(database.handle.db, newDispatch());
  if (made.kind !== 'created') throw new Error(made.kind);
  return made.dispatchId;
}
const revise = (dispatchId: string, content: Content, createdBy: string) =>
  addRevision(database.handle.db, dispatchId, { ...newDispatch().revision, content, templateVersion: 1, createdBy });

/** A check of this revision is recorded, from facts as they are now or as they were; whether it was. */
async function check(dispatchId: string, revision: number, asOf?: string): Promise<boolean> {
  const { db } = database.handle;
  const facts = await db.execute<{ updated_at: string }>(`select updated_at::text from dispatches where id = '${dispatchId}'`);
  return await recordVerdict(db, { dispatchId, revision, verdict, asOf: asOf ?? facts[0]!.updated_at, choice: null });
}
async function timelineOf(dispatchId: string): Promise<{ type: string; data: Record<string, unknown> }[]> {
  const { type, data } = schema.events;
  return await database.handle.db.select({ type, data }).from(schema.events).where(eq(schema.events.dispatchId, dispatchId)).orderBy(schema.events.seq);
}

test('R68 R101 the timeline tells which template came into force and who gave it, once, and none of its content', async () => {
  const dispatchId = await accepted();
  await check(dispatchId, 1);
  const revision = await revise(dispatchId, template, 'anna');
  await check(dispatchId, revision);
  await check(dispatchId, revision);
  const timeline = await timelineOf(dispatchId);
  expect(timeline.map((one) => one.type)).toEqual([
    'dispatch.accepted',
    'eligibility.checked',
    'template.provided',
    'eligibility.checked',
    'eligibility.checked',
  ]);
  expect(timeline[2]!.data).toEqual({ templateId: template.templateId, revision, by: 'anna' });
  expect(JSON.stringify(timeline)).not.toContain('CANARY');
});

test('R101 a revision that takes the template over tells of none, nor does one that never came into force, nor a check that comes late', async () => {
  const dispatchId = await accepted();
  await check(dispatchId, 1);
  expect(await check(dispatchId, await revise(dispatchId, template, 'anna'), '2020-01-01T00:00:00Z')).toBe(false);
  const again = await revise(dispatchId, template, 'ben');
  await check(dispatchId, again);
  await check(dispatchId, await revise(dispatchId, template, 'carla'));
  const told = (await timelineOf(dispatchId)).filter((one) => one.type === 'template.provided');
  expect(told.map((one) => one.data)).toEqual([{ templateId: template.templateId, revision: again, by: 'ben' }]);
});
