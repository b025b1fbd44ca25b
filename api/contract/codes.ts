/** The codes on the wire, each with its one plain English text. */

import { z } from 'zod';
import { candidateReasons, refusals, warnings } from '../../domain/codes.js';
import { endReasons } from '../../domain/dispatch.js';
import { dispositionReasons } from '../../domain/disposition.js';
import { providerReasons } from '../../domain/failure.js';
import { codeOf, listOf } from './common.js';

const refusalCodes = Object.keys(refusals);

/** Of an entry of a verdict. */
export const verdictCode = codeOf([...refusalCodes, ...Object.keys(warnings)]);
/** Why a candidate cannot be picked. */
export const candidateReason = codeOf([...refusalCodes, ...Object.keys(candidateReasons)]);

export const endReason = codeOf([...endReasons, ...providerReasons, ...refusalCodes]).meta({
  id: 'EndReason',
  description:
    'Why the dispatch ended as it did: what a person or a deadline did, what the provider answered last, or the refusal that the verdict names first. `GET /v1/codes` has the texts.',
});

export const dispositionReason = codeOf(dispositionReasons).meta({
  id: 'DispositionReason',
  description:
    '`CLIENT_WROTE`: the client has written meanwhile, so the thread stays open. `TRANSFER_TARGET_UNKNOWN`: whom it was to go to does not exist. `THREAD_CLOSED`: somebody has closed the thread. `DECISION_EXPIRED`: nobody repaired it in time.',
});

export const codeList = listOf(
  z
    .object({
      code: z.string(),
      kind: z.enum(['refusal', 'warning', 'candidate_reason', 'provider_reason', 'end_reason']).meta({
        description:
          '`candidate_reason`: only among the reasons of a candidate. `provider_reason`: of an attempt, a message or an end. `end_reason`: only of an end.',
      }),
      title: z.string(),
      detail: z.string().meta({ description: 'What to do about it.' }),
      status: z.int().nullable().meta({ description: 'With which a refusal is answered, where it is an answer.' }),
    })
    .meta({
      id: 'Code',
      example: {
        code: 'CHANNEL_BLOCKED',
        kind: 'refusal',
        title: 'The client is blocked on this channel',
        detail: 'Use another channel or lift the block.',
        status: 409,
      },
    }),
  'CodeList',
);
