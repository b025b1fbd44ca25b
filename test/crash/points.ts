/** The places where a send can be cut off, with what must come of it (H1–H3, H11, I1–I4). */

import type { CrashPoint, CrashSignal } from '../support/crash-plan.js';

export type ChannelType = 'email' | 'whatsapp';
type Step = Omit<CrashPoint, 'dispatchId'>;

interface Fault {
  reply?: string;
  hangMs?: number;
  delayMs?: number;
  status?: number;
  code?: number;
}

export interface Place {
  channel: ChannelType;
  title: string;
  /** One list per life of the worker; in each the dispatch comes to a step that does not throw, and there the signal falls. */
  lives: Step[][];
  /** What the provider does with the first messages, in order. */
  faults?: Fault[];
  /** Two attempts may be cut off: how many copies there are is the judge's to say. */
  anyCopies?: true;
  /** Started after those of the stage before are at their places: 1 for an attempt, which cannot be held for long, 2 for what nothing holds. */
  stage: 0 | 1 | 2;
  /**
   * `before`: nothing can have left. `doubt`: the row says `sending`, nothing has left. `left`: the provider has it and the ledger does
   * not know. `after`: the ledger knows.
   */
  when: 'before' | 'doubt' | 'left' | 'after';
}

const at = (checkpoint: string, more: Partial<Step> = {}): Step => ({ checkpoint, ...more });
const fails = (checkpoint: string): Step => ({ checkpoint, act: 'throw' });

const stageOf = (steps: Step[]): 0 | 1 => (steps.some((step) => step.checkpoint.startsWith('deliver.')) ? 1 : 0);

const refusal: Record<ChannelType, Fault> = { email: { reply: '451 4.7.1 busy' }, whatsapp: { status: 429, code: 130429 } };

/** Every write and call of a send: right before it and right after it, the first time round and after a refusal. */
export function placesOf(channel: ChannelType, signal: CrashSignal): Place[] {
  const place = (when: Place['when'], title: string, steps: Step[], more: Partial<Place> = {}): Place => ({
    channel,
    when,
    title,
    lives: [steps],
    stage: stageOf(steps),
    ...more,
  });
  const single = (when: Place['when'], checkpoint: string): Place => place(when, checkpoint, [at(checkpoint)]);
  const again = (when: Place['when'], checkpoint: string, visit = 2): Place =>
    place(when, `${checkpoint} ${visit === 1 ? 'of a refused attempt' : 'after a refusal'}`, [at(checkpoint, { visit })], { faults: [refusal[channel]] });
  const underWay = signal === 'SIGTERM' ? { delayMs: 1_000 } : { hangMs: 60_000 };
  return [
    ...['check.decided', 'check.recorded', 'render.built', 'render.frozen', 'deliver.before-claim'].map((name) => single('before', name)),
    ...['deliver.claimed', 'deliver.before-send'].map((name) => single('doubt', name)),
    place('left', 'the call under way', [at('deliver.leaving', { act: 'pass' })], { faults: [underWay] }),
    single('left', 'deliver.answered'),
    single('after', 'deliver.settled'),
    ...(channel === 'whatsapp' ? ['dispose.before', 'dispose.recorded', 'wait.before', 'wait.recorded'] : []).map((name) => single('after', name)),
    ...['end.before', 'end.recorded'].map((name) => single('after', name)),
    // A refusal that is not settled is in doubt for whoever finds the row.
    again('doubt', 'deliver.answered', 1),
    ...['deliver.settled', 'wait.before', 'wait.recorded'].map((name) => again('before', name, 1)),
    ...['check.decided', 'check.recorded', 'deliver.before-claim'].map((name) => again('before', name)),
    again('doubt', 'deliver.claimed'),
    again('left', 'deliver.answered'),
    // The answer, or the claim itself, could not be written (H11).
    place('after', 'record.before of an answer', [fails('deliver.answered'), at('record.before')]),
    place('after', 'record.recorded of an answer', [fails('deliver.answered'), at('record.recorded')]),
    place('before', 'record.before of a claim', [fails('deliver.before-claim'), at('record.before')]),
    place('before', 'record.before of an unconfirmed claim', [fails('deliver.claimed'), at('record.before')]),
    place('before', 'record.recorded of an unconfirmed claim', [fails('deliver.claimed'), at('record.recorded')]),
  ];
}

