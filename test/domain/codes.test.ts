import { describe, expect, test } from '@jest/globals';
import { candidateReasons, endReasonTexts, providerReasonTexts, refusals, warnings } from '../../domain/codes.js';
import { endReasons } from '../../domain/dispatch.js';
import { providerReasons } from '../../domain/failure.js';

/** Requirements 4.2, group by group; a number after a code is its HTTP status where it is not the group's own. */
const groups: { name: string; status: number; codes: string }[] = [
  { name: 'sender', status: 409, codes: 'SENDER_STATE_NOT_ALLOWED ROLE_NOT_ALLOWED=403' },
  {
    name: 'client and channel',
    status: 409,
    codes:
      'CLIENT_BLOCKED CHANNEL_BLOCKED ACTIVE_THREAD ACTIVE_THREAD_APPEARED CHANNEL_DISABLED CHANNEL_LOCKED CHANNEL_NOT_USED_BEFORE ' +
      'NO_CONTACT_POINT RECIPIENT_UNDELIVERABLE OPTED_OUT CONSENT_REQUIRED QUIET_HOURS LOOPING',
  },
  {
    name: 'client data',
    status: 422,
    codes: 'PHONE_TOO_SHORT PHONE_TOO_LONG CONTACT_POINT_INVALID CONTACT_POINT_MISMATCH CONTACT_POINT_TAKEN=409 IMPORT_UUID_REQUIRED IMPORT_DUPLICATE_KIND',
  },
  {
    name: 'content',
    status: 422,
    codes:
      'CONTENT_EMPTY TEXT_TOO_LONG ATTACHMENT_FORMAT ATTACHMENT_TOO_LARGE ATTACHMENTS_TOTAL_TOO_LARGE TOO_MANY_ATTACHMENTS ' +
      'ATTACHMENTS_NOT_SUPPORTED SUBJECT_REQUIRED FROM_NOT_CONNECTED BCC_INVALID BCC_NOT_SUPPORTED',
  },
  {
    name: 'template',
    status: 422,
    codes:
      'TEMPLATE_REQUIRED=409 NO_APPROVED_TEMPLATE=409 TEMPLATE_NOT_APPROVED TEMPLATE_NOT_SUPPORTED TEMPLATE_NOT_TEXT_ONLY VARIABLE_MISSING VARIABLE_INVALID',
  },
  { name: 'thread', status: 422, codes: 'TAG_REQUIRED TAG_UNKNOWN DISPOSITION_REQUIRED DISPOSITION_NOT_ALLOWED TRANSFER_TARGET_UNKNOWN' },
  {
    name: 'request',
    status: 422,
    codes:
      'INVALID_REQUEST=400 IDEMPOTENCY_KEY_REQUIRED=400 IDEMPOTENCY_KEY_REUSED SUBMIT_IN_PROGRESS=409 SEND_AT_INVALID UNAUTHENTICATED=401 ' +
      'NOT_FOUND=404 BODY_TOO_LARGE=413 TOO_MANY_REQUESTS=429 INTERNAL=500 UNAVAILABLE=503',
  },
  { name: 'running dispatch', status: 409, codes: 'CHOICE_INVALID=422 CHOICE_ALREADY_MADE CHOICE_EXPIRED NOT_WAITING TOO_LATE' },
];

const listed = groups.flatMap(({ status, codes }) =>
  codes.split(' ').map((one) => {
    const [code, own] = one.split('=') as [string, string?];
    return { code, status: own ? Number(own) : status };
  }),
);

describe('the codes of 4.2', () => {
  test('the list is complete, and nothing else is on it', () => {
    expect(Object.keys(refusals).toSorted()).toEqual(listed.map((one) => one.code).toSorted());
  });

  test.each(listed)('$code answers with $status', ({ code, status }) => {
    expect(refusals[code as keyof typeof refusals].status).toBe(status);
  });

  test('the warnings are those of 4.2', () => {
    expect(Object.keys(warnings).toSorted()).toEqual([
      'CONTACT_POINT_SKIPPED',
      'DUPLICATE_CONTENT',
      'OTHER_NUMBER_SELECTED',
      'QUIET_HOURS',
      'TEMPLATE_TEXT_DIFFERS',
    ]);
  });

  test('every code has one plain English title and detail of its own', () => {
    const all = [refusals, warnings, candidateReasons, providerReasonTexts, endReasonTexts].flatMap((one) => Object.values(one));
    for (const { title, detail } of all) {
      expect(title).toMatch(/^[A-Z][^.]*[^.]$/);
      expect(detail).toMatch(/^[A-Z].*\.$/);
    }
    const titles = [refusals, providerReasonTexts, endReasonTexts].flatMap((one) => Object.values(one)).map((one) => one.title);
    expect(new Set(titles).size).toBe(titles.length);
  });

  test('the texts of reasons are those of the reasons, in their order', () => {
    expect([Object.keys(providerReasonTexts), Object.keys(endReasonTexts)]).toEqual([[...providerReasons], [...endReasons]]);
  });
});

test('codes and reasons are UPPER_SNAKE, and no reason is also a code but the one that is both', () => {
  const all = [...Object.keys(refusals), ...providerReasons, ...endReasons];
  for (const one of all) expect(one).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
  expect(all.filter((one, index) => all.indexOf(one) !== index)).toEqual([]);
});
