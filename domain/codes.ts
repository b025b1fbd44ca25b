/** Refusal codes and warnings with their one plain English text and HTTP status. Source: requirements 4.2, the only list. */

import type { EndReasonOfItsOwn } from './dispatch.js';
import type { ProviderReason } from './failure.js';

interface Meaning {
  status: number;
  title: string;
  detail: string;
}

const c = (status: number, title: string, detail: string): Meaning => ({ status, title, detail });

export const refusals = {
  SENDER_STATE_NOT_ALLOWED: c(409, 'Your presence does not allow sending', 'Switch to active, out or active (finishing), then send again.'),
  ROLE_NOT_ALLOWED: c(403, 'Your role does not allow this', 'Ask a colleague whose role or scope allows it.'),
  CLIENT_BLOCKED: c(409, 'The client is blocked', 'Nothing can be sent until the block is lifted.'),
  CHANNEL_BLOCKED: c(409, 'The client is blocked on this channel', 'Use another channel or lift the block.'),
  ACTIVE_THREAD: c(409, 'The client has an active thread', 'Answer in that thread, close it first, or write an email.'),
  ACTIVE_THREAD_APPEARED: c(409, 'An active thread appeared meanwhile', 'The client wrote or a colleague was faster. Cancel, or restart on another channel.'),
  CHANNEL_DISABLED: c(409, 'The channel is not enabled', 'Pick an enabled channel or ask an admin to enable this one.'),
  CHANNEL_LOCKED: c(409, 'The client is bound to another channel', 'Use the channel of this type that the client wrote to.'),
  CHANNEL_NOT_USED_BEFORE: c(409, 'The client never used this channel', 'Pick a channel that the client has written in, or one that may write first.'),
  NO_CONTACT_POINT: c(409, 'No contact point can receive this', 'Add or select a contact point that this channel can reach.'),
  RECIPIENT_UNDELIVERABLE: c(409, 'The contact point cannot receive on this channel', 'Choose another contact point or clear the mark if it is wrong.'),
  OPTED_OUT: c(409, 'The client opted out', 'Nothing can be sent here until the client opts in again.'),
  CONSENT_REQUIRED: c(409, 'Consent is missing', 'Record the consent of the client before marketing messages are sent.'),
  QUIET_HOURS: c(409, 'It is quiet time for the client', 'Send later, or let the message wait until quiet time ends.'),
  LOOPING: c(409, 'The same message was sent too often', 'Wait a few minutes and check what sends it.'),
  PHONE_TOO_SHORT: c(422, 'The phone number is too short', 'A phone number has at least 7 digits.'),
  PHONE_TOO_LONG: c(422, 'The phone number is too long', 'A phone number has at most 15 digits.'),
  CONTACT_POINT_INVALID: c(422, 'The contact point is not valid', 'Check the value against its kind.'),
  CONTACT_POINT_MISMATCH: c(422, 'The repeated value differs', 'Type the same value twice.'),
  CONTACT_POINT_TAKEN: c(409, 'The contact point belongs to another client', 'Use that client, or remove the contact point there first.'),
  IMPORT_UUID_REQUIRED: c(422, 'The client id is missing', 'Rows that add contact points to a client need its UUID.'),
  IMPORT_DUPLICATE_KIND: c(422, 'Two contact points of one kind', 'Give at most one contact point of a kind in a row.'),
  CONTENT_EMPTY: c(422, 'The message is empty', 'Write a text, attach a file or pick a template.'),
  TEXT_TOO_LONG: c(422, 'The text is too long', 'Shorten the text to what the channel carries.'),
  ATTACHMENT_FORMAT: c(422, 'The attachment format is not allowed', 'Use one of the allowed formats.'),
  ATTACHMENT_TOO_LARGE: c(422, 'The attachment is too large', 'Use a smaller file.'),
  ATTACHMENTS_TOTAL_TOO_LARGE: c(422, 'The attachments are too large together', 'Remove a file or use smaller ones.'),
  TOO_MANY_ATTACHMENTS: c(422, 'Too many attachments', 'Send fewer files with one message.'),
  ATTACHMENTS_NOT_SUPPORTED: c(422, 'The channel carries no attachments', 'Remove the attachment or pick another channel.'),
  SUBJECT_REQUIRED: c(422, 'The subject is missing', 'Give the email a subject.'),
  FROM_NOT_CONNECTED: c(422, 'The sender address is not connected', 'Pick one of the connected mailboxes.'),
  BCC_INVALID: c(422, 'A BCC address is not valid', 'Correct or remove the address that is named.'),
  BCC_NOT_SUPPORTED: c(422, 'BCC exists on email only', 'Remove the BCC addresses or send an email.'),
  TEMPLATE_REQUIRED: c(409, 'A registered template is required', 'Pick an approved template; free text cannot be sent now.'),
  NO_APPROVED_TEMPLATE: c(409, 'No approved template exists', 'Nothing can be sent here until a template is approved; use another channel.'),
  TEMPLATE_NOT_APPROVED: c(422, 'The template is not approved', 'Pick an approved template.'),
  TEMPLATE_NOT_SUPPORTED: c(422, 'The channel has no registered templates', 'Send text, or use a channel with registered templates.'),
  TEMPLATE_NOT_TEXT_ONLY: c(422, 'The template is not text only', 'Pick a template without attachments, links and buttons.'),
  VARIABLE_MISSING: c(422, 'A template variable is missing', 'Fill in every variable of the template.'),
  VARIABLE_INVALID: c(422, 'A template variable is not valid', 'Give a value that is on the list or a date, as the variable asks.'),
  TAG_REQUIRED: c(422, 'A tag is required', 'Choose at least one tag.'),
  TAG_UNKNOWN: c(422, 'The tag does not exist', 'Choose one of the existing tags.'),
  DISPOSITION_REQUIRED: c(422, 'The disposition is missing', 'Say what becomes of the thread: close, assign or transfer.'),
  DISPOSITION_NOT_ALLOWED: c(422, 'The disposition is not allowed', 'Pick a disposition that your role and the channel allow.'),
  TRANSFER_TARGET_UNKNOWN: c(422, 'The transfer target does not exist', 'Pick an existing employee, group, skill, bot or department.'),
  INVALID_REQUEST: c(400, 'The request is not valid', 'Correct the fields that are named.'),
  IDEMPOTENCY_KEY_REQUIRED: c(400, 'The Idempotency-Key header is missing', 'Send a new key with each new message and the same key with each repeat.'),
  IDEMPOTENCY_KEY_REUSED: c(422, 'The idempotency key was used for another request', 'Use a new key for a new message.'),
  SUBMIT_IN_PROGRESS: c(409, 'The same request is still being worked on', 'Repeat it with the same key after the time given in Retry-After.'),
  SEND_AT_INVALID: c(422, 'The send time is not valid', 'Give a time in the future, at most 365 days ahead.'),
  UNAUTHENTICATED: c(401, 'Who are you?', 'Send a valid key as a bearer token.'),
  NOT_FOUND: c(404, 'Not found', 'It does not exist, or you may not see it.'),
  BODY_TOO_LARGE: c(413, 'The request is too large', 'Send a smaller body.'),
  TOO_MANY_REQUESTS: c(429, 'Too many requests', 'Repeat after the time given in Retry-After.'),
  INTERNAL: c(500, 'Something broke on our side', 'Repeat the request; report the request id if it stays.'),
  UNAVAILABLE: c(503, 'A part of the system does not answer', 'Repeat with the same key or id after the time given in Retry-After.'),
  CHOICE_INVALID: c(422, 'The contact point cannot be chosen', 'Choose one of the usable candidates that are listed.'),
  CHOICE_ALREADY_MADE: c(409, 'The recipient was chosen already', 'Nothing more is to be chosen here.'),
  CHOICE_EXPIRED: c(409, 'Nobody chose in time', 'Nothing was sent; compose the message again.'),
  NOT_WAITING: c(409, 'The dispatch does not wait for this', 'Look at its state and what it waits for.'),
  TOO_LATE: c(409, 'It is too late for this', 'The message has left or the dispatch has ended.'),
} as const satisfies Record<string, Meaning>;
export type RefusalCode = keyof typeof refusals;

