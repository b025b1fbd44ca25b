/** Temporal Web as an operator sees it: looked at in a real browser, not assumed. */

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { v7 as uuidv7 } from 'uuid';
import { killGroup } from '../../runtime/local/processes.js';
import { startTemporalServer, type TemporalServer } from '../../runtime/local/temporal-server.js';
import { dispatchWorkflowId, searchAttributes } from '../../workflows/dispatch-message.contract.js';
import { findBrowser } from '../support/browser.js';
import {
  addClient,
  addEmailChannel,
  addKey,
  addWhatsappChannel,
  buildHouse,
  call,
  find,
  freshPhone,
  type House,
  openWindow,
  runOf,
  untilEnded,
  untilWaiting,
} from '../support/house.js';
import { freePort, rememberForTheGuard, until } from '../support/stack.js';

/** Long enough for a page on a machine that is busy with other tests. */
const seenWithinMs = 20_000;

const cli = process.env['WAYBILL_TEST_TEMPORAL_CLI'];
const { launch, missing } = cli === undefined ? { launch: null, missing: 'needs the Temporal command line, for a server of its own' } : await findBrowser();
const describeInBrowser = missing === null ? describe : describe.skip;

describeInBrowser(`Temporal Web${missing === null ? '' : ` (${missing})`}`, () => {
  let temporal: TemporalServer;
  let forgetTemporal: () => void;
  let house: House;
  let browser: Browser;
  let page: Page;
  let decodeUrl: string;
  let supervisor: { key: string; senderId: string };
  /** What the page asked of anybody but this machine; it was not let through. */
  const away: URL[] = [];
  /** Answers of the codec route to the page. */
  const decoded: number[] = [];

  beforeAll(async () => {
    const apiPort = await freePort();
    const codecPath = randomBytes(24).toString('base64url');
    decodeUrl = `http://127.0.0.1:${apiPort}/${codecPath}/decode`;
    temporal = await startTemporalServer(
      {
        binary: cli!,
        port: await freePort(),
        uiPort: await freePort(),
        databaseFile: null,
        searchAttributes: Object.values(searchAttributes),
        codecEndpoint: `http://127.0.0.1:${apiPort}/${codecPath}`,
        logFile: join(process.env['WAYBILL_TEST_FOLDER']!, 'temporal-web.log'),
      },
      ({ pid }) => (forgetTemporal = rememberForTheGuard(pid)),
    );
    [house, browser] = await Promise.all([
      buildHouse({ withApi: true, apiPort, env: { TEMPORAL_ADDRESS: temporal.address, TEMPORAL_UI_URL: temporal.uiUrl, WAYBILL_CODEC_PATH: codecPath } }),
      launch!(),
    ]);
    supervisor = await addKey(house, { role: 'supervisor' });
    page = await openPage();
    page.on('response', (response) => {
      if (isDecode(new URL(response.url())) && response.request().method() === 'POST') decoded.push(response.status());
    });
  });
  afterAll(async () => {
    await browser?.close();
    await house?.tear();
    if (temporal) killGroup(temporal.process.pid);
    forgetTemporal?.();
  });

  /** A page that reaches this machine alone, except what is closed to it. */
  const openPage = async (isClosed: (url: URL) => boolean = () => false): Promise<Page> => {
    const opened = await browser.newPage({ viewport: { width: 1440, height: 1000 } });
    opened.setDefaultTimeout(seenWithinMs);
    const isAway = (url: URL) => url.hostname !== '127.0.0.1';
    await opened.route(
      (url) => isAway(url) || isClosed(url),
      async (route) => {
        const url = new URL(route.request().url());
        if (isAway(url)) away.push(url);
        await route.abort();
      },
    );
    return opened;
  };
  const isDecode = (url: URL) => url.href.startsWith(decodeUrl);

  const submit = async (body: unknown): Promise<string> =>
    (await call(house, supervisor.key, 'POST', '/v1/dispatches', body, { 'idempotency-key': uuidv7() })).body['id'] as unknown as string;

  /** The address of the dispatch's page, as the API tells it. */
  const pageOf = async (dispatchId: string): Promise<string> =>
    (await call(house, supervisor.key, 'GET', `/v1/dispatches/${dispatchId}`)).body['temporalUrl'] as unknown as string;

  const seen = (text: string, on = page) => on.getByText(text).filter({ visible: true }).first().waitFor();

  test('R4 R105 a dispatch that waits for its recipient choice is found and read in clear; after the pick the list is empty', async () => {
    const whatsapp = await addWhatsappChannel(house);
    const phones = [freshPhone(), freshPhone()];
    const { clientId, points } = await addClient(
      house,
      phones.map((value) => ({ kind: 'phone', value })),
    );
    for (const point of points) await openWindow(house, whatsapp, point);
    const id = await submit({ clientId, channelId: whatsapp, content: { kind: 'text', text: 'Hello' }, disposition: { kind: 'close' } });
    await untilWaiting(house, id, 'recipient');
    const workflowId = dispatchWorkflowId(id);

    const query = "DispatchWaitingFor='recipient'";
    const list = `${temporal.uiUrl}/namespaces/default/workflows?query=${encodeURIComponent(query)}`;
    const untilCounted = (asked: string, count: number) =>
      until(async () => (await house.temporal.workflow.count(asked)).count === count, { what: `${asked} to find ${count}` });
    await untilCounted(query, 1);
    await page.goto(list);
    await seen('1 Workflow');
    await seen(workflowId);

    const url = await pageOf(id);
    const { runId } = await find(house, id);
    expect(url).toBe(`${temporal.uiUrl}/namespaces/default/workflows/${encodeURIComponent(workflowId)}/${runId}/history`);
    await page.goto(url);
    for (const text of [workflowId, 'recipient choice deadline', 'checkEligibility', 'recordWait', `whatsapp · text · by supervisor · ${id.slice(-8)}`])
      await seen(text);
    await page.goto(url.replace(/history$/, 'timeline'));
    await seen('recipient choice deadline');
    await seen('checkEligibility');

    await page.goto(url.replace(/history$/, 'user-metadata'));
    const due = (await runOf(house, id).describe()).typedSearchAttributes.get(searchAttributes.dueAt)!.toISOString();
    const current = await panel(page, 'somebody to choose the recipient');
    expect(current).toContain(
      `Sender ${supervisor.senderId} waits for somebody to choose the recipient until ${due}; then the dispatch ends expired and nothing is sent.`,
    );
    expect(current).toContain(`POST /v1/dispatches/${id}/recipient-choice`);
    points.forEach((point, i) => expect(current).toContain(`phone at position ${i}: ${point} can be chosen`));
    for (const phone of phones) expect(current).not.toContain(phone.slice(1));
    expect(await panel(page, 'to client')).toContain(
      `A text message of supervisor ${supervisor.senderId} to client ${clientId} by whatsapp channel ${whatsapp}.`,
    );
    expect(await panel(page, 'by supervisor')).toBe(`whatsapp · text · by supervisor · ${id.slice(-8)}`);

    // In clear through the codec route alone.
    expect(new Set(decoded)).toEqual(new Set([200]));
    const stranger = await openPage(isDecode);
    await stranger.goto(url);
    await seen('Timer Started', stranger);
    for (const text of ['recipient choice deadline', 'checkEligibility', 'by supervisor']) expect(await stranger.getByText(text).count()).toBe(0);
    await stranger.close();

    const picked = await call(house, supervisor.key, 'POST', `/v1/dispatches/${id}/recipient-choice`, { contactPointId: points[1] });
    expect(picked.status).toBe(200);
    await untilCounted(query, 0);
    await page.goto(list);
    await seen('0 Workflows');
    expect(await page.getByText(workflowId).count()).toBe(0);
    await untilEnded(house, id);
    await untilCounted('DispatchWaitingFor IS NOT NULL', 0);
    expect(house.handedOver().map((one) => one.recipients)).toEqual([[phones[1]!.slice(1)]]);
  }, 180_000);

  test('R4 a straight run names its activities, and the page goes nowhere but to this machine', async () => {
    const email = await addEmailChannel(house);
    const { clientId } = await addClient(house, [{ kind: 'email', value: 'straight@example.test' }]);
    const id = await submit({ clientId, channelId: email, content: { kind: 'text', text: 'Hello', subject: 'Hello' } });
    await untilEnded(house, id);
    await page.goto(await pageOf(id));
    await seen('Completed');
    for (const name of ['checkEligibility', 'renderTemplate', 'deliverMessage', 'attempt 1', 'endDispatch']) await seen(name);
    // Temporal's own news; nothing of ours goes there.
    for (const address of away) expect(address.hostname).toMatch(/\.temporal\.io$/);
    expect(away.join()).not.toContain('dispatch');
  });
});

/** All words of the panel that says this; Temporal Web shows each Markdown text in a frame of its own. */
async function panel(page: Page, text: string): Promise<string> {
  return await until(
    async () => {
      const [, ...frames] = page.frames();
      // A frame may go while it is read: the page draws it anew.
      const panels = await Promise.all(
        frames.map((frame) =>
          frame
            .locator('body')
            .innerText({ timeout: 1_000 })
            .catch(() => ''),
        ),
      );
      return panels.map((words) => words.replaceAll(/\s+/g, ' ').trim()).find((words) => words.includes(text));
    },
    { deadlineMs: seenWithinMs, what: `a panel that says "${text}"` },
  );
}
