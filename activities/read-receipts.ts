/** What the provider has reported of an attempt since it accepted it. */

import { readReceipts as read } from '../db/receipts.js';
import type { Failure } from '../domain/failure.js';
import type { MessageStatus } from '../domain/receipt.js';
import type { ActivityDeps } from './deps.js';

/** A plain read. */
export const readReceipts =
  (deps: ActivityDeps) =>
  async (ref: { dispatchId: string; attemptNo: number }): Promise<{ status: MessageStatus | null; failure: Failure | null }> =>
    await read(deps.db, ref.dispatchId, ref.attemptNo);
