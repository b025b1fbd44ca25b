/** Puts the facts of the database and the channels' capabilities together, in the shape the rule asks for. */

import type { ChannelRegistry } from '../channels/registry.js';
import type { DispatchFacts } from '../db/facts.js';
import type { Capabilities } from '../domain/channel.js';
import type { ChannelFacts, EligibilityFacts } from '../domain/eligibility.js';
import { policyInForce } from '../domain/plan.js';

/** A channel whose plug-in is not installed can do nothing. */
const nothing: Capabilities = {
  text: null,
  subject: false,
  bcc: false,
  recipientChoice: null,
  template: 'none',
  templateHeader: [],
  templateFooter: false,
  attachments: null,
  addressKinds: [],
  coldStart: false,
  sessionWindowMs: null,
  opensThread: true,
  allowedWithActiveThread: false,
  receipts: {},
  idempotency: { mode: 'none' },
  limits: {},
};

export interface CheckContext {
  firstCheck: boolean;
  /** What a person picked and what is on record, the fresh pick first. */
  pick: string | null;
}

export function assembleFacts(registry: ChannelRegistry, facts: DispatchFacts, context: CheckContext): EligibilityFacts {
  const channels = facts.channels.map((row): ChannelFacts => {
    const plugin = registry.find(row.type, row.provider);
    return {
      id: row.id,
      type: row.type,
      enabled: row.enabled && plugin !== null,
      capabilities: plugin ? plugin.capabilities(row.config) : nothing,
      policy: policyInForce(row.type, row.policy, facts.dispatch.deadlines.retryMs),
      mailboxes: plugin ? plugin.mailboxes(row.config) : [],
      clientWroteHere: row.clientWroteHere,
      approvedTextOnlyTemplates: row.approvedTextOnlyTemplates,
    };
  });
  const { request, template } = facts;
  return {
    now: facts.now,
    firstCheck: context.firstCheck && (facts.dispatch.state === 'accepted' || facts.dispatch.state === 'checking'),
    channels,
    contactPoints: facts.contactPoints.map((point) => ({ ...point, wellFormed: true })),
    blocks: facts.blocks,
    optOuts: facts.optOuts,
    openThreads: facts.openThreads,
    settings: facts.settings,
    threadHeld: facts.anyAccepted,
    request: {
      channelId: request.channelId,
      contactPointId: request.contactPointId,
      recipientPolicy: request.recipientPolicy,
      pick: context.pick,
      sender: { id: facts.dispatch.senderId, role: facts.dispatch.senderRole },
      content: request.content,
      disposition: request.disposition,
      template: template && {
        registered: template.origin === 'registered',
        status: template.status,
        textOnly: template.textOnly,
        channelId: template.channelId,
      },
    },
  };
}
