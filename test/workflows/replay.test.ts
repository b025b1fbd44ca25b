/** Recorded histories against the workflow code of the day, without a server. How they are recorded: test/support/record-histories.ts. */

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { historyFromJSON, type History } from '@temporalio/common/lib/proto-utils.js';
import { bundleWorkflowCode, DefaultLogger, type ReplayResult, Worker, type WorkflowBundleOption } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { buildWorkflowBundle } from '../../runtime/bundle.js';
import { createDataConverter, failureConverterPath } from '../../runtime/data-converter.js';
import { createLogger } from '../../runtime/logger.js';
import { inProject } from '../../runtime/paths.js';
import { installRuntime } from '../../runtime/temporal.js';
import { type RecordedEvent, storyOf } from '../support/history-story.js';
import { testConfig } from '../support/stack.js';

const folder = inProject('test', 'histories');
const prebuilt = inProject('dist', 'workflow-bundle.js');
const { codecKeys } = testConfig({ databaseUrl: 'postgres://nobody@127.0.0.1:1/nothing' });
const dataConverter = createDataConverter(codecKeys);

const sent = ['renderTemplate', 'deliverMessage'];
const straight = ['checkEligibility', ...sent];
const asked = ['checkEligibility', 'recordWait', 'recipient choice deadline'];
const picked = ['update chooseRecipient', 'checkEligibility', 'taken'];
const received = ['readReceipts', 'receipt window', 'signal receipt', 'readReceipts'];
const doubted = ['deliverMessage', 'recordResolution', 'outcome deadline'];