/** The last instant before the bytes leave: nothing waits there, so one of them ends each life. */
export const leaving = (channel: ChannelType): Place => ({ channel, when: 'doubt', title: 'deliver.leaving', lives: [[at('deliver.leaving')]], stage: 2 });

/** Cut off a second time, while the next worker finds out what became of the first. */
export function recoveriesOf(channel: ChannelType): Place[] {
  const place = (when: Place['when'], first: string, second: string): Place => ({
    channel,
    when,
    title: `${first}, then ${second}`,
    lives: [[at(first)], [at(second)]],
    stage: stageOf([at(first)]),
  });
  return [
    place('doubt', 'deliver.claimed', 'reconcile.before'),
    place('doubt', 'deliver.claimed', 'reconcile.after'),
    place('left', 'deliver.answered', 'reconcile.before'),
    place('left', 'deliver.answered', 'reconcile.after'),
    place('before', 'deliver.before-claim', 'reconcile.after'),
    place('before', 'check.decided', 'check.recorded'),
    place('doubt', 'render.frozen', 'deliver.before-send'),
    place('after', 'deliver.settled', 'end.before'),
    ...(channel === 'whatsapp' ? [place('left', 'deliver.answered', 'resolve.before'), place('doubt', 'deliver.claimed', 'resolve.recorded')] : []),
  ];
}

/** The steps of an email that a worker comes by, as far as the parts of a send go. */
const beforeClaim = ['check.decided', 'check.recorded', 'render.built', 'render.frozen', 'deliver.before-claim'];
const inSend = ['deliver.claimed', 'deliver.before-send', 'deliver.leaving', 'deliver.answered'];
const afterIt = ['deliver.settled', 'end.before', 'end.recorded'];
/** Where a first life can be held; to the ledger and the provider a call under way is what an answer is that nobody wrote down. */
export const heldSteps = [...beforeClaim, ...inSend, ...afterIt].filter((name) => name !== 'deliver.leaving');

/**
 * Every pair of steps of an email that begins with this one, a step in each of two lives of the worker. What the second life comes by
 * depends on how far the first one came; how it finds out about a send is in `recoveriesOf`.
 */
export function pairsOf(first: string): Place[] {
  const pair = (when: Place['when'], other: string, visit = 1): Place => ({
    ...{ channel: 'email', when, title: `${first}, then ${other}${visit === 1 ? '' : ' of the repeat'}`, anyCopies: true },
    lives: [[step(first)], [{ ...step(other), visit }]],
    // A call that is to be cut off under way hangs; what was answered before it does not.
    faults: [first, other].flatMap((name): Fault[] =>
      name === 'deliver.leaving' ? [{ hangMs: 60_000 }] : name === 'deliver.answered' ? [{ delayMs: 0 }] : [],
    ),
    stage: stageOf([at(first)]),
  });
  if (beforeClaim.includes(first)) {
    const rendered = beforeClaim.indexOf(first) >= beforeClaim.indexOf('render.frozen');
    const again = beforeClaim.filter((other) => !rendered || !other.startsWith('render.'));
    return [
      ...again.map((other) => pair('before', other)),
      ...inSend.map((other) => pair(left(other), other)),
      ...afterIt.map((other) => pair('after', other)),
    ];
  }
  if (inSend.includes(first)) {
    const told = ['deliver.before-claim', 'deliver.claimed', 'wait.before', 'wait.recorded', 'check.decided', 'check.recorded'];
    const repeated = ['deliver.before-send', 'deliver.leaving', 'deliver.answered', ...afterIt];
    return [...told, ...repeated]
      .map((other) => pair(left(first), other))
      .concat(['deliver.before-claim', 'deliver.claimed'].map((other) => pair(left(first), other, 2)));
  }
  const found = first === 'end.recorded' ? [] : ['deliver.before-claim', 'deliver.claimed'];
  return [...found, 'end.before', 'end.recorded'].map((other) => pair('after', other));
}

/** Cut off in a send: has the provider got it? */
function left(checkpoint: string): 'doubt' | 'left' {
  return checkpoint === 'deliver.leaving' || checkpoint === 'deliver.answered' ? 'left' : 'doubt';
}

/** Nothing waits at the last instant before the bytes leave; the signal comes right after. */
function step(checkpoint: string): Step {
  return checkpoint === 'deliver.leaving' ? at(checkpoint, { act: 'pass' }) : at(checkpoint);
}
