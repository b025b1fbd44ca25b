import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { Application } from 'express';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openApiDocument } from '../../api/openapi.js';
import { surface } from '../../api/surface.js';
import { attemptStates } from '../../domain/attempt.js';
import { candidateReasons, refusals, warnings } from '../../domain/codes.js';
import { endReasons } from '../../domain/dispatch.js';
import { dispositionReasons } from '../../domain/disposition.js';
import { failureClasses, providerReasons } from '../../domain/failure.js';
import { inProject } from '../../runtime/paths.js';
import { addChannel, addClient, emailBody, newKey, startTestApi, type TestApi } from './support.js';

interface Operation {
  operationId: string;
  responses: Record<string, { content?: Record<string, { schema: object }> }>;
  requestBody?: { content: Record<string, { schema: object }> };
  security: unknown[];
}
const document = openApiDocument() as { paths: Record<string, Record<string, Operation>>; components: { schemas: Record<string, { example?: unknown }> } };

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

/** What Express itself has mounted. */
function mounted(app: Application): string[] {
  const { stack } = app.router as unknown as { stack: { route?: { path: string; methods: Record<string, boolean> } }[] };
  return stack
    .flatMap(({ route }) =>
      route
        ? Object.keys(route.methods)
            .filter((method) => method !== '_all')
            .map((method) => `${method} ${route.path}`)
        : [],
    )
    .toSorted();
}

