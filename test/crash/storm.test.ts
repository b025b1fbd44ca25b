import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { sql } from 'drizzle-orm';
import * as schema from '../../db/schema/index.js';
import { isEndState } from '../../domain/dispatch.js';
import { resolveOutcome } from '../../workflows/dispatch-message.contract.js';
import { runOf } from '../support/house.js';
import { describeWithTemporal, type TestProcess, until } from '../support/stack.js';
import { buildCrashHouse, type CrashHouse, cutOff, nextFault, patientLadder, submitChat, submitMail, tryToSay } from './cut-off.js';
import { judge, readAccounts } from './judge.js';

/** Faults of the provider that the dispatches meet on top, in turn. */
const faults = {
  email: [null, { delayMs: 400 }, { reply: '451 4.7.1 busy' }, { drop: 'after' }, { drop: 'before' }],
  whatsapp: [null, { delayMs: 400 }, { status: 429, code: 130429 }, { drop: 'after' }],
};
const dispatchCount = 40;
const lives = 4;
/** A dispatch makes eight visits at least, so that every life comes to its end. */
const mostVisits = 80;

describeWithTemporal('workers fall at moments that nobody chose', () => {
  let crash: CrashHouse;
  beforeAll(async () => {
    crash = await buildCrashHouse({ ladder: patientLadder, retry: { deadlineMs: 300_000, initialMs: 200, maximumMs: 1_000 } });
  });
  afterAll(async () => await crash?.house.tear());

  test('H1 H2 H3 H11 I1 killed, frozen and cut off from the database at any checkpoint, under faults of the providers: the journal and the ledger agree', async () => {
    const { house } = crash;
    for (let i = 0; i < dispatchCount; i++) {
      const channel = i % 2 === 0 ? ('email' as const) : ('whatsapp' as const);
      const fault = faults[channel][Math.floor(i / 2) % faults[channel].length];
      const before = async (recipient: string): Promise<void> => {
        if (fault) await nextFault(house, channel, recipient, fault);
      };
      await (channel === 'email' ? submitMail(crash, {}, before) : submitChat(crash, {}, before));
    }
    const frozen: TestProcess[] = [];
    const happened: string[] = [];
    for (let life = 0; life < lives; life++) {
      const what = (['SIGKILL', 'SIGSTOP', 'connections'] as const)[randomInt(3)]!;
      const visit = randomInt(1, mostVisits);
      happened.push(`${what} at visit ${visit}`);
      const worker = await cutOff(house, what === 'SIGKILL' ? 'SIGKILL' : 'SIGSTOP', [], {}, visit);
      if (what === 'SIGSTOP') frozen.push(worker);
      if (what !== 'connections') continue;
      await house.db.execute(
        sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'waybill-worker'`,
      );
      worker.signal('SIGCONT');
      await worker.kill('SIGTERM');
    }
    const last = await house.startWorker();
    for (const worker of frozen) worker.signal('SIGCONT');
    const rows = () => house.db.select().from(schema.dispatches);
    await until(async () => (await rows()).every((row) => isEndState(row.state) || row.waitingFor === 'outcome'), {
      deadlineMs: 120_000,
      what: `every dispatch to end or to wait for its outcome, after ${happened.join(', ')}`,
    });
    expect({ happened, wrong: await judge(house, { runs: false }) }).toEqual({ happened, wrong: [] });
    // What is sent again may meet its provider's fault, and be in doubt once more; what a late worker knows settles a doubt before it is said.
    const decided = async (): Promise<boolean> => {
      for (const [dispatchId, { row, handedOver }] of await readAccounts(house)) {
        if (row.waitingFor !== 'outcome') continue;
        await tryToSay(house, dispatchId, resolveOutcome, { outcome: handedOver.length > 0 ? 'sent' : 'not_sent', sendEpoch: 1, actorId: 'agent-1' });
      }
      return (await rows()).every((row) => isEndState(row.state));
    };
    await until(decided, { deadlineMs: 90_000, what: `every dispatch to end, after ${happened.join(', ')}` });
    const states = (await rows()).map((row) => row.state);
    expect({ happened, states: [...new Set(states)] }).toEqual({ happened, states: ['completed'] });
    for (const { id } of await rows()) await until(async () => (await runOf(house, id).describe()).status.name === 'COMPLETED', { what: 'the run to end' });
    expect({ happened, wrong: await judge(house) }).toEqual({ happened, wrong: [] });
    await Promise.all([last, ...frozen].map((worker) => worker.kill()));
  }, 300_000);
});