/** Every path with its end and what happens on it, in this order; `open` ones were recorded while they stood. */
const paths: Record<string, [end: string, ...happens: string[]]> = {
  email: ['completed', ...straight, 'endDispatch'],
  'whatsapp-close': ['completed', ...straight, 'closeThread', ...received],
  'whatsapp-assign-self': ['completed', ...straight, 'assignThread', ...received],
  'whatsapp-transfer': ['completed', ...straight, 'transferThread', ...received],
  'express-email': ['completed', ...straight, 'endDispatch'],
  'express-whatsapp': ['completed', ...straight, 'closeThread', ...received],
  'express-slow': ['completed', ...straight, 'until the send deadline', 'signal receipt', 'reconcileAttempt', 'endDispatch'],
  'express-refused-then-queued': ['completed', ...straight, 'back-off before the next attempt', ...straight, 'endDispatch'],
  'express-busy-then-queued': ['completed', ...straight, 'deliverMessage', 'back-off before the next attempt', ...straight, 'endDispatch'],
  'receipt-window-over': ['completed', ...straight, 'receipt window', 'timer fired'],
  'rejected-at-first-check': ['rejected NO_CONTACT_POINT', 'checkEligibility'],
  'not-rendered': ['failed VARIABLE_INVALID', 'checkEligibility', 'renderTemplate'],
  'choice-by-update': ['completed', ...asked, ...picked, ...sent],
  'choice-by-signal': ['completed', ...asked, 'signal chooseRecipient', ...straight],
  'choice-by-early-signal': ['completed', 'signal chooseRecipient', 'checkEligibility', ...straight],
  'choice-refused-then-taken': [
    'completed',
    ...asked,
    'update chooseRecipient',
    'checkEligibility',
    'refused',
    'recordWait',
    'recipient choice deadline',
    ...picked,
    ...sent,
  ],
  'choice-refused-by-signal': ['completed', ...asked, 'signal chooseRecipient', ...asked, ...picked, ...sent],
  'choice-expired': ['expired CHOICE_EXPIRED', ...asked, 'timer fired'],
  'choice-cancelled': ['cancelled CANCELLED_BY_STAFF', ...asked, 'update cancel', 'taken'],
  'choice-cancelled-word-kept': [
    'cancelled CANCELLED_BY_STAFF',
    ...asked,
    'update cancel',
    'taken',
    'patch word-before-end',
    'what was said is kept first',
    'timer fired',
  ],
  'race-then-restart': ['completed', ...asked, ...picked, 'decision deadline', 'update restart', 'taken', ...straight],
  'race-then-cancel': ['cancelled CANCELLED_BY_STAFF', ...asked, ...picked, 'decision deadline', 'update cancel', 'taken'],
  'race-of-a-service': ['rejected ACTIVE_THREAD_APPEARED', ...asked, ...picked, 'endDispatch'],
  'decision-expired': ['expired DECISION_EXPIRED', ...asked, ...picked, 'decision deadline', 'timer fired'],
  'needs-template-then-provided': ['completed', ...asked, ...picked, 'template deadline', 'update provideTemplate', 'taken', ...asked, ...picked, ...sent],
  'template-expired': ['expired DECISION_EXPIRED', ...asked, ...picked, 'template deadline', 'timer fired'],
  'late-refusal-then-template': ['completed', ...straight, 'closeThread', ...received, 'template deadline', 'update provideTemplate', ...straight, ...received],
  'late-refusal-then-cancel': ['cancelled CANCELLED_BY_STAFF', ...straight, ...received, 'template deadline', 'update cancel', 'taken'],
  'late-refusal-of-a-service': ['failed WINDOW_CLOSED', ...straight, ...received],
  'refused-for-good': ['failed NOT_ON_MESSENGER', ...straight],
  'back-off-then-sent': ['completed', ...straight, 'back-off before the next attempt', 'timer fired', ...straight],
  'back-off-retry-now': ['completed', ...straight, 'back-off before the next attempt', 'update retryNow', 'taken', ...straight],
  'back-off-change-channel': ['completed', ...straight, 'back-off before the next attempt', 'update changeChannel', 'taken', ...straight],
  'back-off-abandon': ['failed ABANDONED', ...straight, 'back-off before the next attempt', 'update abandon', 'taken'],
  'back-off-client-writes': ['cancelled CANCELLED_BY_STAFF', ...straight, 'back-off before the next attempt', 'signal clientWrote', 'decision deadline'],
  'retries-exhausted': ['failed RETRIES_EXHAUSTED', ...straight, 'back-off before the next attempt', 'timer fired', ...straight],
  'channel-busy': ['completed', ...straight, 'back-off before the next attempt', 'timer fired', ...straight],
  'changed-too-late': ['completed', 'deliverMessage', 'update changeChannel', 'refused'],
  'abandoned-while-sending': ['failed ABANDONED', 'deliverMessage', 'update abandon', 'taken'],
  'blocked-before-the-claim': ['rejected CLIENT_BLOCKED', ...straight, 'checkEligibility', 'endDispatch'],
  'claim-not-recorded': ['completed', ...straight, 'recordOutcome', 'back-off before the next attempt', ...straight],
  'answer-not-recorded': ['completed', ...straight, 'recordOutcome', 'endDispatch'],
  'in-doubt-resent': ['completed', ...straight, 'back-off before the next attempt', ...straight],
  'in-doubt-resent-until-parked': ['completed', ...straight, ...straight, ...straight, 'recordResolution', 'outcome deadline', 'update resolveOutcome'],
  'in-doubt-receipt-releases': ['completed', ...straight, 'outcome deadline', 'signal receipt', ...straight],
  'in-doubt-resolved': ['completed', ...straight, 'outcome deadline', 'update resolveOutcome', 'recordResolution', ...straight],
  'in-doubt-then-resent': ['completed', ...straight, 'outcome deadline', 'timer fired', 'back-off before the next attempt', ...straight],
  'in-doubt-then-parked': ['completed', ...straight, 'outcome deadline', 'timer fired', 'recordResolution', 'outcome deadline', 'update resolveOutcome'],
  'parked-receipt-releases': [
    'completed',
    ...straight,
    'outcome deadline',
    'timer fired',
    'recordResolution',
    'outcome deadline',
    'signal receipt',
    ...straight,
  ],
  'changed-in-doubt': [
    'completed',
    'deliverMessage',
    'update changeChannel',
    'refused',
    'recordResolution',
    'outcome deadline',
    'update resolveOutcome',
    'taken',
  ],
  'parked-sent': ['completed', ...doubted, 'update resolveOutcome', 'recordResolution', 'taken', ...straight],
  'parked-not-sent': ['completed', ...doubted, 'update resolveOutcome', 'recordResolution', 'taken', ...straight],
  'parked-resend': ['completed', ...doubted, 'update resolveOutcome', 'recordResolution', 'taken', ...straight],
  'parked-abandoned': ['failed ABANDONED', ...doubted, 'update abandon', 'taken'],
  'parked-expired': ['expired OUTCOME_UNKNOWN', ...doubted, 'timer fired'],
  'disposition-failed-then-set': [
    'completed',
    ...straight,
    'transferThread',
    'disposition deadline',
    'update setDisposition',
    'refused',
    'disposition deadline',
    'update setDisposition',
    'closeThread',
    'taken',
    ...received,
  ],
  'disposition-expired': ['completed', ...straight, 'transferThread', 'disposition deadline', 'timer fired', ...received],
  'disposition-client-wrote': ['completed', ...straight, 'signal clientWrote', 'closeThread', ...received],
  'cancelled-while-rendering': ['cancelled CANCELLED_BY_STAFF', 'checkEligibility', 'update cancel', 'renderTemplate', 'taken'],
  'cancelled-in-temporal-while-waiting': ['cancelled in Temporal', ...asked, 'cancel requested', 'endDispatch'],
  'cancelled-in-temporal-while-sending': ['cancelled in Temporal', ...straight, 'cancel requested', 'endDispatch'],
  'cancelled-in-temporal-before-the-record': ['cancelled in Temporal', ...straight, 'cancel requested', 'recordOutcome', 'endDispatch'],
  'reset-after-acceptance': ['completed', 'reset', ...straight, 'closeThread', ...received],
  'killed-while-sending': [
    'completed',
    'deliverMessage',
    'activity timed out',
    'reconcileAttempt',
    'until the send deadline',
    'timer fired',
    'reconcileAttempt',
    ...straight,
  ],
  'killed-while-sending-then-cancelled': [
    'cancelled in Temporal',
    'deliverMessage',
    'cancel requested',
    'activity timed out',
    'endDispatch',
    'until the send deadline',
    'timer fired',
    'endDispatch',
  ],
  'send-epoch-raised': ['completed', ...asked, ...picked, ...sent, 'outcome deadline', 'update resolveOutcome', 'recordResolution', ...straight],
  'open-recipient': ['open', ...asked],
  'open-sending': ['open', ...straight],
  'open-back-off': ['open', ...straight, 'back-off before the next attempt'],
  'open-in-doubt': ['open', ...straight, 'outcome deadline'],
  'open-parked': ['open', ...doubted],
  'open-disposition': ['open', ...straight, 'transferThread', 'disposition deadline'],
  'open-receipt': ['open', ...straight, 'closeThread', 'receipt window'],
};
const names = Object.keys(paths);