describe('the document', () => {
  test('the routes in Express are the routes in the document, both ways', () => {
    const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
    );
    expect(mounted(api.app)).toEqual(documented.toSorted());
    expect(documented.length).toBe(surface.length);
  });

  test('the committed file is the one that the routes give', () => {
    const committed = readFileSync(inProject('openapi.json'), 'utf8');
    expect(committed === `${JSON.stringify(openApiDocument(), null, 2)}\n` ? 'the same' : 'openapi.json is old: run "npm run openapi"').toBe('the same');
  });

  test('it passes the linter', () => {
    const lint = spawnSync(process.execPath, [inProject('node_modules/@redocly/cli/bin/cli.js'), 'lint', '--format=stylish', 'openapi.json'], {
      cwd: inProject(),
      encoding: 'utf8',
      env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true', NODE_OPTIONS: '' },
    });
    expect(`${lint.stdout}${lint.stderr}`).toMatch(/valid/);
    expect(lint.status).toBe(0);
  });

  test('every operation has a name of its own, a way in, and problems for what it refuses', () => {
    const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
    const names = operations.map((one) => one.operationId);
    expect(new Set(names).size).toBe(names.length);
    for (const { operationId, responses, security } of operations) {
      for (const [status, { content }] of Object.entries(responses)) {
        if (Number(status) >= 400) expect([operationId, status, Object.keys(content ?? {})]).toEqual([operationId, status, ['application/problem+json']]);
      }
      if (security.length > 0)
        expect([operationId, Object.keys(responses)]).toEqual([operationId, expect.arrayContaining(['401', '403', '429', '500', '503'])]);
    }
  });

  test('no named schema is null or has a default by itself: that belongs to the place where it is used', () => {
    const odd = Object.entries(document.components.schemas).filter(
      ([, schema]) => 'default' in schema || JSON.stringify((schema as { type?: unknown }).type ?? '').includes('null'),
    );
    expect(odd.map(([name]) => name)).toEqual([]);
  });

  test('4.2 codes, reasons and states of attempts are listed as the domain lists them, and each code has its text at GET /v1/codes', async () => {
    type Listed = { enum?: string[]; items?: Listed; properties?: Record<string, Listed> };
    const schemas = document.components.schemas as Record<string, Listed>;
    const codes = [...endReasons, ...providerReasons, ...Object.keys(refusals)];
    expect(schemas['EndReason']?.enum).toEqual(codes);
    expect(schemas['ProviderReason']?.enum).toEqual([...providerReasons]);
    expect(schemas['AttemptState']?.enum).toEqual([...attemptStates]);
    expect(schemas['DispositionReason']?.enum).toEqual([...dispositionReasons]);
    expect(schemas['Failure']?.properties?.['class']?.enum).toEqual([...failureClasses]);
    expect(schemas['CodeEntry']?.properties?.['code']?.enum).toEqual([...new Set([...Object.keys(refusals), ...Object.keys(warnings)])]);
    expect(schemas['Candidate']?.properties?.['reasons']?.items?.enum).toEqual([...Object.keys(refusals), ...Object.keys(candidateReasons)]);
    const told = new Set((await api.as('reader').get('/v1/codes')).body.items.map((one: { code: string }) => one.code));
    const untold = ['EndReason', 'ProviderReason'].flatMap((name) => schemas[name]!.enum!).filter((one) => !told.has(one));
    expect(untold).toEqual([]);
    for (const state of attemptStates) expect((schemas['AttemptState'] as { description?: string }).description).toContain(`\`${state}\``);
  });

  test('4.3 R16 what a paused and a disabled channel still send is told where they are shown and where they are set', () => {
    const described = document.components.schemas as unknown as Record<string, { properties: Record<string, { description?: string }> }>;
    expect(described['Channel']!.properties['paused']!.description).toContain('holds nothing back');
    expect(described['ChannelChange']!.properties['paused']!.description).toContain('Ends a pause');
    for (const name of ['Channel', 'ChannelChange']) expect(described[name]!.properties['enabled']!.description).toContain('`CHANNEL_DISABLED`');
  });

  test('429 is told of every route that can answer so, and of no other', async () => {
    const strict = await startTestApi({ limits: { wrongKeysPerMinute: 1, requestsPerMinute: 1 } });
    const once = [strict.anonymous.get('/v1/codes').set('Authorization', 'Bearer wrong'), strict.as('admin').get('/v1/codes')];
    expect(await Promise.all(once.map(async (one) => (await one).status))).toEqual([401, 200]);
    const held: string[] = [];
    for (const { method, path, operation } of surface) {
      const url = path.replace('{type}', 'group').replaceAll(/\{\w+\}/g, '0199c0de-0000-7000-8000-000000000001');
      const asked = [strict.anonymous[method](url).set('Authorization', 'Bearer wrong'), strict.as('admin')[method](url)];
      const statuses = await Promise.all(asked.map(async (one) => (await one).status));
      if (statuses.includes(429)) held.push(operation.operationId!);
    }
    const told = surface.filter(({ operation }) => '429' in operation.responses).map(({ operation }) => operation.operationId!);
    expect(held.toSorted()).toEqual(told.toSorted());
    expect(told).toEqual(expect.arrayContaining(['chooseRecipient', 'submitDispatch', 'listCodes']));
    await strict.close();
  });

  test('every example fits its schema', () => {
    const ajv = new Ajv.default({ strict: false });
    addFormats.default(ajv);
    ajv.addSchema({ $id: 'api', ...document });
    for (const [name, { example }] of Object.entries(document.components.schemas)) {
      if (example === undefined) continue;
      const fits = ajv.compile({ $ref: `api#/components/schemas/${name}` });
      expect([name, fits(example), fits.errors]).toEqual([name, true, null]);
    }
  });

  test('what the API really answers fits the document', async () => {
    const ajv = new Ajv.default({ strict: false });
    addFormats.default(ajv);
    ajv.addSchema({ $id: 'api', ...document });
    const channel = await addChannel(api, 'email');
    const client = await addClient(api, ['email', 'one@example.test']);
    const submitted = await api.as('agent').post('/v1/dispatches').set('Idempotency-Key', newKey()).send(emailBody(client, channel.id));
    const answers: [name: string, body: unknown][] = [
      ['Dispatch', submitted.body],
      ['DispatchDetail', (await api.as('agent').get(`/v1/dispatches/${submitted.body.id}`)).body],
    ];
    const lists = {
      Dispatch: 'dispatches',
      Client: 'clients',
      Channel: 'channels',
      Thread: 'threads',
      Template: 'templates',
      Staff: 'staff',
      TransferTarget: 'transfer-targets',
      ChannelType: 'channel-types',
    };
    for (const [name, path] of Object.entries(lists)) answers.push([`${name}List`, (await api.as('agent').get(`/v1/${path}`)).body]);
    answers.push(['CodeList', (await api.as('agent').get('/v1/codes')).body]);
    answers.push(['Settings', (await api.as('agent').get('/v1/settings')).body], ['Problem', (await api.as('agent').get('/v1/nowhere')).body]);
    for (const [name, body] of answers) {
      const fits = ajv.compile({ $ref: `api#/components/schemas/${name}` });
      expect([name, fits(body), fits.errors]).toEqual([name, true, null]);
    }
  });
});

test('every code has one text and one status, and those of the house are all there', () => {
  for (const [code, { status, title, detail }] of Object.entries(refusals)) {
    expect(code).toMatch(/^[A-Z_]+$/);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(title.length).toBeGreaterThan(3);
    expect(detail).toMatch(/[.?]$/);
  }
  const titles = Object.values(refusals).map((one) => one.title);
  expect(new Set(titles).size).toBe(titles.length);
});
