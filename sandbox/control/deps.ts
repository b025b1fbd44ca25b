/** What the control API steers. */

import type { Faults } from '../faults.js';
import type { Journal } from '../journal.js';
import type { Mailbox } from '../mailbox.js';
import type { Receipts } from '../whatsapp-cloud/receipts.js';
import type { CloudTemplate } from '../whatsapp-cloud/templates.js';
import type { Webhooks } from '../whatsapp-cloud/webhooks.js';

export interface ControlDeps {
  journal: Journal;
  mailbox: Mailbox;
  faults: Faults;
  webhooks: Webhooks;
  receipts: Receipts;
  templates: { list(): readonly CloudTemplate[]; set(templates: CloudTemplate[]): void; reset(): void };
}