const recorded = (name: string): { events: RecordedEvent[] } => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as { events: RecordedEvent[] };

/** What became of each history under this code, by the name of its path. */
async function replay(workflowBundle: WorkflowBundleOption): Promise<Map<string, ReplayResult['error']>> {
  const histories = names.map((name) => ({ workflowId: name, history: historyFromJSON(recorded(name)) satisfies History }));
  const results = new Map<string, ReplayResult['error']>();
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle, dataConverter }, histories)) results.set(workflowId, error);
  return results;
}

beforeAll(() => installRuntime({ logger: createLogger({ level: 'silent', name: 'replay' }), metricsPort: 0 }));

describe('R115 the recorded histories', () => {
  test('R115 every path has its history, and every history its path', () => {
    expect(readdirSync(folder).toSorted()).toEqual(names.map((name) => `${name}.json`).toSorted());
  });

  test.each(names)('R115 the history of %s is what its name says', async (name) => {
    const [end, ...happens] = paths[name]!;
    const story = await storyOf(recorded(name).events, dataConverter.payloadCodecs!);
    expect(story.end).toBe(end);
    expect(inOrder(story.happened, happens)).toEqual(happens);
  });

  test('R115 they are real ones: a worker has noted in each which checks of the SDK hold on replay', () => {
    for (const name of names) {
      const [first] = recorded(name).events.filter((event) => event.workflowTaskCompletedEventAttributes);
      // Core notes a flag on the task that first uses it, and uses these three from the first task on.
      expect({ name, flags: first?.workflowTaskCompletedEventAttributes?.sdkMetadata?.coreUsedFlags?.toSorted() }).toEqual({ name, flags: [1, 2, 3] });
    }
  });

  test('R115 R116 they hold no personal data in clear, and no name of a machine', () => {
    for (const name of names) {
      const clear = JSON.stringify(recorded(name), (key, value: unknown) =>
        isPayload(value) ? Buffer.from(value.data ?? '', 'base64').toString('utf8') : value,
      );
      for (const said of ['@example.test', '@waybill.test', '+1202', 'Hello', 'News', 'please look'])
        expect({ name, found: clear.includes(said) && said }).toEqual({ name, found: false });
      expect(clear.match(/"identity":"(?!recorded")/)).toBeNull();
    }
  });
});

describe('R115 replay', () => {
  let results: Awaited<ReturnType<typeof replay>>;
  beforeAll(async () => {
    await buildWorkflowBundle(prebuilt);
    results = await replay({ codePath: prebuilt });
  });

  test.each(names)('R115 %s replays with the bundle of the build', (name) => {
    expect(results.has(name)).toBe(true);
    expect(results.get(name)?.message).toBeUndefined();
  });
});

