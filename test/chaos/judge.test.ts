import { describe, expect, test } from '@jest/globals';
import type { JournalEntry } from '../../sandbox/journal.js';
import type { Account, AttemptAccount, Dispatch } from './accounts.js';
import { openDiary } from './diary.js';
import type { Evidence } from './evidence.js';
import { judge } from './judge.js';
import type { Move } from './witness.js';

/** A campaign in which one message went by mail and one by WhatsApp, each once, and all was well. */
function allWell(): Evidence {
  const diary = openDiary();
  diary.submitted.set('mail', { key: 'mail', ids: new Set(['d-mail']), reuse: 422 });
  diary.submitted.set('chat', { key: 'chat', ids: new Set(['d-chat']), reuse: null });
  diary.picked.push({ dispatchId: 'd-mail', contactPointId: 'p-mail' });
  diary.inbound.push('wamid.in');
  diary.blocked.push({ clientId: 'c-chat', channelId: null });
  diary.edited.push({ templateId: 't', body: 'Dear {{ who }}, this is edit 1 text.' });
  diary.answers.set(202, 2);
  const vitals = [{ name: 'worker 1', megabytes: 200, handles: 50 }];
  return {
    accounts: [account('mail', 'email', 'canary1first@example.test'), account('chat', 'whatsapp', '12770001001')],
    strays: [],
    moves: [
      move('dispatch', 'd-mail', null, 'accepted'),
      move('dispatch', 'd-mail', 'accepted', 'checking'),
      move('attempt', 'a-mail', null, 'sending'),
      move('attempt', 'a-mail', 'sending', 'accepted'),
      move('message', 'd-chat', 'wired', 'delivered'),
      move('thread', 't-1', null, 'active', 'c-chat'),
      move('thread', 't-1', 'active', 'closed', 'c-chat'),
      move('thread', 't-2', null, 'active', 'c-chat'),
    ],
    keyed: ['d-mail', 'd-chat'],
    blocks: [{ clientId: 'c-chat', channelId: null, committedAt: new Date(10_000) }],
    threads: [['d-mail', 'd-chat']],
    inbound: new Map([['wamid.in', 1]]),
    templateTexts: new Map([['t/2', 'Dear {{ who }}, this is edit 1 text.']]),
    openThreadIndex: true,
    diary,
    reading: { mails: 1, broken: [] },
    outsider: { entries: 1, broken: [] },
    searched: { bytes: 10_000, found: [] },
    rest: { openRuns: 0, brokenRuns: 0, sending: 0, outbox: 0, inbox: 0, busyConnections: 0, before: vitals, after: vitals },
  };
}

let seq = 0;

function account(name: string, channel: JournalEntry['channel'], to: string): Account {
  const id = `d-${name}`;
  const copy = entry(channel, to);
  const attempt = {
    id: `a-${name}`,
    dispatchId: id,
    attemptNo: 1,
    revision: 1,
    state: 'accepted',
    verdict: {},
    startedAt: new Date(1_000),
    channelId: channel,
    to,
    copies: [copy],
    receipts: channel === 'whatsapp' ? [{ status: 'delivered' }] : [],
  } as unknown as AttemptAccount;
  const row = {
    id,
    clientId: `c-${name}`,
    state: 'completed',
    waitingFor: null,
    endReason: null,
    endedAt: new Date(5_000),
    possibleDuplicate: false,
    messageStatus: channel === 'whatsapp' ? 'delivered' : 'sent',
  } as Dispatch;
  const content = { kind: 'template' as const, templateId: 't' };
  const rendered = { subject: null, text: 'Dear canary1who, this is edit 1 text.', from: null, bcc: [], template: null };
  return {
    row,
    attempts: [attempt],
    copies: [copy],
    run: 'COMPLETED',
    chosen: `p-${name}`,
    revisions: [{ revision: 1, content, templateVersion: 2, rendered }],
  };
}

function entry(channel: JournalEntry['channel'], to: string, contentSha256 = 'same'): JournalEntry {
  seq += 1;
  return { seq, at: new Date(2_000).toISOString(), channel, recipients: [to], contentSha256, outcome: 'accepted', wamid: `wamid.${seq}` } as JournalEntry;
}

