/** WhatsApp numbers whose last four digits script the stand-in. */

import type { CloudBehaviour } from '../behaviour.js';

interface MagicNumber {
  ending: string;
  what: string;
  /** `tries`: how often this content was tried for this number before. */
  behave(digits: string, tries: number): CloudBehaviour;
}

const accept: CloudBehaviour = { act: 'accept' };
const refuse = (status: number, code: number | null): CloudBehaviour => ({ act: 'refuse', refusal: { status, code } });

/** The table, also shown on the mailbox page. */
export const magicNumbers: readonly MagicNumber[] = [
  {
    ending: '0429',
    what: '429 / 130429 as often as the digit before says (0 is once), the first time with Retry-After: 7, then works',
    behave: (digits, tries) => {
      const times = Math.max(1, Number(digits.at(-5) ?? 0));
      if (tries >= times) return accept;
      return { act: 'refuse', refusal: { status: 429, code: 130429, retryAfterSeconds: tries === 0 ? 7 : undefined } };
    },
  },
  { ending: '0026', what: '131026 cannot receive', behave: () => refuse(400, 131026) },
  { ending: '0047', what: 'accepted, then status failed 131047 (window closed)', behave: () => ({ act: 'accept', receipts: 131047 }) },
  { ending: '0049', what: '131049 held back by Meta', behave: () => refuse(400, 131049) },
  { ending: '0050', what: '131050 stopped marketing', behave: () => refuse(400, 131050) },
  { ending: '0056', what: '131056 too many to this recipient', behave: () => refuse(400, 131056) },
  { ending: '0015', what: '132015 template paused', behave: () => refuse(400, 132015) },
  { ending: '0190', what: '401 / 190 access token expired', behave: () => refuse(401, 190) },
  { ending: '0500', what: "500 without a code in Meta's shape", behave: () => refuse(500, null) },
  {
    ending: '0001',
    what: 'takes the message, then closes the line without an answer, once per number and content, then works; a status only on demand',
    behave: (_, tries) => (tries === 0 ? { act: 'drop_after', receipts: 'none' } : accept),
  },
  { ending: '0002', what: 'accepted, no status ever comes by itself', behave: () => ({ act: 'accept', receipts: 'none' }) },
];

/** What a recipient makes the stand-in do; one that is not in the table is accepted. */
export function behaveForNumber(digits: string, tries: number): CloudBehaviour {
  return magicNumbers.find((one) => digits.endsWith(one.ending))?.behave(digits, tries) ?? accept;
}
