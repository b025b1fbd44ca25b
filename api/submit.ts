/** Taking a message in: door, acceptance in one transaction, start at once where that works (R98, R113). */

import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { findDispatch, type StoredDispatch } from '../db/dispatches-read.js';
import type { DoorFacts } from '../db/door.js';
import type { NewDispatch } from '../db/submit.js';
import { submitDispatch } from '../db/submit.js';
import { normaliseContactPoint } from '../domain/contact-point.js';
import type { Content } from '../domain/content.js';
import type { Disposition } from '../domain/disposition.js';
import { actFor, type Principal } from './auth.js';
import { kinds } from './client-view.js';
import type { newDispatch } from './contract/dispatches.js';
import type { AppDeps } from './deps.js';
import { askDoor, passDoor, refuseMissing, type Wanted } from './door.js';
import { Refusal, refuse, refuseFields } from './problem.js';

type Body = z.output<typeof newDispatch>;

/** Where the dispatch stands: a new one, or the one that this key and body made before. */
export async function submit(deps: AppDeps, principal: Principal, key: string, body: Body): Promise<StoredDispatch | Refusal> {
  const wanted: Wanted = {
    channelId: body.channelId ?? null,
    contactPointId: body.contactPointId ?? null,
    recipientPolicy: body.recipientPolicy ?? 'ask',
    content: body.content as Content,
    templateVersion: null,
    disposition: (body.disposition as Disposition | undefined) ?? null,
    tagIds: body.tagIds,
    takenOver: false,
    byEmail: body.to?.email !== undefined,
  };
  const bodyHash = hashOf(body);
  const facts = await askDoor(deps, wanted, { clientId: body.clientId ?? null, key: { principal: principal.sender.id, key } });
  // A repeat is answered before anything is judged anew: the door may have changed since.
  if (facts.repeatOf) return facts.repeatOf.bodyHash === bodyHash ? standing(deps, facts.repeatOf.dispatchId) : refuse('IDEMPOTENCY_KEY_REUSED');
  const sender = await actFor(deps.db, principal, body.onBehalfOf);
  if (sender instanceof Refusal) return sender;
  const to = whom(body, facts);
  if (to instanceof Refusal) return to;
  const row = passDoor(deps, wanted, sender, facts);
  if (row instanceof Refusal) return row;
  const parks = sender.role !== 'service';
  const deadlines = deadlinesOf(body, facts);
  const submission = await submitDispatch(deps.db, {
    principal: principal.sender.id,
    idempotencyKey: key,
    bodyHash,
    to,
    sender,
    submittedBy: principal.keyId,
    parks,
    revision: { ...row, createdBy: sender.id },
    deadlines,
  });
  if (submission.kind === 'key_reused') return refuse('IDEMPOTENCY_KEY_REUSED');
  if (submission.kind === 'in_progress') return refuse('SUBMIT_IN_PROGRESS', { retryAfterSeconds: 1 });
  const { dispatchId } = submission;
  if (submission.kind === 'repeated') return await standing(deps, dispatchId);
  await deps.checkpoint('submit.committed');
  const { clientId, sendEpoch } = submission;
  const started = await deps.startInline({
    ...{ dispatchId, clientId, senderId: sender.id, senderRole: sender.role },
    ...{ channelId: row.channelId, channelType: facts.channel?.type ?? null, contentKind: row.content.kind },
    ...{ sendEpoch, parks, deadlines },
  });
  return started ?? (await standing(deps, dispatchId));
}

async function standing(deps: AppDeps, dispatchId: string): Promise<StoredDispatch> {
  const row = await findDispatch(deps.db, dispatchId);
  if (!row) throw new Error(`There is no dispatch ${dispatchId}.`);
  return row;
}

/** The client that is named, or the contact point whose client is found or made (R28, R117). */
function whom(body: Body, facts: DoorFacts): NewDispatch['to'] | Refusal {
  if (body.clientId !== undefined) return facts.clientKnown ? { clientId: body.clientId } : refuseMissing('/clientId', 'There is no such client.');
  const [field, text] = Object.entries(body.to ?? {})[0] as [keyof typeof kinds, string];
  const kind = kinds[field];
  const normalised = normaliseContactPoint(kind, text, facts.settings.defaultCountry ?? undefined);
  if (!normalised.ok) return refuseFields([{ code: normalised.code, detail: normalised.detail, pointer: `/to/${field}` }]);
  return { kind, value: normalised.value, address: normalised.address, name: normalised.address };
}

function deadlinesOf({ deadlines }: Body, { settings }: DoorFacts): NewDispatch['deadlines'] {
  return {
    choiceMs: (deadlines.choiceSeconds ?? settings.choiceDeadlineSeconds) * 1_000,
    decisionMs: (deadlines.decisionSeconds ?? settings.decisionDeadlineSeconds) * 1_000,
    outcomeMs: settings.outcomeDeadlineSeconds * 1_000,
    retryMs: deadlines.retrySeconds === undefined ? null : deadlines.retrySeconds * 1_000,
  };
}

/** SHA-256 of the body with its fields in one order, so that only what is said counts. */
export function hashOf(body: unknown): string {
  return createHash('sha256').update(JSON.stringify(body, sorted)).digest('hex');
}

function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
