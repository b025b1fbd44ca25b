/** Everything that is not a success leaves as `application/problem+json` (RFC 9457) with a stable code (requirements 4.2). */

import type { Response } from 'express';
import { z } from 'zod';
import { type RefusalCode, refusals } from '../domain/codes.js';
import type { Candidate, Pick } from '../domain/recipient.js';
import { id, instant } from './contract/common.js';

export interface FieldError {
  /** JSON pointer into the body, or into the part of the request that `in` names. */
  pointer: string;
  detail: string;
  code?: RefusalCode;
  in?: 'query' | 'path' | 'header';
}

/** The pick that is on record; ids alone. */
export interface FirstChoice extends Pick {
  chosenAt: Date;
}

interface RefusalFacts {
  errors?: FieldError[];
  /** Says more than the code's own text. */
  detail?: string;
  /** Differs from the code's own status only where HTTP has a closer word. */
  status?: number;
  retryAfterSeconds?: number;
  candidates?: Candidate[];
  choice?: FirstChoice;
  headers?: Record<string, string>;
}

/** A "no" that a handler returns. */
export class Refusal {
  readonly code: RefusalCode;
  readonly facts: RefusalFacts;

  constructor(code: RefusalCode, facts: RefusalFacts) {
    this.code = code;
    this.facts = facts;
  }
}

export function refuse(code: RefusalCode, facts: RefusalFacts = {}): Refusal {
  return new Refusal(code, facts);
}

/** Refuses with all of these; the first one names the answer and tells it. */
export function refuseFields(errors: readonly (Omit<FieldError, 'detail'> & { code: RefusalCode; detail?: string | undefined })[]): Refusal {
  const told = errors.map((one) => ({ ...one, detail: one.detail ?? refusals[one.code].detail }));
  return refuse(errors[0]!.code, { detail: told[0]!.detail, errors: told });
}

/** Refuses a request for its shape; what is named may be fields, parameters or headers. */
export function refuseShape(errors: FieldError[]): Refusal {
  const parts = new Set(errors.map((one) => one.in));
  if (parts.has(undefined)) return refuse('INVALID_REQUEST', { errors });
  return refuse('INVALID_REQUEST', { errors, detail: `Correct the ${parts.has('query') ? 'parameters' : 'headers'} that are named.` });
}

/** A part of the system does not answer. */
export const unavailable = (detail?: string): Refusal => refuse('UNAVAILABLE', { retryAfterSeconds: 2, ...(detail ? { detail } : {}) });

/** The shape of every refusal. */
export const problemSchema = z
  .object({
    type: z.string().meta({ description: 'Names the kind of problem; the code in the form of a URN.' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string().meta({ description: 'The id of this request; also in the header X-Request-Id.' }),
    code: z.enum(Object.keys(refusals) as [RefusalCode, ...RefusalCode[]]).meta({ description: 'Stable; made for programs.' }),
    errors: z
      .array(
        z.object({
          pointer: z.string().meta({ description: 'JSON pointer into the body, or into what `in` names.' }),
          detail: z.string(),
          code: z.string().optional(),
          in: z.enum(['query', 'path', 'header']).optional(),
        }),
      )
      .optional(),
    candidates: z.array(z.record(z.string(), z.unknown())).optional().meta({ description: 'The fresh candidates, where a recipient choice was refused.' }),
    choice: z
      .object({ contactPointId: id, chosenBy: z.string(), chosenAt: instant })
      .optional()
      .meta({ description: 'Of `CHOICE_ALREADY_MADE`: what was chosen, by whom and when, once that is on record.' }),
  })
  .meta({
    id: 'Problem',
    example: {
      type: 'urn:waybill:problem:SUBJECT_REQUIRED',
      title: 'The subject is missing',
      status: 422,
      detail: 'Give the email a subject.',
      instance: 'urn:uuid:0199c0de-0000-7000-8000-000000000001',
      code: 'SUBJECT_REQUIRED',
      errors: [{ pointer: '/content/subject', detail: 'Give the email a subject.', code: 'SUBJECT_REQUIRED' }],
    },
  });

/** A thousand faults are told no better than the first of them, and an answer is not to be many times its request. */
const maxErrors = 100;

export function sendProblem(response: Response, { code, facts }: Refusal): void {
  const meaning = refusals[code];
  const status = facts.status ?? meaning.status;
  response.status(status).set({ ...facts.headers, 'Cache-Control': 'no-store' });
  if (facts.retryAfterSeconds !== undefined) response.set('Retry-After', String(facts.retryAfterSeconds));
  if (status === 401) response.set('WWW-Authenticate', 'Bearer');
  response.type('application/problem+json').send(
    JSON.stringify({
      type: `urn:waybill:problem:${code}`,
      title: meaning.title,
      status,
      detail: facts.detail ?? meaning.detail,
      instance: `urn:uuid:${String(response.req.id)}`,
      code,
      errors: facts.errors?.slice(0, maxErrors),
      candidates: facts.candidates,
      choice: facts.choice,
    }),
  );
}

export function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
