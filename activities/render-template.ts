/** Builds the content from its frozen parts, once; every attempt sends the same bytes (R106). */

import { createHash } from 'node:crypto';
import { Liquid } from 'liquidjs';
import { freezeRendering, loadRendering, type RenderingFacts } from '../db/delivery.js';
import type { Capabilities } from '../domain/channel.js';
import { frozenForm, type RenderedContent } from '../domain/content.js';
import type { EndReason } from '../domain/next-step.js';
import { toOneLine } from '../domain/one-line.js';
import { fillRegistered, type TemplateVersion } from '../domain/template.js';
import type { ActivityDeps } from './deps.js';

export interface RenderInput {
  dispatchId: string;
  revision: number;
  channelId: string;
  contactPointId: string;
}

/** A template that cannot be rendered is data: the dispatch ends with the reason. */
export type RenderResult = { rendered: true } | { rendered: false; reason: EndReason };

/** Templates of ours: a missing variable is an error, nothing but own properties is read, and no template can run away. */
const liquid = new Liquid({
  strictVariables: true,
  strictFilters: true,
  ownPropertyOnly: true,
  // Nothing is read from the disk: a template can only name what is in this empty list.
  templates: {},
  parseLimit: 100_000,
  renderLimit: 1_000,
  memoryLimit: 1_000_000,
});

/** Safe to repeat: what is rendered already stays as it is. */
export const renderTemplate =
  (deps: ActivityDeps) =>
  async (input: RenderInput): Promise<RenderResult> => {
    const facts = await loadRendering(deps.db, input);
    if (facts.rendered) return { rendered: true };
    const plugin = deps.registry.find(facts.channel.type, facts.channel.provider);
    if (!plugin) throw new Error(`No plug-in serves ${facts.channel.type}/${facts.channel.provider}.`);
    const capabilities = plugin.capabilities(facts.channel.config);
    const built = build(facts, capabilities, plugin.mailboxes(facts.channel.config));
    if ('reason' in built) return { rendered: false, reason: built.reason };
    const sha256 = createHash('sha256').update(frozenForm(built)).digest('hex');
    await deps.checkpoint('render.built', input.dispatchId);
    await freezeRendering(deps.db, input, built, sha256);
    await deps.checkpoint('render.frozen', input.dispatchId);
    return { rendered: true };
  };

function build(facts: RenderingFacts, capabilities: Capabilities, mailboxes: readonly string[]): RenderedContent | { reason: EndReason } {
  const { content, template } = facts;
  const text = template ? renderText(template, content.variables ?? {}) : { subject: null, text: content.text ?? '', template: null };
  if ('reason' in text) return text;
  if (capabilities.text && [...text.text].length > capabilities.text.maxChars) return { reason: 'TEXT_TOO_LONG' };
  // A variable may bring a line break into it: what is frozen is what the mail can carry.
  const subject = capabilities.subject ? toOneLine(content.subject ?? text.subject ?? '') : null;
  if (capabilities.subject && (subject ?? '').trim() === '') return { reason: 'SUBJECT_REQUIRED' };
  const lastTo = facts.lastInboundTo?.toLowerCase();
  const usual = lastTo !== undefined && mailboxes.includes(lastTo) ? lastTo : (mailboxes[0] ?? null);
  return { subject, text: text.text, from: content.from?.toLowerCase() ?? usual, bcc: content.bcc ?? [], template: text.template };
}

function renderText(
  template: TemplateVersion,
  variables: Record<string, string>,
): Pick<RenderedContent, 'subject' | 'text' | 'template'> | { reason: EndReason } {
  if (template.origin === 'registered') {
    const { text, header, body } = fillRegistered(template, variables);
    return { subject: null, text, template: { name: template.name, language: template.language, header, body } };
  }
  try {
    const parts = [template.header, template.body, template.footer].filter((part): part is string => part !== null && part !== '');
    const text = parts.map((part) => liquid.parseAndRenderSync(part, variables) as string).join('\n\n');
    const subject = template.subject === null ? null : (liquid.parseAndRenderSync(template.subject, variables) as string);
    return { subject, text, template: null };
  } catch {
    return { reason: 'VARIABLE_INVALID' };
  }
}
