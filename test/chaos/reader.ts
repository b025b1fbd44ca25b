/** Reads every mail with blind copies as it was delivered, while the sandbox still has it (I9). */

import type { House } from '../support/house.js';
import { pause } from './pause.js';

export interface Reading {
  mails: number;
  /** By hand-over: a blind copy that its bytes tell of, or that they could not be read any more. */
  broken: string[];
}

const restMs = 500;

/** Reads until `stop` is called; that reads what is left and tells. */
export function readMails(house: House): { stop(): Promise<Reading> } {
  const reading: Reading = { mails: 0, broken: [] };
  let since = 0;
  let stopped = false;
  const round = async (): Promise<void> => {
    for (const { seq, recipients } of house.handedOver({ channel: 'email', since })) {
      since = seq;
      if (recipients.length < 2) continue;
      reading.mails += 1;
      const response = await fetch(`http://127.0.0.1:${house.sandbox.httpPort}/control/mails/${seq}/raw`);
      const raw = (await response.text()).toLowerCase();
      const told = /^bcc:/m.test(raw) || recipients.some((one) => one.includes('blind') && raw.includes(one));
      if (!response.ok || told) reading.broken.push(`hand-over ${seq}${response.ok ? ' tells of a blind copy' : ' could not be read'}`);
    }
  };
  const running = (async () => {
    while (!stopped) {
      await round();
      await pause(restMs);
    }
    await round();
  })();
  return {
    stop: async () => {
      stopped = true;
      await running;
      return reading;
    },
  };
}
