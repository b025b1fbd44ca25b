import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { whereOnPath } from '../../runtime/local/temporal-cli.js';
import { inProject } from '../../runtime/paths.js';
import { createHome, type Home } from '../support/launcher.js';
import { rememberForTheGuard, testTemporal, until, type TestProcess } from '../support/stack.js';

const missing = ['bash', 'curl', 'node'].filter((program) => whereOnPath(program, process.env['PATH'] ?? '') === null);
const describeHere = testTemporal() === null || missing.length > 0 ? describe.skip : describe;

const readme = readFileSync(inProject('README.md'), 'utf8');
const blocksIn = (text: string): string[] => [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map((match) => match[1]!);
const [beforehand = '', section = ''] = readme.split('## Send a message of your own\n');
const blocks = blocksIn(section);

type Json = Record<string, unknown>;

/** The blocks of the README, pasted one after the other into one shell, on a fresh start; only the ports are this home's. */
describeHere(`the commands of README.md${missing.length === 0 ? '' : ` (needs ${missing.join(' and ')} on the PATH)`}`, () => {
  let home: Home;
  let launcher: TestProcess;
  let shell: ChildProcessByStdio<Writable, Readable, Readable>;
  let output = '';

  beforeAll(async () => {
    home = await createHome();
    launcher = await home.start();
    const { PATH, HOME } = home.env;
    shell = spawn('bash', { env: { PATH, HOME }, cwd: inProject(), detached: true });
    rememberForTheGuard(shell.pid!);
    for (const stream of [shell.stdout, shell.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  });
  afterAll(async () => {
    shell.stdin.end();
    await launcher.kill('SIGINT');
    home.remove();
  });

  /** Runs a block; what it printed, line by line, and what its variable ID holds then. */
  const paste = async (block: string): Promise<{ answers: Json[]; id: string }> => {
    output = '';
    const text = block.replaceAll('127.0.0.1:3080', new URL(home.apiUrl).host).replaceAll('127.0.0.1:3081', `127.0.0.1:${home.env['WAYBILL_SANDBOX_PORT']}`);
    shell.stdin.write(`${text}\nprintf '\\n@@%s@@\\n' "$ID"\n`);
    const [, printed = '', id = ''] = await until(() => /^([\s\S]*)\n@@(.*)@@\n$/.exec(output), { what: 'the block to end' });
    const lines = printed.split('\n').filter((line) => line.trim() !== '');
    return { answers: lines.map((line) => JSON.parse(line) as Json), id };
  };
  const ask = async (url: string): Promise<Json> =>
    (await fetch(url, { headers: { authorization: `Bearer ${home.keys().staffKey}` } })).json() as Promise<Json>;
  const dispatch = (id: string) => ask(`${home.apiUrl}/v1/dispatches/${id}`);
  const ends = (id: string) => until(async () => (await dispatch(id))['endedAt'] !== null && (await dispatch(id)), { what: 'the dispatch to end' });
  const messages = async () => {
    const found = await ask(`http://127.0.0.1:${home.env['WAYBILL_SANDBOX_PORT']}/control/messages?to=15550100099`);
    return (found['messages'] as { body: Json }[]).map((one) => one.body);
  };

  test('each block does what its text says', async () => {
    const steps: ((shown: { answers: Json[]; id: string }) => Promise<void>)[] = [
      async ({ answers, id }) => {
        expect(answers[2]).toMatchObject({ id, temporalUrl: expect.stringContaining('/workflows/') });
        expect(await ends(id)).toMatchObject({ state: 'completed' });
      },
      async ({ id }) => {
        await until(async () => (await dispatch(id))['state'] === 'awaiting_recipient', { what: 'the dispatch to wait for the choice' });
        expect((await dispatch(id))['candidates']).toHaveLength(2);
      },
      async ({ answers, id }) => {
        expect(answers[1]).toMatchObject({ status: 409, code: 'CHOICE_ALREADY_MADE' });
        expect(await ends(id)).toMatchObject({ state: 'completed' });
      },
      async ({ answers }) => expect(answers).toEqual([expect.objectContaining({ status: 422, code: 'BCC_INVALID' })]),
      async ({ id }) => expect(await ends(id)).toMatchObject({ state: 'rejected', endReason: 'TEMPLATE_REQUIRED' }),
      async ({ id }) => {
        expect(await ends(id)).toMatchObject({ state: 'completed', dispositionStatus: 'done' });
        expect(await messages()).toEqual([expect.objectContaining({ type: 'template' })]);
      },
      async ({ answers }) => expect(answers).toEqual([expect.objectContaining({ webhookStatus: 200 })]),
      async ({ id }) => {
        expect(await ends(id)).toMatchObject({ state: 'completed', dispositionStatus: 'done' });
        expect((await messages())[0]).toMatchObject({ type: 'text', text: { body: 'It is us.' } });
      },
      async ({ answers }) => {
        expect(answers[0]).toMatchObject({ staff: { role: 'admin' } });
        expect(answers[1]?.['items']).not.toHaveLength(0);
      },
    ];
    expect(blocks).toHaveLength(steps.length);
    for (const [index, check] of steps.entries()) await check(await paste(blocks[index]!));
  });
});

test('every other command of README.md is one of npm', () => {
  const commands = blocksIn(beforehand).flatMap((block) => block.trim().split('\n'));
  expect(commands.length).toBeGreaterThan(0);
  expect(commands.filter((line) => !/^npm (start|test|run \w+) /.test(line))).toEqual([]);
});
