/** Entries in a thread's history and their status, which only ever rises (R103). */

import { inArray, type SQL, sql } from 'drizzle-orm';
import type { Failure } from '../domain/failure.js';
import { higherStatus, messageStatuses, type MessageStatus } from '../domain/receipt.js';
import type { Queryable } from './connect.js';

/** Raises the status of a dispatch and of its history entry; a lower one changes nothing. `settled`: nobody doubts an attempt any more. */
export async function raiseMessageStatus(
  db: Queryable,
  dispatchId: string,
  to: MessageStatus,
  more: { failure?: Failure; reason?: string; settled?: boolean } = {},
): Promise<void> {
  const { failure, reason = null, settled = false } = more;
  await db.execute(sql`
    with raised as (
      update dispatches set message_status = ${raisedTo(to)}, in_doubt = in_doubt and ${!settled}, updated_at = now()
      where id = ${dispatchId} returning message_status)
    update messages set status = raised.message_status
      ${failure ? sql`, failure = ${JSON.stringify(failure)}, failure_reason = ${reason}` : sql``}
    from raised where dispatch_id = ${dispatchId}`);
}

/** The `message_status` of a dispatch after a report: the higher one by rank. */
export function raisedTo(to: MessageStatus): SQL {
  const lower = messageStatuses.filter((one) => one !== to && higherStatus(one, to) === to);
  return lower.length === 0 ? sql`message_status` : sql`case when ${inArray(sql`message_status`, lower)} then ${to} else message_status end`;
}