export const warnings = {
  TEMPLATE_TEXT_DIFFERS: { title: 'The text differs from every registered template', detail: 'The provider may refuse it.' },
  DUPLICATE_CONTENT: { title: 'The same content was just sent', detail: 'Check that it is not sent twice by mistake.' },
  QUIET_HOURS: { title: 'It is quiet time for the client', detail: 'The message goes out when quiet time ends.' },
  OTHER_NUMBER_SELECTED: { title: 'Several contact points exist', detail: 'The one that is shown is used.' },
  CONTACT_POINT_SKIPPED: { title: 'A contact point was skipped', detail: 'No channel serves its kind; the next one is used.' },
} as const satisfies Record<string, { title: string; detail: string }>;
export type WarningCode = keyof typeof warnings;

/** Why a contact point is not offered, beside the refusals that stand against it. */
export const candidateReasons = {
  NOT_SELECTED: { title: 'The contact point is not selected', detail: 'Select it at the client to use it here.' },
} as const satisfies Record<string, { title: string; detail: string }>;
export type CandidateReason = RefusalCode | keyof typeof candidateReasons;

/** What a provider’s answer came to; beside it stands the provider’s own code (4.3). */
export const providerReasonTexts = {
  RATE_LIMITED: { title: 'The provider asked to slow down', detail: 'Nothing was sent; attempts are repeated until the retry deadline.' },
  TEMPORARY: { title: 'The provider could not take it just now', detail: 'Nothing was sent; attempts are repeated until the retry deadline.' },
  CHANNEL_CONFIG: {
    title: 'The provider refused our account or set-up',
    detail: 'Nothing was sent. Mend the settings of the channel; attempts are repeated until the retry deadline.',
  },
  OUTCOME_UNKNOWN: { title: 'Nobody can tell whether the message left', detail: 'Look at the provider, then say what became of it.' },
  RECIPIENT_BLOCKED_BUSINESS: { title: 'The recipient has blocked us', detail: 'Nothing more goes to this contact point on this channel; use another one.' },
  RECIPIENT_OPTED_OUT: {
    title: 'The recipient has opted out at the provider',
    detail: 'Nothing more goes to this contact point on channels of this type until the client writes.',
  },
  NOT_ON_MESSENGER: {
    title: 'The recipient is not there',
    detail: 'The provider knows no such mailbox, or nobody at this number who uses its messenger: use another contact point or another channel.',
  },
  INVALID_ADDRESS: { title: 'The provider does not know this address', detail: 'Correct the contact point, or use another one.' },
  WINDOW_CLOSED: { title: 'The session window was closed', detail: 'Send a registered template, or use another channel.' },
  TEMPLATE_MISMATCH: { title: 'The text equals no registered template', detail: 'Send a registered template word for word.' },
  TEMPLATE_PAUSED: { title: 'The provider does not take the template now', detail: 'Give another template, or use another channel.' },
  MEDIA_ERROR: { title: 'The provider refused the attachment', detail: 'Send another file.' },
  CONTENT_REJECTED: { title: 'The provider refused the content', detail: 'Change what is said and send it as a new message.' },
  SUPPRESSED: { title: 'The provider held the message back', detail: 'It was not delivered; it may be sent again later as a new message.' },
  UNLISTED: { title: 'The provider refused for a reason that is not on our list', detail: 'Its own code and text are shown with the attempt.' },
} as const satisfies Record<ProviderReason, { title: string; detail: string }>;

/** What ended a dispatch where neither a rule nor a provider refused it (4.1). */
export const endReasonTexts = {
  CANCELLED_BY_STAFF: { title: 'A person cancelled it', detail: 'Nothing was sent.' },
  UNDONE: { title: 'It was taken back in time', detail: 'Nothing was sent.' },
  DECISION_EXPIRED: { title: 'Nobody decided in time', detail: 'Nothing more is sent; compose the message again.' },
  RETRIES_EXHAUSTED: {
    title: 'The retry deadline has passed',
    detail: 'The reason of the last attempt tells what stood in the way; send it as a new message once that is mended.',
  },
  ABANDONED: { title: 'A person gave it up', detail: 'Nothing more is sent.' },
  BROADCAST_CANCELLED: { title: 'Its broadcast was cancelled', detail: 'Nothing was sent.' },
} as const satisfies Record<EndReasonOfItsOwn, { title: string; detail: string }>;
