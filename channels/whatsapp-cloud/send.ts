/** One attempt to hand a message to the Cloud API: one POST, one answer read (channels section 3). */

import { z } from 'zod';
import type { Address } from '../../domain/channel.js';
import { HandOverForbidden, type OutboundMessage, type SendCtx, type SendOutcome } from '../channel.js';
import { failureOf, notHandedOver, withoutValues } from '../failure.js';
import { postOnce, type HttpAnswer } from '../http.js';
import { cleanText } from '../inbound.js';
import type { WhatsappCloudConfig } from './config.js';
import { classifyCloudError, cloudError } from './failures.js';
import { addressOf } from './values.js';

/** Meta's answers are a few hundred bytes. */
const maxAnswerBytes = 64 * 1024;

const success = z.looseObject({
  messages: z.tuple([z.looseObject({ id: z.string().min(1).max(512) })], z.unknown()),
  contacts: z.array(z.looseObject({ wa_id: z.string().optional().catch(undefined), user_id: z.string().optional().catch(undefined) })).catch([]),
});

export async function sendWhatsapp(message: OutboundMessage, ctx: SendCtx<WhatsappCloudConfig>): Promise<SendOutcome> {
  const { cfg } = ctx;
  try {
    const answer = await postOnce({
      url: `${cfg.baseUrl.replace(/\/$/, '')}/${cfg.apiVersion}/${cfg.phoneNumberId}/messages`,
      headers: { authorization: `Bearer ${cfg.accessToken}` },
      body: JSON.stringify(requestBody(message, ctx.attemptId)),
      ladder: ctx.ladder,
      signal: ctx.signal,
      maxBodyBytes: maxAnswerBytes,
      assertMayHandOver: () => ctx.assertMayHandOver(),
    });
    return hideOurs(readAnswer(answer), [message.to.value, cfg.accessToken]);
  } catch (error) {
    if (error instanceof HandOverForbidden) return notHandedOver();
    throw error;
  }
}

/** The request, in Meta's own order of fields; the attempt's id comes back in every status of it. */
export function requestBody(message: OutboundMessage, attemptId: string): Record<string, unknown> {
  return {
    messaging_product: 'whatsapp',
    recipient_type: 'individual',
    ...recipientOf(message.to),
    ...contentOf(message.content),
    biz_opaque_callback_data: attemptId,
  };
}

/** A business-scoped id in `to` would be taken and silently dropped. */
function recipientOf(to: Address): { to: string } | { recipient: string } {
  const digits = to.value.replace(/^\+/, '');
  return /^\d+$/.test(digits) ? { to: digits } : { recipient: to.value };
}

function contentOf(content: OutboundMessage['content']): Record<string, unknown> {
  if (!content.template) return { type: 'text', text: { body: content.text, preview_url: false } };
  const { name, language, header, body } = content.template;
  // The footer is static at Meta and never sent.
  const components = [componentOf('header', header), componentOf('body', body)].flat();
  return {
    type: 'template',
    template: { name, language: { policy: 'deterministic', code: language }, ...(components.length > 0 ? { components } : {}) },
  };
}

function componentOf(type: 'header' | 'body', values: readonly string[]): object[] {
  return values.length === 0 ? [] : [{ type, parameters: values.map((text) => ({ type: 'text', text })) }];
}

function readAnswer(answer: HttpAnswer): SendOutcome {
  if (answer.kind === 'no_answer') return notAccepted(classifyCloudError(answer.error));
  const json = readJson(answer.body);
  const taken = answer.status >= 200 && answer.status < 300 ? success.safeParse(json) : undefined;
  if (taken?.success) return accepted(taken.data);
  const told = z.looseObject({ error: cloudError }).safeParse(json);
  const { status: http, retryAfterMs } = answer;
  // Success without a readable message id: it may have been taken.
  if (taken && !told.success) return notAccepted(failureOf({ class: 'unknown', scope: 'message' }, { http, message: 'The answer could not be read.' }));
  return notAccepted(
    classifyCloudError({ http, ...(retryAfterMs === undefined ? {} : { retryAfterMs }), ...(told.success ? { error: told.data.error } : {}) }),
  );
}

function accepted(answer: z.infer<typeof success>): SendOutcome {
  const [contact] = answer.contacts;
  const canonicalAddress = addressOf('whatsapp_id', contact?.wa_id ?? contact?.user_id);
  return { kind: 'accepted', externalIds: [cleanText(answer.messages[0].id)], ...(canonicalAddress ? { canonicalAddress } : {}) };
}

function notAccepted(failure: (SendOutcome & { kind: 'refused' })['failure']): SendOutcome {
  return failure.class === 'unknown' ? { kind: 'unknown', failure } : { kind: 'refused', failure };
}

function readJson(body: string | null): unknown {
  try {
    return body === null ? undefined : JSON.parse(body);
  } catch {
    return undefined;
  }
}

function hideOurs(outcome: SendOutcome, values: readonly string[]): SendOutcome {
  return outcome.kind === 'accepted' ? outcome : { ...outcome, failure: withoutValues(outcome.failure, values) };
}
