/** What is said: the content of a message, and the rules it is held to at the door (R52, R64, R71–R76, X12, X16). */

import type { Capabilities } from './channel.js';
import type { RefusalCode } from './codes.js';
import { readPattern } from './pattern.js';

export const contentKinds = ['text', 'attachment', 'text_attachment', 'template'] as const;
export type ContentKind = (typeof contentKinds)[number];

/** The content as submitted. Email adds subject, from and bcc; a template carries its id and variables, never text. */
export interface Content {
  kind: ContentKind;
  text?: string;
  attachmentIds?: string[];
  templateId?: string;
  variables?: Record<string, string>;
  subject?: string;
  from?: string;
  bcc?: string[];
}

/** The finished text, frozen and hashed; the same on every attempt (R106). */
export interface RenderedContent {
  subject: string | null;
  text: string;
  from: string | null;
  bcc: string[];
  /** What a provider's own template call needs; null for ordinary text. */
  template: { name: string; language: string; header: string[]; body: string[] } | null;
}

/** The form that is hashed: the same text for the same content, in whatever order a store gives its fields back. */
export function frozenForm(content: RenderedContent): string {
  const { subject, text, from, bcc, template } = content;
  return JSON.stringify([subject, text, from, bcc, template && [template.name, template.language, template.header, template.body]]);
}

export interface ContentRefusal {
  code: RefusalCode;
  /** JSON pointer into the content. */
  pointer: string;
  detail?: string;
}

/** R73, X16: exactly this grammar, kept in configuration; anchored and free of ambiguity. */
export const defaultBccPattern = '^[A-Za-z0-9._-]+@[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)?\\.[A-Za-z]{2,}$';

/** A reader wants a short subject; the limit of a header line keeps it inside one folded field. Characters. */
const maxSubjectChars = 998;
/** Of a whole address. */
const maxBccChars = 254;

/** All that is wrong with a content for a channel with these capabilities; empty is fine. `mailboxes` are the channel's from addresses. */
export function refuseContent(
  content: Content,
  capabilities: Pick<Capabilities, 'text' | 'subject' | 'bcc' | 'attachments'>,
  mailboxes: readonly string[],
  bccPattern: string = defaultBccPattern,
): ContentRefusal[] {
  const refusals: ContentRefusal[] = [];
  const refuse = (code: RefusalCode, pointer: string, detail?: string): void => {
    refusals.push({ code, pointer, ...(detail ? { detail } : {}) });
  };
  const wantsText = content.kind === 'text' || content.kind === 'text_attachment';
  if (wantsText && isBlank(content.text)) refuse('CONTENT_EMPTY', '/text');
  const chars = [...(content.text ?? '')].length;
  if (capabilities.text && chars > capabilities.text.maxChars) {
    refuse('TEXT_TOO_LONG', '/text', `The channel carries ${capabilities.text.maxChars} characters, this text has ${chars}.`);
  }
  const wantsFile = content.kind === 'attachment' || content.kind === 'text_attachment';
  const files = (content.attachmentIds ?? []).length;
  if (wantsFile && files === 0) refuse('CONTENT_EMPTY', '/attachmentIds');
  if (files > 0 && !capabilities.attachments) refuse('ATTACHMENTS_NOT_SUPPORTED', '/attachmentIds');
  if (capabilities.subject) {
    // A template of ours brings its own subject; the rendering refuses one that has none.
    if (content.kind !== 'template' && isBlank(content.subject)) refuse('SUBJECT_REQUIRED', '/subject');
    if ((content.subject ?? '').length > maxSubjectChars) refuse('TEXT_TOO_LONG', '/subject');
    const from = content.from?.toLowerCase();
    if (from !== undefined && !mailboxes.some((one) => one.toLowerCase() === from)) refuse('FROM_NOT_CONNECTED', '/from');
  }
  const copies = content.bcc ?? [];
  if (copies.length > 0 && !capabilities.bcc) refuse('BCC_NOT_SUPPORTED', '/bcc');
  else if (copies.length > 0) {
    const pattern = readPattern(bccPattern);
    for (const [index, address] of copies.entries()) {
      if (!pattern) refuse('BCC_INVALID', `/bcc/${index}`, 'The BCC pattern of the settings cannot be used; ask an admin to set another.');
      else if (address.length > maxBccChars || !pattern.matches(address)) refuse('BCC_INVALID', `/bcc/${index}`, `${address} is not a valid BCC address.`);
    }
  }
  return refusals;
}

function isBlank(text: string | undefined): boolean {
  return (text ?? '').trim() === '';
}
