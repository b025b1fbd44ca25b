/** What was handed over against what the ledger says of it: I1 to I4, I8, I9, I11. */

import type { JournalEntry } from '../../../sandbox/journal.js';
import { isEndState } from '../../../domain/dispatch.js';
import type { Attempt, AttemptAccount } from '../accounts.js';
import { type Invariant, tell } from './finding.js';

/** States of an attempt that say that the provider has it, and those that say that nothing left. */
const sent: readonly Attempt['state'][] = ['accepted', 'reconciled_sent'];
const unsent: readonly Attempt['state'][] = ['superseded', 'refused_temporary', 'refused_permanent', 'reconciled_not_sent', 'sending'];

/** Copies for the address that decides the attempt. */
const decisive = ({ to, copies }: AttemptAccount): JournalEntry[] => copies.filter((entry) => to === null || entry.recipients.includes(to));

/** A later status says that the provider took it and then refused it. */
const refusedLater = ({ receipts }: AttemptAccount): boolean =>
  receipts.some((one) => one.status === 'failed') && !receipts.some((one) => one.status === 'delivered' || one.status === 'read');

export const nothingLost: Invariant = (evidence) => {
  const { accounts, diary, blocks, inbound, templateTexts } = evidence;
  const byId = new Map(accounts.map((one) => [one.row.id, one]));
  const broken: string[] = [];
  const promised = [...diary.submitted.values()].flatMap(({ key, ids }) => [...ids].map((id) => ({ key, id })));
  for (const { key, id } of promised) if (!byId.has(id)) broken.push(`${id} (${key}) was promised and does not exist`);
  for (const account of accounts) {
    const { row, run, copies } = account;
    if (!isEndState(row.state) || row.endedAt === null) broken.push(`${tell(evidence, account)}: has not ended`);
    if (run !== 'COMPLETED') broken.push(`${tell(evidence, account)}: its run is ${run}`);
    if (row.state === 'completed' && copies.length === 0) broken.push(`${tell(evidence, account)}: says sent, and nothing was handed over`);
  }
  for (const { dispatchId, contactPointId } of diary.picked) {
    const chosen = byId.get(dispatchId)?.chosen ?? null;
    if (chosen !== contactPointId) broken.push(`${dispatchId}: the pick of ${contactPointId} was taken, and ${chosen} is on record`);
  }
  for (const id of diary.cancelled) {
    const account = byId.get(id);
    if (account?.row.state !== 'cancelled') broken.push(`${account ? tell(evidence, account) : id}: a cancel was taken and does not hold`);
  }
  for (const { clientId, channelId } of diary.blocked) {
    if (!blocks.some((one) => one.clientId === clientId && one.channelId === channelId)) broken.push(`client ${clientId}: a block was taken and is not there`);
  }
  for (const wamid of diary.inbound) if (!inbound.has(wamid)) broken.push(`inbound ${wamid}: was taken and is not in the history`);
  const texts = [...templateTexts.values()];
  for (const { body } of diary.edited) if (!texts.includes(body)) broken.push(`an edit was taken and is not there: ${body}`);
  const others = diary.picked.length + diary.cancelled.length + diary.blocked.length + diary.inbound.length + diary.edited.length;
  const beside = `${promised.length} submits, ${diary.picked.length} picks, ${diary.cancelled.length} cancels, ${diary.blocked.length} blocks, ${diary.inbound.length} inbound, ${diary.edited.length} edits; ${diary.givenUp.length} given up by their callers`;
  return { no: 'I1', what: 'nothing acknowledged is lost', broken, of: promised.length + others, unit: 'promises', beside };
};

export const noUnexplainedDuplicate: Invariant = (evidence) => {
  const { accounts, moves } = evidence;
  const broken: string[] = [];
  let handedOver = 0;
  let explained = 0;
  for (const account of accounts) {
    handedOver += account.copies.length;
    const perRecipient = new Map<string, number>();
    for (const { address, revision } of account.attempts.flatMap(receivedBy)) {
      // Another content is another message: a template in the place of a text that was refused later.
      const key = `${revision} ${address}`;
      perRecipient.set(key, (perRecipient.get(key) ?? 0) + 1);
    }
    const most = Math.max(0, ...perRecipient.values());
    if (most > 1 && !account.row.possibleDuplicate) broken.push(`${tell(evidence, account)}: ${most} copies and no word of it`);
    else explained += Math.max(0, most - 1);
  }
  const doubted = new Set(moves.filter((one) => one.what === 'attempt' && one.became === 'in_doubt').map((one) => one.id)).size;
  if (explained > doubted) broken.push(`${explained} explained duplicates, more than the ${doubted} attempts in doubt`);
  return { no: 'I2', what: 'no unexplained duplicate', broken, of: handedOver, unit: 'hand-overs', beside: `${explained} explained, ${doubted} in doubt` };
};

