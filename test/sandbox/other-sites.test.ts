import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { findBrowser } from '../support/browser.js';
import { type RunningSandbox, sendMail, startSandbox } from './support.js';

let sandbox: RunningSandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());
beforeEach(async () => {
  await sandbox.call('POST', '/control/reset');
  await sendMail(sandbox, 'anna@example.test');
});

const received = async (): Promise<number> => (await sandbox.call('GET', '/control/mails')).body.mails.length;

describe('what the headers tell', () => {
  /** A request with exactly these headers; fetch would set its own. */
  const ask = (method: string, path: string, headers: Record<string, string>): Promise<{ status: number; type: string }> =>
    new Promise((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port: sandbox.httpPort, method, path, headers }, (answer) => {
        answer.resume();
        answer.once('end', () => resolve({ status: answer.statusCode!, type: answer.headers['content-type'] ?? '' }));
      });
      asked.once('error', reject).end();
    });
  const refused = { status: 403, type: expect.stringContaining('application/problem+json') };

  test('every path answers under the names of this machine alone', async () => {
    const { httpPort } = sandbox;
    for (const host of ['evil.example.test', `evil.example.test:${httpPort}`, `127.0.0.1.evil.example.test:${httpPort}`, '192.0.2.1']) {
      for (const [method, path] of [
        ['GET', '/'],
        ['GET', '/control/mails'],
        ['POST', '/control/reset'],
        ['POST', '/v23.0/1/messages'],
      ] as const) {
        expect(await ask(method, path, { host })).toEqual(refused);
      }
    }
    expect(await received()).toBe(1);
    for (const host of [`127.0.0.1:${httpPort}`, `localhost:${httpPort}`, `[::1]:${httpPort}`, 'LOCALHOST']) {
      expect(await ask('GET', '/control/mails', { host })).toMatchObject({ status: 200 });
    }
  });

  test('what a browser sends for another site is refused, a visit to a page is not', async () => {
    const host = `127.0.0.1:${sandbox.httpPort}`;
    const foreign: Record<string, string>[] = [
      { origin: 'http://evil.example.test' },
      { origin: 'http://127.0.0.1:8080' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: `http://${host}`, 'sec-fetch-site': 'cross-site' },
    ];
    for (const headers of foreign) {
      expect(await ask('POST', '/control/reset', { host, ...headers })).toEqual(refused);
      expect(await ask('POST', '/control/reset', { host, ...headers, 'sec-fetch-mode': 'navigate' })).toEqual(refused);
      expect(await ask('GET', '/control/mails', { host, ...headers, 'sec-fetch-mode': 'no-cors' })).toEqual(refused);
      expect(await ask('GET', '/', { host, ...headers, 'sec-fetch-mode': 'navigate' })).toMatchObject({ status: 200 });
    }
    expect(await received()).toBe(1);
    expect(await ask('POST', '/control/reset', { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' })).toMatchObject({ status: 200 });
    expect(await received()).toBe(0);
  });
});

const { launch, missing } = await findBrowser();
const describeInBrowser = missing === null ? describe : describe.skip;

describeInBrowser(`what a browser does${missing === null ? '' : ` (${missing})`}`, () => {
  let browser: Browser;
  let elsewhere: Server;
  beforeAll(async () => {
    browser = await launch!();
    elsewhere = createServer((_req, res) => {
      res.setHeader('content-type', 'text/html');
      res.end(`<!doctype html><a href="${sandbox.url}/">The mailbox</a>`);
    });
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    await browser.close();
    elsewhere.closeAllConnections();
    await new Promise((resolve) => elsewhere.close(resolve));
  });
  afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));

  test('a page of another site changes nothing, and its link leads to the mailbox, which is whole', async () => {
    const page = await browser.newPage();
    await page.goto(`http://localhost:${(elsewhere.address() as AddressInfo).port}/`);
    const answered = page.waitForResponse((response) => response.url().endsWith('/control/reset'));
    await page.evaluate(`fetch('${sandbox.url}/control/reset', { method: 'POST', mode: 'no-cors' })`);
    expect((await answered).status()).toBe(403);
    expect(await received()).toBe(1);

    const styled = page.waitForResponse((response) => response.url() === `${sandbox.url}/sandbox.css`);
    await page.click('text=The mailbox');
    expect((await styled).status()).toBe(200);
    await page.click('a[href^="/received/"]');
    await page.waitForSelector('text=It is ready.');
  });
});
