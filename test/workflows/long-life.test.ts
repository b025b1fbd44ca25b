import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { isRunning, killGroup, waitUntil } from '../../runtime/local/processes.js';
import { startTemporalServer, type TemporalServer } from '../../runtime/local/temporal-server.js';
import * as contract from '../../workflows/dispatch-message.contract.js';
import { listForTheGuard } from '../support/guard-list.js';
import {
  addClient,
  addEmailChannel,
  attemptsOf,
  buildHouse,
  find,
  type House,
  quickPolicy,
  runOf,
  say,
  submit,
  untilEnded,
  untilWaiting,
} from '../support/house.js';
import { describeWithTemporal, freePort, testTemporal, until } from '../support/stack.js';

/** Temporal asks a run to go on in another one at this many events; 4,096 where nobody says otherwise. */
const eventsOfARun = 40;

const cli = process.env['WAYBILL_TEST_TEMPORAL_CLI'];
/** Somebody else's server cannot be told so. */
const describeWithCli = testTemporal() !== null && cli === undefined ? describe.skip : describeWithTemporal;

describeWithCli('a dispatch that tries for longer than Temporal keeps of one run', () => {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-long-life-'));
  let server: TemporalServer;
  let forget = (): void => {};
  let house: House;
  let email: string;
  const refuse = (recipient: string, count: number) =>
    house.control('POST', '/faults', { channel: 'email', recipient, count, do: { reply: '451 4.7.1 busy' } });

  beforeAll(async () => {
    const binary = join(folder, 'temporal');
    writeFileSync(binary, `#!/bin/sh\nexec '${cli}' "$@" --dynamic-config-value limit.historyCount.suggestContinueAsNew=${eventsOfARun}\n`);
    chmodSync(binary, 0o755);
    server = await startTemporalServer(
      {
        binary,
        port: await freePort(),
        uiPort: await freePort(),
        databaseFile: null,
        searchAttributes: Object.values(contract.searchAttributes),
        codecEndpoint: null,
        logFile: join(folder, 'temporal.log'),
      },
      ({ pid }) => (forget = listForTheGuard(process.env['WAYBILL_TEST_FOLDER']!, pid, 'SIGKILL')),
    );
    house = await buildHouse({ env: { TEMPORAL_ADDRESS: server.address } });
    email = await addEmailChannel(house, { ...quickPolicy, retry: { deadlineMs: 20_000, initialMs: 100, maximumMs: 100 } });
  });
  afterAll(async () => {
    await house?.tear();
    killGroup(server.process.pid);
    await waitUntil(() => !isRunning(server.process), 10_000);
    forget();
    rmSync(folder, { recursive: true, force: true });
  });

  test('I1 R101 it goes on in another run, from where the one before left off, and is sent once', async () => {
    const address = 'patient@example.test';
    const { clientId } = await addClient(house, [{ kind: 'email', value: address }]);
    await refuse(address, 12);
    const dispatchId = await submit(house, { clientId, channelId: email });
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'completed', possibleDuplicate: false });
    expect((await attemptsOf(house, dispatchId)).map((one) => one.attemptNo)).toEqual(Array.from({ length: 13 }, (_, i) => i + 1));
    expect(house.handedOver({ recipient: address })).toHaveLength(1);
    const last = await runOf(house, dispatchId).describe();
    expect(last.runId).not.toBe((await find(house, dispatchId)).runId);
    expect(last.historyLength).toBeLessThan(3 * eventsOfARun);
    expect(last.typedSearchAttributes.get(contract.searchAttributes.clientId)).toBe(clientId);
  });

  test('R101 the retry deadline does not begin anew with a run', async () => {
    const address = 'hopeless@example.test';
    const { clientId } = await addClient(house, [{ kind: 'email', value: address }]);
    await refuse(address, 1_000);
    const dispatchId = await submit(house, { clientId, channelId: email, deadlines: { retryMs: 8_000 } });
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'failed', endReason: 'RETRIES_EXHAUSTED' });
    expect((await runOf(house, dispatchId).describe()).runId).not.toBe((await find(house, dispatchId)).runId);
    expect(house.handedOver({ recipient: address })).toHaveLength(0);
  });

  test('R101 what a person says is heard in the later run', async () => {
    const address = 'stopped@example.test';
    const { clientId } = await addClient(house, [{ kind: 'email', value: address }]);
    await refuse(address, 1_000);
    const dispatchId = await submit(house, { clientId, channelId: email });
    await until(async () => (await attemptsOf(house, dispatchId)).length > 8, { what: 'a later run' });
    await untilWaiting(house, dispatchId, 'retry');
    expect(await until(async () => (await say(house, dispatchId, contract.abandon, { actorId: 'agent-1' })) === 'taken', { what: 'the word' })).toBe(true);
    expect(await untilEnded(house, dispatchId)).toMatchObject({ state: 'failed', endReason: 'ABANDONED' });
  });
});
