/** How long a caller waits for the answer to a submit, at fixed rates, also beyond what can be sent as fast. */

import { enter, type Entrant } from '../contestants/entrant.js';
import { nowMs } from '../measure/clock.js';
import { quantile } from '../measure/figures.js';
import { sendPaced } from '../measure/load.js';
import { sendRound, tokensOf, trySubmit, untilSettled } from '../measure/round.js';
import { figure } from '../report.js';
import { onStack, type Stack } from '../stack/stack.js';
import { type Bench, participants } from './part.js';

const warmUpMessages = 200;
const drainMs = 600_000;

export async function accept(bench: Bench): Promise<void> {
  const { settings, report, note } = bench;
  await onStack(settings, async (stack) => {
    const rows: string[][] = [];
    for (const contestant of participants(bench, ['express', 'queued', 'bare'])) {
      const entrant = await enter(stack, contestant);
      await sendRound(stack, entrant, warmUpMessages, settings.callers);
      for (const perSecond of settings.rates) {
        await untilSettled(stack, entrant);
        note(`accept: ${contestant.title} at ${perSecond}/s`);
        rows.push([contestant.title, String(perSecond), ...(await acceptAt(stack, entrant, perSecond, settings.paceSeconds))]);
      }
      await entrant.end();
    }
    report.heading(`Accept: answers to submits at a fixed rate, ${settings.paceSeconds} s each, milliseconds`);
    report.table(['', 'wanted/s', 'accepted/s', 'not accepted', 'p50', 'p95', 'p99', 'most', 'all handed over after, s'], rows);
  });
}

async function acceptAt(stack: Stack, entrant: Entrant, perSecond: number, seconds: number): Promise<string[]> {
  const begun = nowMs();
  const answers = await sendPaced({ perSecond, seconds }, (_, dueAt) => trySubmit(entrant, dueAt));
  const accepted = answers.filter(({ id }) => id !== '');
  const took = Math.max(...answers.map(({ answer }) => answer.answeredAt)) - begun;
  const waits = accepted.map(({ answer }) => answer.answeredAt - answer.dueAt);
  await stack.sink.untilArrived(tokensOf(accepted), drainMs);
  const last = Math.max(...accepted.map(({ token }) => stack.sink.arrivals(token)[0]!));
  return [
    figure((accepted.length * 1_000) / took),
    `${answers.length - accepted.length} of ${answers.length}`,
    ...[0.5, 0.95, 0.99, 1].map((share) => figure(quantile(waits, share))),
    figure((last - begun) / 1_000),
  ];
}