function receivedBy({ copies, revision }: AttemptAccount): { address: string; revision: number }[] {
  return copies.flatMap((entry) => entry.recipients.map((address) => ({ address, revision })));
}

export const noPhantom: Invariant = ({ accounts, strays }) => ({
  no: 'I3',
  what: 'no hand-over without a dispatch',
  broken: strays.map((one) => `hand-over ${one.seq} (${one.channel}, ${one.messageId ?? one.opaqueId})`),
  of: strays.length + accounts.reduce((sum, one) => sum + one.copies.length, 0),
  unit: 'hand-overs',
});

export const noFalseWord: Invariant = (evidence) => {
  const broken: string[] = [];
  let attempts = 0;
  for (const account of evidence.accounts) {
    const { row } = account;
    const fail = (what: string): void => void broken.push(`${tell(evidence, account)}: ${what}`);
    for (const attempt of account.attempts) {
      attempts += 1;
      const copies = decisive(attempt).length;
      if (copies > 1) fail(`attempt ${attempt.attemptNo} was handed over ${copies} times`);
      if (sent.includes(attempt.state) && copies === 0) fail(`attempt ${attempt.attemptNo} says sent, and nothing was handed over`);
      if (unsent.includes(attempt.state) && copies > 0) fail(`attempt ${attempt.attemptNo} says that nothing left, and it was handed over`);
    }
    const standing = account.attempts.filter((one) => decisive(one).length > 0 && !refusedLater(one)).length;
    const saysUnsent = row.state === 'rejected' || row.state === 'cancelled' || (row.state === 'failed' && row.endReason !== 'ABANDONED');
    if (saysUnsent && standing > 0) fail(`says that nothing was sent, and ${standing} stand`);
    // A refusal that comes after the end cannot take the end back; the message's status tells it.
    if (row.state === 'completed' && standing === 0 && row.messageStatus !== 'failed') fail('says sent, and nothing stands');
  }
  const inDoubt = evidence.accounts.filter((one) => one.row.state === 'expired').length;
  return { no: 'I4', what: 'no false "sent", no false "failed"', broken, of: attempts, unit: 'attempts', beside: `${inDoubt} dispatches ended in doubt` };
};

export const copiesIdentical: Invariant = (evidence) => {
  const broken: string[] = [];
  let several = 0;
  let rendered = 0;
  for (const account of evidence.accounts) {
    for (const { revision, content, templateVersion, rendered: built } of account.revisions) {
      const hashes = account.attempts.filter((one) => one.revision === revision).flatMap((one) => one.copies.map((entry) => entry.contentSha256));
      if (hashes.length > 1) several += 1;
      if (new Set(hashes).size > 1) broken.push(`${tell(evidence, account)}: the copies of revision ${revision} differ`);
      const text = evidence.templateTexts.get(`${content.templateId}/${templateVersion}`);
      if (built === null || text === undefined || built.template !== null) continue;
      rendered += 1;
      const [before = '', after = ''] = text.split(/\{\{[^}]*\}\}/);
      if (!built.text.startsWith(before) || !built.text.endsWith(after)) broken.push(`${tell(evidence, account)}: not the version that it was accepted with`);
    }
  }
  const beside = `${rendered} texts from templates that were edited meanwhile`;
  return { no: 'I8', what: 'all copies are byte-identical', broken, of: several, unit: 'contents handed over several times', beside };
};

export const noBlindCopyTold: Invariant = ({ reading, outsider }) => ({
  no: 'I9',
  what: 'no blind copy in a mail or in a history that clients may see',
  broken: [...reading.broken, ...outsider.broken],
  of: reading.mails + outsider.entries,
  unit: 'mails and history entries',
  beside: `${reading.mails} mails with blind copies, ${outsider.entries} entries`,
});

export const orderKept: Invariant = (evidence) => {
  const { accounts, threads } = evidence;
  const broken: string[] = [];
  const firstCopy = new Map(accounts.map((one) => [one.row.id, one.copies[0]?.seq]));
  const several = accounts.filter((one) => one.copies.length > 1);
  for (const account of several) {
    const numbers = account.copies.map((entry) => account.attempts.find((one) => one.copies.includes(entry))!.attemptNo);
    if (numbers.some((no, i) => i > 0 && no < numbers[i - 1]!)) broken.push(`${tell(evidence, account)}: handed over in the order ${numbers.join(', ')}`);
  }
  const shared = threads.filter((one) => one.length > 1);
  for (const dispatches of shared) {
    const order = dispatches.map((id) => firstCopy.get(id)).filter((seq) => seq !== undefined);
    if (order.some((seq, i) => i > 0 && seq < order[i - 1]!)) broken.push(`a thread with ${dispatches.join(', ')} is out of order`);
  }
  const beside = `${several.length} dispatches with several copies, ${shared.length} threads with several dispatches`;
  return { no: 'I11', what: 'order is kept within a thread', broken, of: several.length + shared.length, unit: 'orders', beside };
};