const move = (what: Move['what'], id: string, was: string | null, became: string, scope: string | null = null): Move => ({
  what,
  id,
  was,
  became,
  scope,
  at: '',
});

/** Another hand-over of the same content to the same address, in an attempt of its own. */
function handOverAgain({ attempts, copies, row }: Account, state: AttemptAccount['state'] = 'accepted', contentSha256?: string): void {
  const first = attempts[0]!;
  const copy = entry(copies[0]!.channel, first.to!, contentSha256);
  attempts.push({ ...first, id: `${first.id}-2`, attemptNo: 2, state, copies: [copy] });
  copies.push(copy);
  row.possibleDuplicate = true;
}

const mailOf = (evidence: Evidence): Account => evidence.accounts[0]!;
const chatOf = (evidence: Evidence): Account => evidence.accounts[1]!;

/** Each invariant with what breaks it, and it alone. */
const faults: [string, string, (evidence: Evidence) => void][] = [
  ['I1', 'a promised dispatch does not exist', ({ diary }) => void diary.submitted.set('lost', { key: 'lost', ids: new Set(['d-lost']), reuse: null })],
  ['I1', 'a dispatch has not ended', (evidence) => void (mailOf(evidence).row.endedAt = null)],
  ['I1', 'a run goes on', (evidence) => void (mailOf(evidence).run = 'RUNNING')],
  ['I1', 'a run is gone', (evidence) => void (mailOf(evidence).run = null)],
  ['I1', 'a pick does not hold', (evidence) => void (mailOf(evidence).chosen = 'p-other')],
  ['I1', 'a cancel does not hold', ({ diary }) => void diary.cancelled.push('d-mail')],
  ['I1', 'a block is not there', ({ diary }) => void diary.blocked.push({ clientId: 'c-mail', channelId: null })],
  ['I1', 'an inbound message is not there', ({ diary }) => void diary.inbound.push('wamid.lost')],
  ['I1', 'an edit is not there', ({ diary }) => void diary.edited.push({ templateId: 't', body: 'lost' })],
  ['I2', 'two copies and no word of it', (evidence) => (handOverAgain(mailOf(evidence)), void (mailOf(evidence).row.possibleDuplicate = false))],
  ['I2', 'more duplicates than doubts', (evidence) => handOverAgain(mailOf(evidence))],
  ['I3', 'a hand-over of nobody', ({ strays }) => void strays.push(entry('email', 'somebody@example.test'))],
  ['I4', 'an attempt says refused and was taken', (evidence) => void (mailOf(evidence).attempts[0]!.state = 'refused_temporary')],
  ['I4', 'an attempt says sent and was not taken', (evidence) => void (mailOf(evidence).attempts[0]!.copies = [])],
  ['I4', 'a failed dispatch was sent', (evidence) => void Object.assign(mailOf(evidence).row, { state: 'failed', endReason: 'RETRIES_EXHAUSTED' })],
  ['I5', 'two threads are open', ({ moves }) => void moves.push(move('thread', 't-3', null, 'active', 'c-chat'))],
  ['I5', 'the index is gone', (evidence) => void (evidence.openThreadIndex = false)],
  ['I6', 'a dispatch jumps', ({ moves }) => void moves.push(move('dispatch', 'd-mail', 'completed', 'sending'))],
  ['I6', 'an attempt goes back', ({ moves }) => void moves.push(move('attempt', 'a-mail', 'accepted', 'in_doubt'))],
  ['I7', 'a key stands for two dispatches', ({ diary }) => void diary.submitted.get('mail')!.ids.add('d-chat')],
  ['I7', 'a key is taken for another body', ({ diary }) => void (diary.submitted.get('mail')!.reuse = 202)],
  ['I7', 'a dispatch has no key', (evidence) => void (evidence.keyed = ['d-chat', 'd-other'])],
  ['I7', 'two picks are taken', ({ diary }) => void diary.pickedTwice.push('d-mail')],
  [
    'I8',
    'two copies differ',
    (evidence) => (handOverAgain(mailOf(evidence), 'accepted', 'other'), void evidence.moves.push(move('attempt', 'a-mail-2', 'sending', 'in_doubt'))),
  ],
  ['I8', 'a template’s later version was used', (evidence) => void (mailOf(evidence).revisions[0]!.rendered!.text = 'Dear canary1who, this is edit 2 text.')],
  ['I9', 'a mail tells of a blind copy', ({ reading }) => void reading.broken.push('hand-over 1')],
  ['I9', 'a client may see one', ({ outsider }) => void outsider.broken.push('thread 1')],
  ['I10', 'an attempt began after a block', (evidence) => void (chatOf(evidence).attempts[0]!.startedAt = new Date(10_001))],
  ['I10', 'a hand-over came long after a block', (evidence) => void (chatOf(evidence).copies[0]!.at = new Date(20_000).toISOString())],
  ['I11', 'a later dispatch of a thread was sent first', (evidence) => void (chatOf(evidence).copies[0]!.seq = 0)],
  ['I12', 'a status falls', ({ moves }) => void moves.push(move('message', 'd-chat', 'read', 'sent'))],
  ['I12', 'a receipt did not come', (evidence) => void (chatOf(evidence).attempts[0]!.receipts = [])],
  ['I12', 'a status is below its receipts', (evidence) => void (chatOf(evidence).row.messageStatus = 'sent')],
  ['I12', 'an inbound message counts twice', ({ inbound }) => void inbound.set('wamid.in', 2)],
  ['I13', 'an address is in a log', ({ searched }) => void searched.found.push('a log: canary1first')],
  ['I14', 'an attempt is still sending', ({ rest }) => void (rest.sending = 1)],
  ['I14', 'a run is open', ({ rest }) => void (rest.openRuns = 1)],
  ['I14', 'handles leak', ({ rest }) => void (rest.after = [{ name: 'worker 1', megabytes: 200, handles: 90 }])],
  ['I14', 'memory leaks', ({ rest }) => void (rest.after = [{ name: 'worker 1', megabytes: 450, handles: 50 }])],
  ['', 'a request hangs', ({ diary }) => void diary.hung.push('GET /v1/dispatches')],
  ['', 'an answer is a fault', ({ diary }) => void diary.faults.push('GET /v1/dispatches')],
];

