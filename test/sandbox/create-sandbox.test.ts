import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { createSandbox } from '../../sandbox/create-sandbox.js';
import { sendMail, sendWhatsApp, startSandbox, textMessage, until } from './support.js';

const program = fileURLToPath(new URL('../../dist/bin/sandbox.js', import.meta.url));

function run(env: Record<string, string>): { child: ChildProcess; output: { out: string; err: string } } {
  const child = spawn(process.execPath, [program], { env: { ...process.env, NODE_OPTIONS: '', ...env } });
  const output = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.err += chunk.toString()));
  return { child, output };
}

test('closing cuts senders that wait: they get no answer, and what they sent stays in the journal', async () => {
  const sandbox = await startSandbox();
  await sandbox.call('POST', '/control/faults', { channel: 'whatsapp', do: { hangMs: 60_000 } });
  const waiting = [sendMail(sandbox, 'hang@example.test', { timeoutMs: 60_000 }), sendWhatsApp(sandbox, textMessage('15550001111'))] as const;
  await until(() => sandbox.journal.lastSeq() === 2);
  await sandbox.close();
  await sandbox.close();
  expect(await waiting[0]).toMatchObject({ ok: false, code: undefined });
  expect(await waiting[1]).toBeNull();
  expect(sandbox.journal.list({ handedOver: true })).toHaveLength(2);
});

test('a taken port rejects and leaves nothing open', async () => {
  const first = await createSandbox();
  await expect(createSandbox({ smtpPort: first.smtpPort })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await expect(createSandbox({ httpPort: first.httpPort })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await first.close();
});

test('the program prints its ports, keeps its journal in the file and ends on SIGTERM', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sandbox-program-'));
  const journal = join(folder, 'journal.jsonl');
  const { child, output } = run({ WAYBILL_SANDBOX_PORT: '0', WAYBILL_SANDBOX_SMTP_PORT: '0', WAYBILL_SANDBOX_JOURNAL: journal });
  const ended = once(child, 'exit');
  try {
    await until(() => output.out.includes('\n'));
    const ready = JSON.parse(output.out) as { sandbox: string; httpPort: number; smtpPort: number };
    expect(ready).toEqual({ sandbox: 'ready', httpPort: expect.any(Number), smtpPort: expect.any(Number) });
    const health = await fetch(`http://127.0.0.1:${ready.httpPort}/healthz`);
    expect(health.status).toBe(200);
    expect(await sendMail({ ...ready } as never, 'anna@example.test')).toMatchObject({ ok: true });
    expect(JSON.parse(await readFile(journal, 'utf8'))).toMatchObject({ seq: 1, recipients: ['anna@example.test'] });

    const second = run({ WAYBILL_SANDBOX_PORT: String(ready.httpPort), WAYBILL_SANDBOX_SMTP_PORT: '0' });
    expect(await once(second.child, 'exit')).toEqual([1, null]);
    expect(second.output.err).toMatch(`Port ${ready.httpPort} on 127.0.0.1 is taken`);
  } finally {
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    await rm(folder, { recursive: true });
  }
});

test('a port that is none is told in one sentence', async () => {
  const { child, output } = run({ WAYBILL_SANDBOX_PORT: 'http' });
  expect(await once(child, 'exit')).toEqual([1, null]);
  expect(output.err.trim()).toBe('WAYBILL_SANDBOX_PORT is not a port: set it to a number from 0 to 65535.');
});
