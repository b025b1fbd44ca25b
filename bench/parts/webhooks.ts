/** How fast a provider's webhooks are answered and how soon they are applied: Meta's statuses and inbound messages, signed. */

import { createHmac } from 'node:crypto';
import postgres from 'postgres';
import { enter, type Entrant } from '../contestants/entrant.js';
import { houseOf } from '../contestants/waybill.js';
import { nowMs } from '../measure/clock.js';
import { quantile, sum } from '../measure/figures.js';
import { type Answer, type Call, send, sendAll, sendPaced } from '../measure/load.js';
import { cpuEach, readCpu } from '../measure/round.js';
import { figure } from '../report.js';
import { requireUntil } from '../stack/processes.js';
import { onStack, type Stack } from '../stack/stack.js';
import { type Bench, participants } from './part.js';

const secret = 'an-app-secret-of-the-bench';
const phoneNumberId = '1555010000';
const writers = 500;
const warmUpCount = 200;
const appliedMs = 300_000;

const kinds = ['receipts', 'inbound messages'] as const;
type Kind = (typeof kinds)[number];

export async function webhooks(bench: Bench): Promise<void> {
  const { settings, report, note } = bench;
  const { webhooks: count, callers, paceSeconds } = settings;
  // A provider sends three statuses for each message that goes out.
  const perSecond = settings.pace * 3;
  const rows: string[][] = [];
  for (const contestant of participants(bench, ['queued'])) {
    await onStack(settings, async (stack) => {
      const entrant = await enter(stack, contestant);
      const { admin } = houseOf(stack, entrant);
      const channel = await admin.createChannel({
        type: 'whatsapp',
        provider: 'meta_cloud',
        name: 'WhatsApp',
        config: { phoneNumberId, accessToken: 'none', appSecrets: [secret], verifyToken: 'verify-the-bench', baseUrl: 'http://127.0.0.1:9' },
      });
      const sql = postgres(stack.postgres.url(entrant.database), { max: 1 });
      let posted = 0;
      const post = (kind: Kind, dueAt?: number): Promise<Answer> => send(callOf(`${entrant.urls[0]!}/webhooks/${channel.id}`, kind, posted++), dueAt);
      for (const kind of kinds) {
        note(`webhooks: ${kind}`);
        await sendAll(warmUpCount, callers, () => post(kind));
        await untilApplied(sql);
        rows.push([
          `${contestant.title}: ${kind}`,
          ...(await atFullSpeed(stack, entrant, sql, count, callers, () => post(kind))),
          ...(await atPace(sql, perSecond, paceSeconds, (dueAt) => post(kind, dueAt))),
        ]);
      }
      await sql.end();
      await entrant.end();
    });
  }
  report.heading(`Webhooks: ${count} posts from ${callers} callers, then ${perSecond} a second for ${paceSeconds} s; milliseconds`);
  report.table(
    ['', 'answered/s', 'applied/s', 'CPU-ms each: own + Postgres', 'refused', 'answer p50', 'p99', 'most', 'received to applied p50', 'p99', 'refused'],
    rows,
  );
}

async function atFullSpeed(stack: Stack, entrant: Entrant, sql: postgres.Sql, count: number, callers: number, post: () => Promise<Answer>): Promise<string[]> {
  const cpuBefore = readCpu(stack, entrant);
  const begun = nowMs();
  const answers = await sendAll(count, callers, post);
  const answered = nowMs() - begun;
  await untilApplied(sql);
  const applied = nowMs() - begun;
  const cpu = cpuEach(cpuBefore, readCpu(stack, entrant), count);
  return [figure((count * 1_000) / answered), figure((count * 1_000) / applied), figure(sum(Object.values(cpu.own)) + cpu.postgres), refused(answers)];
}

async function atPace(sql: postgres.Sql, perSecond: number, seconds: number, post: (dueAt: number) => Promise<Answer>): Promise<string[]> {
  const [begun] = await sql<{ now: Date }[]>`select now()`;
  const answers = await sendPaced({ perSecond, seconds }, (_, dueAt) => post(dueAt));
  await untilApplied(sql);
  const waits = answers.map(({ answeredAt, dueAt }) => answeredAt - dueAt);
  const applied = await sql<{ ms: number }[]>`
    select extract(epoch from applied_at - received_at)::float8 * 1000 as ms from inbox where received_at >= ${begun!.now}`;
  const lags = applied.map(({ ms }) => ms);
  return [quantile(waits, 0.5), quantile(waits, 0.99), quantile(waits, 1), quantile(lags, 0.5), quantile(lags, 0.99)].map(figure).concat(refused(answers));
}

/** As the guide for operators says it: rows of the inbox that are not applied yet. */
async function untilApplied(sql: postgres.Sql): Promise<void> {
  const none = async (): Promise<boolean> => (await sql`select 1 from inbox where applied_at is null limit 1`).length === 0;
  await requireUntil('the inbox to be applied', none, appliedMs, 50);
}

function refused(answers: readonly Answer[]): string {
  return `${answers.filter(({ status }) => status !== 200).length} of ${answers.length}`;
}

function callOf(url: string, kind: Kind, index: number): Call {
  const value = { messaging_product: 'whatsapp', metadata: { display_phone_number: '15550100000', phone_number_id: phoneNumberId }, ...itemOf(kind, index) };
  const body = JSON.stringify({ object: 'whatsapp_business_account', entry: [{ id: '102290129340398', changes: [{ field: 'messages', value }] }] });
  const signature = createHmac('sha256', secret).update(body).digest('hex');
  return { method: 'POST', url, headers: { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${signature}` }, body };
}

function itemOf(kind: Kind, index: number): object {
  const timestamp = String(Math.floor(Date.now() / 1_000));
  // Numbers that are kept for fiction.
  const from = `1${201 + Math.floor((index % writers) / 100)}55501${String(index % 100).padStart(2, '0')}`;
  if (kind === 'inbound messages') {
    const contacts = [{ profile: { name: 'A writer' }, wa_id: from }];
    return { contacts, messages: [{ from, id: `wamid.in.${index}`, timestamp, type: 'text', text: { body: 'Is my order ready?' } }] };
  }
  const status = (['sent', 'delivered', 'read'] as const)[index % 3];
  return { statuses: [{ id: `wamid.out.${Math.floor(index / 3)}`, recipient_id: from, status, timestamp }] };
}