const withoutAttempt = [
  'rejected-at-first-check',
  'not-rendered',
  'choice-expired',
  'choice-cancelled',
  'choice-cancelled-word-kept',
  'race-then-cancel',
  'race-of-a-service',
  'decision-expired',
  'template-expired',
  'cancelled-while-rendering',
  'cancelled-in-temporal-while-waiting',
  'open-recipient',
];
const withoutWait = [
  'email',
  'express-email',
  'express-slow',
  'rejected-at-first-check',
  'not-rendered',
  'choice-by-early-signal',
  'refused-for-good',
  'changed-too-late',
  'abandoned-while-sending',
  'blocked-before-the-claim',
  'answer-not-recorded',
  'cancelled-while-rendering',
  'cancelled-in-temporal-while-sending',
  'cancelled-in-temporal-before-the-record',
  'killed-while-sending-then-cancelled',
  'open-sending',
];
const allBut = (spared: string[]): string[] => names.filter((name) => !spared.includes(name));

interface Planted {
  change: string;
  file: string;
  edits: [from: string, to: string][];
  /** Every history that has come as far as the change. */
  breaks: string[];
}

const planted: Planted[] = [
  {
    change: 'two steps change places',
    file: 'workflows/desk.ts',
    edits: [
      ['    this.enter(spec);\n', ''],
      ['const inTime = await condition(', 'const timed = condition('],
      ['    this.leave();\n', '    this.enter(spec);\n    const inTime = await timed;\n    this.leave();\n'],
    ],
    breaks: allBut(withoutWait),
  },
  { change: 'an activity gets another name', file: 'workflows/deliver.ts', edits: [['deliverMessage', 'handOverMessage']], breaks: allBut(withoutAttempt) },
  {
    change: 'a local activity gets another name',
    file: 'workflows/dispatch-message.ts',
    edits: [['ledger.endDispatch(', 'ledger.concludeDispatch(']],
    breaks: names.filter((name) => paths[name]![0] !== 'open'),
  },
  {
    change: 'a timer is put before the attempt',
    file: 'workflows/deliver.ts',
    edits: [['  desk.beginAttempt(attemptNo);', '  desk.beginAttempt(attemptNo);\n  await desk.untilNews(1_000);']],
    breaks: allBut(withoutAttempt),
  },
  {
    change: 'a rule of the domain changes what a running dispatch does next',
    file: 'domain/next-step.ts',
    edits: [['const maxResends = 2;', 'const maxResends = 0;']],
    breaks: ['in-doubt-resent', 'in-doubt-resent-until-parked', 'in-doubt-then-resent', 'killed-while-sending'],
  },
  {
    change: 'what was said last is no longer kept first',
    file: 'workflows/dispatch-message.ts',
    edits: [["desk.heardInThisTask() && patched('word-before-end')", 'false']],
    breaks: ['choice-cancelled-word-kept'],
  },
];

describe('R115 a planted change that is not deterministic', () => {
  const copy = mkdtempSync(join(tmpdir(), 'waybill-planted-'));
  beforeAll(() => symlinkSync(inProject('node_modules'), join(copy, 'node_modules'), 'junction'));
  afterAll(() => rmSync(copy, { recursive: true, force: true }));

  test.each(planted)('R115 $change: replay fails for exactly the histories that have come so far', async ({ file, edits, breaks }) => {
    for (const room of ['workflows', 'domain']) cpSync(inProject(room), join(copy, room), { recursive: true });
    let source = readFileSync(join(copy, file), 'utf8');
    for (const [from, to] of edits) {
      expect(source).toContain(from);
      source = source.replaceAll(from, to);
    }
    writeFileSync(join(copy, file), source);
    const results = await replay(
      await bundleWorkflowCode({ workflowsPath: join(copy, 'workflows', 'index.ts'), failureConverterPath, logger: new DefaultLogger('ERROR') }),
    );
    const broken = names.filter((name) => results.get(name) !== undefined);
    expect(broken).toEqual(names.filter((name) => breaks.includes(name)));
    for (const name of broken) expect(results.get(name)).toBeInstanceOf(DeterminismViolationError);
  });
});

/** The wanted words as far as they are found one after the other. */
function inOrder(happened: readonly string[], wanted: readonly string[]): string[] {
  let from = 0;
  const found: string[] = [];
  for (const word of wanted) {
    const at = happened.indexOf(word, from);
    if (at < 0) return found;
    found.push(word);
    from = at + 1;
  }
  return found;
}

function isPayload(value: unknown): value is { data?: string } {
  return typeof value === 'object' && value !== null && 'metadata' in value && 'encoding' in (value.metadata as object);
}
