/** What holds for every plug-in: the registry, the capabilities, and the credentials of a configuration. */

import { generateKeyPairSync } from 'node:crypto';
import { afterAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import type { ChannelPlugin } from '../../channels/channel.js';
import { createPlugins } from '../../channels/plugins.js';
import { createRegistry } from '../../channels/registry.js';
import { describeConfig, mergeConfig, secretPaths, secretValues, splitConfig } from '../../channels/secrets.js';

const registry = createPlugins();
afterAll(() => registry.close());

const privateKey = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;

const email = {
  host: 'relay.test',
  port: 587,
  user: 'mailer',
  pass: 'pass-1',
  mailboxes: [{ address: 'help@shop.test' }],
  domain: 'shop.test',
  dkim: { domainName: 'shop.test', keySelector: 's1', privateKey },
  inboundSecrets: ['an-inbound-secret-1', 'an-inbound-secret-2'],
};
const whatsapp = { phoneNumberId: '1', accessToken: 'token-1', appSecrets: ['app-secret-1'], verifyToken: 'verify-me-1' };

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function plugin(type: 'email' | 'whatsapp'): ChannelPlugin {
  return registry.list().find((one) => one.type === type)!;
}

describe('R16 the registry', () => {
  test('R16 the two plug-ins are found by type and provider, nothing else is', () => {
    expect(registry.list().map((one) => [one.type, one.provider])).toEqual([
      ['email', 'smtp'],
      ['whatsapp', 'meta_cloud'],
    ]);
    expect(registry.find('email', 'smtp')).toBe(plugin('email'));
    expect(registry.find('whatsapp', 'smtp')).toBeNull();
    expect(() => createRegistry([plugin('email'), plugin('email')])).toThrow('email/smtp');
  });

  test('R14 R44 R68 R71 R77 the capabilities are those of the overview', () => {
    expect(plugin('email').capabilities(undefined)).toMatchObject({
      subject: true,
      bcc: true,
      recipientChoice: 'email',
      template: 'none',
      addressKinds: ['email'],
      coldStart: true,
      sessionWindowMs: null,
      opensThread: false,
      allowedWithActiveThread: true,
      receipts: {},
      idempotency: { mode: 'none' },
      attachments: null,
    });
    expect(plugin('whatsapp').capabilities(undefined)).toMatchObject({
      text: { maxChars: 4096 },
      subject: false,
      bcc: false,
      recipientChoice: 'phone',
      template: 'required_outside_window',
      templateHeader: ['text'],
      templateFooter: true,
      addressKinds: ['phone', 'whatsapp_id'],
      coldStart: true,
      sessionWindowMs: 86_400_000,
      opensThread: true,
      allowedWithActiveThread: false,
      receipts: { sent: 'push', delivered: 'push', read: 'push', failed: 'push' },
      idempotency: { mode: 'none' },
      attachments: null,
    });
    expect(plugin('whatsapp').mailboxes(whatsapp)).toEqual([]);
  });
});

describe('R74 I13 configurations', () => {
  test('I13 which fields are secret', () => {
    expect(secretPaths(plugin('email').configSchema)).toEqual([['pass'], ['dkim', 'privateKey'], ['inboundSecrets']]);
    expect(secretPaths(plugin('whatsapp').configSchema)).toEqual([['accessToken'], ['appSecrets'], ['verifyToken']]);
  });

  test.each([
    ['email', email, ['pass-1', privateKey, 'an-inbound-secret-1', 'an-inbound-secret-2']],
    ['whatsapp', whatsapp, ['token-1', 'app-secret-1', 'verify-me-1']],
  ] as const)('I13 %s: taken apart, the open part holds no secret; put together, it is what it was', (type, config, expected) => {
    const { configSchema } = plugin(type);
    const before = structuredClone(config);
    const { open, secrets } = splitConfig(configSchema, config);
    for (const secret of expected) {
      expect(JSON.stringify(open)).not.toContain(inJson(secret));
      expect(JSON.stringify(secrets)).toContain(inJson(secret));
    }
    expect(secretValues(configSchema, config)).toEqual(expected);
    expect(mergeConfig(open, secrets)).toEqual(config);
    expect(config).toEqual(before);
    expect(configSchema.safeParse(mergeConfig(open, secrets)).success).toBe(true);
  });

  test('I13 a configuration without its secrets, or without an optional part, is taken apart as well', () => {
    const { configSchema } = plugin('email');
    expect(splitConfig(configSchema, { host: 'h' })).toEqual({ open: { host: 'h' }, secrets: {} });
    expect(splitConfig(configSchema, { dkim: { domainName: 'd' }, pass: 'p' })).toEqual({ open: { dkim: { domainName: 'd' } }, secrets: { pass: 'p' } });
    expect(splitConfig(configSchema, JSON.parse('{"dkim":null,"pass":null,"__proto__":{"pass":"x"}}'))).toMatchObject({ secrets: { pass: null } });
    expect(mergeConfig({ a: { b: 1 }, c: 2 }, { a: { d: 3 }, c: 4 })).toEqual({ a: { b: 1, d: 3 }, c: 4 });
  });

  test('I13 a secret where it cannot be taken out is an error, not a leak', () => {
    const secret = z.string().meta({ secret: true });
    expect(() => secretPaths(z.object({ list: z.array(z.object({ secret })) }))).toThrow('A secret');
    expect(() => secretPaths(z.object({ either: z.union([z.object({ secret }), z.string()]) }))).toThrow('A secret');
    expect(secretPaths(z.object({ a: secret.optional(), b: secret.default('x'), c: z.object({ d: secret }).optional() }))).toEqual([['a'], ['b'], ['c', 'd']]);
  });

  test('I13 the API describes a configuration, and secrets in it are to be written only', () => {
    const described = describeConfig(plugin('email').configSchema) as {
      properties: Record<string, Record<string, unknown>>;
      additionalProperties: boolean;
      required: string[];
    };
    expect(described.additionalProperties).toBe(false);
    expect(described.properties['pass']).toMatchObject({ type: 'string', writeOnly: true });
    expect(described.properties['host']).not.toHaveProperty('writeOnly');
    expect(described.required).toEqual(['host', 'port', 'mailboxes', 'domain', 'inboundSecrets']);
  });

  test.each<[string, 'email' | 'whatsapp', object]>([
    ['an unknown field', 'email', { hosts: 'x' }],
    ['a user without a password', 'email', { pass: undefined }],
    ['no mailbox', 'email', { mailboxes: [] }],
    ['a mailbox twice', 'email', { mailboxes: [{ address: 'a@shop.test' }, { address: 'A@shop.test' }] }],
    [
      'two default mailboxes',
      'email',
      {
        mailboxes: [
          { address: 'a@shop.test', default: true },
          { address: 'b@shop.test', default: true },
        ],
      },
    ],
    ['a mailbox that is no plain address', 'email', { mailboxes: [{ address: 'a＠shop.test' }] }],
    ['a name with a line break', 'email', { mailboxes: [{ address: 'a@shop.test', name: 'x\r\nBcc: y' }] }],
    ['a domain with a line break', 'email', { domain: 'shop.test\r\nx' }],
    ['a port that is none', 'email', { port: 0 }],
    ['a DKIM key that cannot sign', 'email', { dkim: { ...email.dkim, privateKey: 'key' } }],
    ['three inbound secrets', 'email', { inboundSecrets: ['a', 'b', 'c'].map((one) => one.repeat(20)) }],
    ['a phone number id with a path', 'whatsapp', { phoneNumberId: '1/../2' }],
    ['a version with a path', 'whatsapp', { apiVersion: 'v23.0/x' }],
    ['a base URL of another kind', 'whatsapp', { baseUrl: 'file:///etc/passwd' }],
    ['a base URL with a login', 'whatsapp', { baseUrl: 'https://me:you@graph.test' }],
    ['a base URL with a query', 'whatsapp', { baseUrl: 'https://graph.test/?x=1' }],
    ['a token with a line break', 'whatsapp', { accessToken: 'a\r\nb' }],
    ['no app secret', 'whatsapp', { appSecrets: [] }],
  ])('R74 %s is refused', (_name, type, wrong) => {
    const right = type === 'email' ? email : whatsapp;
    expect(plugin(type).configSchema.safeParse(right).success).toBe(true);
    expect(plugin(type).configSchema.safeParse({ ...right, ...wrong }).success).toBe(false);
  });
});
