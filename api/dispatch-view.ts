/** Dispatches as the wire shows them; blind copies for staff alone (R72). */

import type { z } from 'zod';
import type { DispatchDetail, StoredDispatch } from '../db/dispatches-read.js';
import { dispatchWorkflowId } from '../workflows/dispatch-message.contract.js';
import type { dispatch, dispatchDetail } from './contract/dispatch-views.js';
import type { ApiDeps } from './deps.js';

/** The entry of a list. */
export function viewDispatch(deps: Pick<ApiDeps, 'temporalUi'>, row: StoredDispatch): z.input<typeof dispatch> {
  const { senderId, senderRole, ...rest } = row;
  return { ...rest, sender: { id: senderId, role: senderRole }, temporalUrl: temporalUrl(deps, row) };
}

/** One dispatch with everything that is known of it. */
export function viewDetail(deps: Pick<ApiDeps, 'temporalUi'>, detail: DispatchDetail, seesBcc: boolean): z.input<typeof dispatchDetail> {
  const { dispatch: row, revision, contactPoints } = detail;
  const { bcc, ...content } = revision.content;
  const address = new Map(contactPoints.map((one) => [one.id, one.address]));
  return {
    ...viewDispatch(deps, row),
    clientName: row.clientName,
    revision: row.revision,
    recipientPolicy: revision.recipientPolicy,
    content: { ...content, templateVersion: revision.templateVersion, ...(seesBcc && bcc ? { bcc } : {}) },
    renderedSha256: revision.renderedSha256,
    disposition: revision.disposition,
    tagIds: revision.tagIds,
    deadlines: row.deadlines,
    verdict: row.verdict,
    candidates: (row.verdict?.candidates ?? []).map((one) => ({ ...one, value: address.get(one.contactPointId) ?? null })),
    attempts: detail.attempts.map((one) => ({ ...one, recipients: one.recipients.filter((to) => seesBcc || to.role === 'to') })),
    timeline: detail.timeline,
  };
}

function temporalUrl({ temporalUi }: Pick<ApiDeps, 'temporalUi'>, { id, runId }: Pick<StoredDispatch, 'id' | 'runId'>): string | null {
  if (!temporalUi) return null;
  const run = `${temporalUi.url}/namespaces/${encodeURIComponent(temporalUi.namespace)}/workflows/${encodeURIComponent(dispatchWorkflowId(id))}`;
  return runId === null ? run : `${run}/${runId}/history`;
}
