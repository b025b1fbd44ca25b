/** The journal of hand-overs: one line for everything a sender tried, written before the sender gets its answer. */

import { closeSync, createReadStream, existsSync, fstatSync, mkdirSync, openSync, readSync, truncateSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';

/** Entries kept in memory; older ones are in the file alone. */
const CAPACITY = 200_000;
/** Longer than any line we write, so that the end of the last whole line is always in it. */
const TAIL_BYTES = 1024 * 1024;

/** What the sender was told: `dropped` a closed line, `hung` nothing at all, `garbled` something that is no answer. */
export type Outcome = 'accepted' | 'refused' | 'dropped' | 'hung' | 'garbled';

export interface JournalEntry {
  seq: number;
  at: string;
  channel: 'email' | 'whatsapp';
  /** The mail's Message-ID as on the wire; null for WhatsApp, and where the message did not get that far. */
  messageId: string | null;
  /** `biz_opaque_callback_data`. */
  opaqueId: string | null;
  /** Our id for the WhatsApp message. */
  wamid: string | null;
  /** MAIL FROM, or the phone number id. */
  sender: string;
  /** ENVID of MAIL FROM (RFC 3461). */
  envelopeId: string | null;
  /** The envelope's recipients: addresses in lower case, WhatsApp ids. */
  recipients: string[];
  /** Mail: of the raw bytes without Received fields. WhatsApp: of the body without the opaque id. */
  contentSha256: string | null;
  outcome: Outcome;
  /** The refusal as it was told (`550 5.1.1`, `429 130429`). */
  code: string | null;
  /** The whole message reached us and we took it, whatever the sender was told. */
  handedOver: boolean;
}

/** All given fields must hold; `since` is the last seq already seen, `recipient` any one of the envelope's. */
export interface JournalFilter {
  since?: number | undefined;
  channel?: JournalEntry['channel'] | undefined;
  messageId?: string | undefined;
  opaqueId?: string | undefined;
  wamid?: string | undefined;
  recipient?: string | undefined;
  handedOver?: boolean | undefined;
}

export interface Journal {
  /** In the file when it returns; throws what the file system says. */
  append(fact: Omit<JournalEntry, 'seq' | 'at'>): JournalEntry;
  /** Oldest first. */
  list(filter?: JournalFilter): JournalEntry[];
  /** How often a message (Message-ID, else content hash) was tried for a recipient since the last `forgetTries`. */
  tries(key: string, recipient: string): number;
  /** Makes every message a first try again; the entries stay. */
  forgetTries(): void;
  lastSeq(): number;
  /** The first seq in memory: what is older is in the file alone. */
  oldestSeq(): number;
  close(): void;
}

/** Reads an existing file back, so that numbers and tries go on where they stopped; throws when the file is no journal. */
export async function createJournal(options: { file?: string | undefined; capacity?: number | undefined } = {}): Promise<Journal> {
  const capacity = options.capacity ?? CAPACITY;
  const tries = new Map<string, number>();
  const entries: JournalEntry[] = [];
  let lastSeq = 0;

  function keep(entry: JournalEntry): void {
    entries.push(entry);
    lastSeq = entry.seq;
    for (const key of tryKeys(entry)) tries.set(key, (tries.get(key) ?? 0) + 1);
    if (entries.length > capacity) entries.splice(0, Math.ceil(capacity / 10)).forEach(forget);
  }

  function forget(entry: JournalEntry): void {
    for (const key of tryKeys(entry)) {
      const left = (tries.get(key) ?? 0) - 1;
      if (left > 0) tries.set(key, left);
      else tries.delete(key);
    }
  }

  const { file } = options;
  if (file !== undefined && existsSync(file)) {
    for await (const entry of readEntries(file)) keep(entry);
  }
  const fd = file === undefined ? null : openFile(file);

  return {
    append: (fact) => {
      const entry: JournalEntry = { seq: lastSeq + 1, at: new Date().toISOString(), ...fact };
      if (fd !== null) writeSync(fd, `${JSON.stringify(entry)}\n`);
      keep(entry);
      return entry;
    },
    list: (filter = {}) => entries.filter((entry) => matches(entry, filter)),
    tries: (key, recipient) => tries.get(tryKey(key, recipient)) ?? 0,
    forgetTries: () => tries.clear(),
    lastSeq: () => lastSeq,
    oldestSeq: () => entries[0]?.seq ?? lastSeq + 1,
    close: () => {
      if (fd !== null) closeSync(fd);
    },
  };
}

const tryKey = (key: string, recipient: string): string => `${key}\n${recipient}`;

function tryKeys(entry: JournalEntry): string[] {
  const key = entry.messageId ?? entry.contentSha256;
  return key === null ? [] : entry.recipients.map((recipient) => tryKey(key, recipient));
}

function matches(entry: JournalEntry, filter: JournalFilter): boolean {
  const wanted = filter.recipient?.toLowerCase();
  return (
    (filter.since === undefined || entry.seq > filter.since) &&
    (filter.channel === undefined || entry.channel === filter.channel) &&
    (filter.messageId === undefined || bare(entry.messageId) === bare(filter.messageId)) &&
    (filter.opaqueId === undefined || entry.opaqueId === filter.opaqueId) &&
    (filter.wamid === undefined || entry.wamid === filter.wamid) &&
    (wanted === undefined || entry.recipients.some((one) => one.toLowerCase() === wanted || `+${one}` === wanted)) &&
    (filter.handedOver === undefined || entry.handedOver === filter.handedOver)
  );
}

/** A Message-ID may be asked for with or without its angle brackets. */
const bare = (id: string | null): string | null => id?.replace(/^<|>$/g, '') ?? null;

function openFile(file: string): number {
  mkdirSync(dirname(file), { recursive: true });
  return openSync(file, 'a');
}

/** Cuts off a last line that a kill left unfinished: its sender was never answered. A file that is no journal is left as it is. */
async function* readEntries(file: string): AsyncGenerator<JournalEntry> {
  const { end, torn } = findEnd(file);
  let lineNumber = 0;
  const whole = end === 0 ? [] : createInterface({ input: createReadStream(file, { end: end - 1 }), crlfDelay: Infinity });
  for await (const line of whole) {
    lineNumber += 1;
    const entry = parseEntry(line);
    if (!entry) throw notAJournal(file, lineNumber);
    yield entry;
  }
  if (!'{"seq":'.startsWith(torn.slice(0, 7))) throw notAJournal(file, lineNumber + 1);
  truncateSync(file, end);
}

/** Where the last whole line ends, and what stands behind it. */
function findEnd(file: string): { end: number; torn: string } {
  const fd = openSync(file, 'r');
  const { size } = fstatSync(fd);
  const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
  readSync(fd, tail, 0, tail.length, size - tail.length);
  closeSync(fd);
  const afterLast = tail.lastIndexOf('\n') + 1;
  return { end: size - tail.length + afterLast, torn: tail.toString('utf8', afterLast) };
}

function notAJournal(file: string, line: number): Error {
  return new Error(`${file} is not a sandbox journal (line ${line}): name another file or move this one away.`);
}

function parseEntry(line: string): JournalEntry | null {
  try {
    const entry = JSON.parse(line) as JournalEntry;
    return Number.isInteger(entry.seq) && Array.isArray(entry.recipients) ? entry : null;
  } catch {
    return null;
  }
}
