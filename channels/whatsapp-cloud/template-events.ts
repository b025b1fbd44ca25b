/** News of registered templates from Meta's webhook (R59). */

import { z } from 'zod';
import type { ChannelEvent } from '../channel.js';
import { cleanText, pastInstant } from '../inbound.js';
import type { WhatsappCloudConfig } from './config.js';
import { timestamp } from './values.js';

const templateNews = z.looseObject({
  event: z.string().min(1).max(64),
  message_template_id: z.union([z.string().max(64), z.number()]).transform(String),
  message_template_name: z.string().min(1).max(512),
  message_template_language: z.string().min(2).max(16),
});

/** Usable is `APPROVED` alone. */
const templateStatuses: Readonly<Record<string, 'approved' | 'pending' | 'rejected'>> = {
  APPROVED: 'approved',
  PENDING: 'pending',
  IN_APPEAL: 'pending',
  REJECTED: 'rejected',
};

/** The event of a `message_template_status_update` change; none for another account's. */
export function readTemplateNews(entry: { id?: string | undefined; time?: unknown }, change: unknown, cfg: WhatsappCloudConfig, now: number): ChannelEvent[] {
  const news = templateNews.safeParse(change);
  if (!news.success || (cfg.wabaId !== undefined && (entry.id ?? cfg.wabaId) !== cfg.wabaId)) return [];
  const at = timestamp.safeParse(entry.time).data ?? now;
  const { event, message_template_id: template, message_template_name: name, message_template_language: language } = news.data;
  return [
    {
      kind: 'template_changed',
      eventId: `template:${cleanText(template)}:${cleanText(event)}:${at}`,
      name: cleanText(name),
      language: cleanText(language),
      status: Object.hasOwn(templateStatuses, event) ? templateStatuses[event]! : 'paused',
      raw: cleanText(event),
      at: pastInstant(at, now),
    },
  ];
}
