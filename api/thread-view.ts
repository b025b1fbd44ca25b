/** Threads as the wire shows them; blind copies for staff alone (R72). */

import type { z } from 'zod';
import type { Page } from '../db/paging.js';
import type { StoredMessage } from '../db/threads-read.js';
import type { Principal } from './auth.js';
import { isStaff } from './auth.js';
import type { messageList } from './contract/threads.js';
import { pageBody } from './cursor.js';

export function viewMessages(page: Page<StoredMessage>, principal: Principal): z.input<typeof messageList> {
  const seesBcc = isStaff(principal);
  return pageBody({ ...page, items: page.items.map((one) => (seesBcc ? one : { ...one, bcc: [] })) });
}
