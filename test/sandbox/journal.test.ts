import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createJournal, type JournalEntry } from '../../sandbox/journal.js';
import { sendMail, sendWhatsApp, startSandbox, textMessage } from './support.js';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sandbox-journal-'));
  file = join(folder, 'new', 'journal.jsonl');
});
afterEach(() => rm(folder, { recursive: true }));

const fact: Omit<JournalEntry, 'seq' | 'at'> = {
  channel: 'email',
  messageId: '<m@example.test>',
  opaqueId: null,
  wamid: null,
  sender: 'desk@example.test',
  envelopeId: null,
  recipients: ['anna@example.test'],
  contentSha256: 'aa',
  outcome: 'accepted',
  code: null,
  handedOver: true,
};

test('the journal, its numbers and what was tried survive a restart of the sandbox', async () => {
  const first = await startSandbox({ journalFile: file });
  await sendMail(first, 'busy-2@example.test', { messageId: '<again@example.test>' });
  await sendWhatsApp(first, textMessage('15550000001', 'Hello', 'attempt-1'));
  await first.close();
  const second = await startSandbox({ journalFile: file });
  try {
    expect(await sendMail(second, 'busy-2@example.test', { messageId: '<again@example.test>' })).toMatchObject({ code: 451 });
    expect(await sendMail(second, 'busy-2@example.test', { messageId: '<again@example.test>' })).toMatchObject({ ok: true });
    expect(await sendWhatsApp(second, textMessage('15550000001', 'Hello', 'attempt-2'))).toMatchObject({ status: 200 });
    const { body } = await second.call('GET', '/control/journal?since=1&handedOver=true');
    expect(body.entries.map((one: JournalEntry) => [one.seq, one.channel, one.outcome])).toEqual([
      [2, 'whatsapp', 'dropped'],
      [4, 'email', 'accepted'],
      [5, 'whatsapp', 'accepted'],
    ]);
    const lines = (await readFile(file, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toEqual(second.journal.list());
  } finally {
    await second.close();
  }
});

test('an entry is in the file when append returns', async () => {
  const journal = await createJournal({ file });
  const entry = journal.append(fact);
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(entry);
  journal.close();
});

test('a line that a kill left unfinished is cut off', async () => {
  const before = await createJournal({ file });
  before.append(fact);
  before.close();
  await appendFile(file, '{"seq":2,"at":"2026-');
  const after = await createJournal({ file });
  expect(after.append(fact).seq).toBe(2);
  after.close();
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as JournalEntry).seq)).toEqual([1, 2]);
});

test.each(['a letter\nto a friend\n', 'a letter'])('a file that is no journal is refused and left as it is', async (content) => {
  const letter = join(folder, 'letter.txt');
  await writeFile(letter, content);
  await expect(createJournal({ file: letter })).rejects.toThrow('is not a sandbox journal (line 1)');
  expect(await readFile(letter, 'utf8')).toBe(content);
});

test('filters hold together, and memory is bounded', async () => {
  const journal = await createJournal({ file, capacity: 10 });
  for (let i = 0; i < 11; i += 1) journal.append({ ...fact, messageId: i % 2 ? '<odd@example.test>' : '<even@example.test>', handedOver: i > 5 });
  expect(journal.list().map((entry) => entry.seq)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  expect([journal.oldestSeq(), journal.lastSeq()]).toEqual([2, 11]);
  expect(journal.list({ messageId: 'odd@example.test', handedOver: true, since: 8 }).map((entry) => entry.seq)).toEqual([10]);
  expect(journal.list({ recipient: 'ANNA@example.test', channel: 'whatsapp' })).toEqual([]);
  expect(journal.tries('<even@example.test>', 'anna@example.test')).toBe(5);
  journal.forgetTries();
  expect(journal.tries('<even@example.test>', 'anna@example.test')).toBe(0);
  journal.close();
  expect((await readFile(file, 'utf8')).trim().split('\n')).toHaveLength(11);
});

test('the journal is read in pages, a filter it does not know is refused', async () => {
  const sandbox = await startSandbox();
  try {
    for (const body of ['A', 'B', 'C']) await sendWhatsApp(sandbox, textMessage('15550001111', body));
    expect((await sandbox.call('GET', '/control/journal?limit=2')).body).toMatchObject({
      entries: [{ seq: 1 }, { seq: 2 }],
      more: true,
      lastSeq: 3,
      oldestSeq: 1,
    });
    expect((await sandbox.call('GET', '/control/journal?since=2')).body).toMatchObject({ entries: [{ seq: 3 }], more: false });
    expect((await sandbox.call('GET', '/control/journal/count?recipient=%2B15550001111')).body.count).toBe(3);
    expect((await sandbox.call('GET', '/control/journal?handedOver=perhaps')).status).toBe(400);
    expect((await sandbox.call('GET', '/control/journal?sender=x')).status).toBe(400);
  } finally {
    await sandbox.close();
  }
});
