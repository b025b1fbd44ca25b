/** One message through the public API, followed live: its timeline, and the mail as the sandbox received it. */

import { randomUUID } from 'node:crypto';
import type { Up } from './start-stack.js';
import type { Step } from './start.js';

const followMs = 60_000;
const recipient = 'sample@example.test';

interface TimelineEvent {
  type: string;
  at: string;
  data: Record<string, unknown>;
}

interface Mail {
  messageId: string | null;
  from: { address?: string; name?: string } | null;
  to: { address?: string }[];
  subject: string | null;
  text: string | null;
}

/** Returns the state in which the dispatch ended. Rejects when the API refuses the message or it does not end in time. */
export async function sendSample(up: Up, step: Step): Promise<string> {
  const key = up.keys?.serviceKey ?? (await logIn(up.apiUrl));
  const { id, events, state } = await step('A sample message', async (say) => {
    say('submitted');
    const submitted = await submit(up.apiUrl, key);
    say(`dispatch ${submitted.id}`);
    const followed = await follow(`${up.apiUrl}/v1/dispatches/${submitted.id}/events`, key);
    say(`dispatch ${submitted.id}, ${followed.state}`);
    return { id: submitted.id, ...followed };
  });
  const [mail] = ((await askJson(`${up.sandboxUrl}/control/mails?to=${recipient}&limit=1`)) as { mails: Mail[] }).mails;
  tell(events, state, mail ?? null);
  const { temporalUrl } = (await askJson(`${up.apiUrl}/v1/dispatches/${id}`, key)) as { temporalUrl: string | null };
  if (temporalUrl !== null) console.log(`\n  The same in Temporal Web: ${temporalUrl}`);
  return state;
}

/** Where the database was not seeded from this data folder, the development login lends a key. */
async function logIn(apiUrl: string): Promise<string> {
  const answer = (await askJson(`${apiUrl}/v1/dev-login`, undefined, { role: 'supervisor' })) as { key: string };
  return answer.key;
}

async function submit(apiUrl: string, key: string): Promise<{ id: string }> {
  const body = {
    to: { email: recipient },
    content: { kind: 'text', subject: 'Your order 1042 is ready', text: 'Good morning, your order 1042 is ready for collection.' },
  };
  return (await askJson(`${apiUrl}/v1/dispatches`, key, body, { 'idempotency-key': `sample-${randomUUID()}` })) as { id: string };
}

/** Reads the live timeline until the dispatch ends. */
async function follow(url: string, key: string): Promise<{ events: TimelineEvent[]; state: string }> {
  const answer = await fetch(url, { headers: { authorization: `Bearer ${key}`, accept: 'text/event-stream' }, signal: AbortSignal.timeout(followMs) });
  if (!answer.ok || answer.body === null) throw new Error(`The live timeline of the sample message could not be read: ${answer.status}.`);
  const events: TimelineEvent[] = [];
  let unread = '';
  for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (unread + chunk).split('\n\n');
    unread = blocks.pop() ?? '';
    for (const block of blocks) {
      const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, 'm').exec(block)?.[1];
      const data = field('data');
      if (data === undefined) continue;
      if (field('event') === 'end') return { events, state: (JSON.parse(data) as { state: string }).state };
      events.push(JSON.parse(data) as TimelineEvent);
    }
  }
  throw new Error('The live timeline of the sample message ended before the dispatch did.');
}

async function askJson(url: string, key?: string, body?: object, headers: Record<string, string> = {}): Promise<unknown> {
  const answer = await fetch(url, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      ...headers,
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    signal: AbortSignal.timeout(15_000),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${new URL(url).pathname} answered ${answer.status}: ${text.slice(0, 500)}`);
  return JSON.parse(text);
}

function tell(events: TimelineEvent[], state: string, mail: Mail | null): void {
  const line = ({ at, type, data }: TimelineEvent) =>
    `    ${at.slice(11, 23)}  ${type.padEnd(24)} ${Object.entries(data)
      .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
      .join(' ')}`;
  console.log(`\n  Its timeline\n\n${events.map((event) => line(event).trimEnd()).join('\n')}\n    ends: ${state}`);
  if (mail === null) return;
  const headers = [
    ['From', `${mail.from?.name ?? ''} <${mail.from?.address ?? ''}>`.trim()],
    ['To', mail.to.map((one) => one.address).join(', ')],
    ['Subject', mail.subject ?? ''],
    ['Message-ID', mail.messageId ?? ''],
  ];
  console.log(
    `\n  The mail as the sandbox received it\n\n${headers.map(([name, value]) => `    ${name}: ${value}`).join('\n')}\n\n${(mail.text ?? '').trim().replace(/^/gm, '    ')}`,
  );
}
