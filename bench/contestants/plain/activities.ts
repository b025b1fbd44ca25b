/** The steps as activities: all of them in one, and each for itself. */

import type { Facts, Mail, Steps } from './steps.js';

export type Activities = ReturnType<typeof createActivities>;

export function createActivities(steps: Steps) {
  return {
    /** For the bare workflow. */
    sendDispatch: async (dispatchId: string): Promise<void> => {
      const facts = await steps.readFacts(dispatchId);
      if (!steps.mayBeSent(facts)) return steps.reject(dispatchId);
      const mail = steps.render(facts);
      const attemptId = await steps.beginAttempt(dispatchId);
      const externalId = await steps.send(facts, mail);
      await steps.settle(facts, attemptId, externalId);
    },
    /** For the workflow of five; null: it was rejected. */
    checkEligibility: async (dispatchId: string): Promise<Facts | null> => {
      const facts = await steps.readFacts(dispatchId);
      if (steps.mayBeSent(facts)) return facts;
      await steps.reject(dispatchId);
      return null;
    },
    renderTemplate: async (facts: Facts): Promise<Mail> => steps.render(facts),
    beginAttempt: (dispatchId: string): Promise<string> => steps.beginAttempt(dispatchId),
    sendMail: (facts: Facts, mail: Mail): Promise<string> => steps.send(facts, mail),
    settleAttempt: (facts: Facts, attemptId: string, externalId: string): Promise<void> => steps.settle(facts, attemptId, externalId),
  };
}