const brokenIn = (evidence: Evidence): string[] =>
  judge(evidence)
    .filter((one) => one.broken.length > 0)
    .map((one) => one.no);

describe('the judge of a campaign', () => {
  test('finds nothing where nothing is wrong, and has looked at something for each invariant', () => {
    const findings = judge(allWell());
    expect(findings.filter((one) => one.broken.length > 0)).toEqual([]);
    expect(findings.map((one) => one.no).filter(Boolean)).toEqual(Array.from({ length: 14 }, (_, i) => `I${i + 1}`));
    // Nothing was handed over twice here.
    expect(findings.filter((one) => one.of === 0).map((one) => one.no)).toEqual(['I8']);
  });

  test('takes a repeat for what it is when it was in doubt and the dispatch says so', () => {
    const evidence = allWell();
    handOverAgain(mailOf(evidence));
    mailOf(evidence).attempts[0]!.state = 'resent_possible_duplicate';
    evidence.moves.push(move('attempt', 'a-mail', 'sending', 'in_doubt'));
    evidence.moves = evidence.moves.filter((one) => one.became !== 'accepted' || one.what !== 'attempt');
    expect(brokenIn(evidence)).toEqual([]);
    expect(judge(evidence)[1]!.beside).toBe('1 explained, 1 in doubt');
  });

  test('takes a refusal that came later for a failure', () => {
    const evidence = allWell();
    const chat = chatOf(evidence);
    Object.assign(chat.row, { state: 'failed', endReason: 'WINDOW_CLOSED', messageStatus: 'failed' });
    chat.attempts[0]!.to = '12790000047';
    chat.copies[0]!.recipients = ['12790000047'];
    chat.attempts[0]!.receipts = [{ status: 'failed' }] as never;
    expect(brokenIn(evidence)).toEqual([]);
  });

  test.each(faults)('%s: %s', (no, _what, breakIt) => {
    const evidence = allWell();
    breakIt(evidence);
    expect(brokenIn(evidence)).toEqual([no]);
  });
});
