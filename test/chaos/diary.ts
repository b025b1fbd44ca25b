/** What callers, clients and providers were told: the promises that a campaign is held to, and every answer that was none. */

/** A dispatch was promised under this key: the ids that were told, one when all is well. */
export interface Submitted {
  key: string;
  ids: Set<string>;
  /** What another message under the same key was answered. */
  reuse: number | null;
}

export interface Diary {
  submitted: Map<string, Submitted>;
  /** When a submit was last answered; milliseconds since 1970. */
  lastPromiseAt: number;
  picked: { dispatchId: string; contactPointId: string }[];
  /** A second pick that was taken beside a first one. */
  pickedTwice: string[];
  cancelled: string[];
  blocked: { clientId: string; channelId: string | null }[];
  /** Provider events that were answered 200, by what makes them unique: inbound messages and receipts. */
  inbound: string[];
  reportedRead: string[];
  /** Template and text of each edit that was taken. */
  edited: { templateId: string; body: string }[];
  /** By status; 0: no answer. */
  answers: Map<number, number>;
  /** Bodies that told an error. */
  errors: string[];
  /** Answers of 500, and requests that were not answered in time by a process that nobody disturbed. */
  faults: string[];
  hung: string[];
  /** What callers gave up. */
  givenUp: string[];
}

export function openDiary(): Diary {
  return {
    submitted: new Map(),
    lastPromiseAt: 0,
    picked: [],
    pickedTwice: [],
    cancelled: [],
    blocked: [],
    inbound: [],
    reportedRead: [],
    edited: [],
    answers: new Map(),
    errors: [],
    faults: [],
    hung: [],
    givenUp: [],
  };
}

/** The key that a dispatch was promised under; its id tells more than nothing where the answer was lost. */
export function keyOf({ submitted }: Diary, dispatchId: string): string {
  return [...submitted.values()].find(({ ids }) => ids.has(dispatchId))?.key ?? dispatchId;
}
