import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import * as schema from '../../db/schema/index.js';
import { killGroup } from '../../runtime/local/processes.js';
import { startTemporalServer, type TemporalServer } from '../../runtime/local/temporal-server.js';
import { searchAttributes } from '../../workflows/dispatch-message.contract.js';
import {
  addEmailChannel,
  addKey,
  addTemplate,
  addWhatsappChannel,
  buildHouse,
  call,
  type House,
  quickPolicy,
  untilEnded,
  untilWaiting,
} from '../support/house.js';
import { describeWithTemporal, freePort } from '../support/stack.js';

/** Of each, an email and a WhatsApp message: more than a thousand names, addresses and texts in all. */
const clients = 200;

/** Whatever is said of a person: none of it may be found again. */
function canariesOf(i: number) {
  const tag = `canary${String(i).padStart(3, '0')}q`;
  return {
    name: `${tag}name`,
    email: `${tag}mail@example.test`,
    other: `${tag}second@example.test`,
    subject: `${tag}subject`,
    text: `${tag}text`,
    variable: `${tag}variable`,
    bcc: `${tag}bcc@example.test`,
    phone: `+1202777${String(1_000 + i)}`,
    chat: `${tag}chat`,
    comment: `${tag}comment`,
  };
}

const canariesIn = (text: string): string[] => text.match(/canary\d{3}q[a-z]+|1202777\d{4}/g) ?? [];

describeWithTemporal('personal data', () => {
  let house: House;
  let temporal: TemporalServer;
  let databaseFile: string;

  beforeAll(async () => {
    const folder = process.env['WAYBILL_TEST_FOLDER']!;
    databaseFile = join(folder, 'privacy.db');
    temporal = await startTemporalServer({
      binary: process.env['WAYBILL_TEST_TEMPORAL_CLI']!,
      port: await freePort(),
      uiPort: await freePort(),
      databaseFile,
      searchAttributes: Object.values(searchAttributes),
      codecEndpoint: null,
      logFile: join(folder, 'privacy-temporal.log'),
    });
    house = await buildHouse({ withApi: true, env: { TEMPORAL_ADDRESS: temporal.address } });
  });
  afterAll(async () => {
    await house?.tear();
    if (temporal) killGroup(temporal.process.pid);
  });

  test('R116 I13 a thousand canary values are dispatched: none is in Temporal’s files, in a log or in an error answer', async () => {
    const email = await addEmailChannel(house);
    const whatsapp = await addWhatsappChannel(house, { ...quickPolicy, receiptWindowMs: 200 });
    const { key } = await addKey(house, { role: 'agent' });
    await house.db.insert(schema.transferTargets).values({ type: 'group', id: 'desk', name: 'Desk' });
    const templateId = await addTemplate(house, {
      channelId: null,
      origin: 'own',
      name: 'canary',
      subject: 'For {{ who }}',
      body: 'Dear {{ who }}',
      variables: [{ name: 'who', type: 'text' }],
    });
    const errors: string[] = [];
    const ids: string[] = [];
    const dispatched = new Set<string>();
    const post = async (path: string, body: unknown) => {
      const headers = { 'idempotency-key': uuidv7() };
      let answer = await call(house, key, 'POST', path, body, headers);
      // A busy API asks its callers to come again.
      for (let tries = 1; answer.status === 503 && tries < 10; tries++) answer = await call(house, key, 'POST', path, body, headers);
      if (answer.status >= 400) errors.push(JSON.stringify(answer.body));
      else for (const value of canariesIn(JSON.stringify(body))) dispatched.add(value);
      return answer.body as Record<string, string>;
    };
    for (let i = 0; i < clients; i++) {
      const { name, email: address, other, subject, text, variable, bcc, phone, chat, comment } = canariesOf(i);
      const contactPoints = [{ kind: 'email', value: address }, ...(i % 5 === 0 ? [{ kind: 'email', value: other }] : []), { kind: 'phone', value: phone }];
      const client = await post('/v1/clients', { name, contactPoints });
      const content = i % 3 === 0 ? { kind: 'template', templateId, variables: { who: variable } } : { kind: 'text', text, subject, bcc: [bcc] };
      const sent = await post('/v1/dispatches', { clientId: client['id'], channelId: email, content });
      ids.push(sent['id']!);
      const disposition = { kind: 'transfer', target: { type: 'group', id: 'desk' }, comment };
      await post('/v1/dispatches', { clientId: client['id'], channelId: whatsapp, content: { kind: 'text', text: chat }, disposition });
      // What is refused must not come back either.
      await post('/v1/dispatches', { clientId: client['id'], channelId: email, content: { kind: 'text', text, subject, nickname: name } });
      await post('/v1/clients', { name, contactPoints: [{ kind: 'email', value: `${address}  ${other}` }] });
    }
    for (const [i, id] of ids.entries()) await (i % 5 === 0 ? untilWaiting(house, id, 'recipient', 60_000) : untilEnded(house, id, 60_000));
    expect(house.handedOver({ channel: 'email' }).length).toBe(clients - clients / 5);
    expect(errors.length).toBeGreaterThanOrEqual(clients * 2);

    expect(dispatched.size).toBeGreaterThanOrEqual(1_000);

    const found = new Set<string>();
    const search = (where: string, text: string): void => {
      for (const value of canariesIn(text)) found.add(`${where}: ${value}`);
    };
    const folder = join(databaseFile, '..');
    const files = readdirSync(folder).filter((name) => name.startsWith('privacy'));
    expect(files.some((name) => name.startsWith('privacy.db'))).toBe(true);
    const stored = files.map((name) => readFileSync(join(folder, name)).toString('latin1'));
    // What may stand there is found, so the search looks in the right place.
    expect(stored.some((text) => text.includes(ids[1]!))).toBe(true);
    stored.forEach((text, at) => search(files[at]!, text));
    search('worker log', house.worker!.output());
    search('API log', house.api!.output());
    search('Postgres log', readFileSync(join(folder, 'postgres.log')).toString('latin1'));
    search('error answers', errors.join('\n'));
    expect([...found]).toEqual([]);
  }, 300_000);
});
