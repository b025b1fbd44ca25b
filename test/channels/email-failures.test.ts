/** The failure table of email/smtp: every row of channels section 8, and what a relay's answer is when no row fits. */

import { describe, expect, test } from '@jest/globals';
import { classifySmtpError, keysOf, smtpFailureTable, type SmtpFault } from '../../channels/email/failures.js';
import { failureClasses, type Failure, type FailureClass } from '../../domain/failure.js';

const reply = (response: string, code = 'EENVELOPE', command = 'RCPT TO'): SmtpFault => ({
  code,
  command,
  response,
  responseCode: Number(response.slice(0, 3)),
});

type Case = [name: string, fault: SmtpFault, expected: FailureClass, scope: Failure['scope'], more?: Partial<Failure>];

const cases: Case[] = [
  ['5.1.1', reply('550 5.1.1 x'), 'not_on_channel', 'recipient'],
  ['5.1.10', reply('550 5.1.10 x'), 'not_on_channel', 'recipient'],
  ['5.4.310', reply('550 5.4.310 x'), 'not_on_channel', 'recipient'],
  ['5.2.1', reply('550 5.2.1 x'), 'not_on_channel', 'recipient'],
  ['5.1.2', reply('553 5.1.2 x'), 'invalid_address', 'recipient'],
  ['5.1.3', reply('501 5.1.3 x'), 'invalid_address', 'recipient'],
  ['5.2.3', reply('552 5.2.3 x', 'EMESSAGE', 'DATA'), 'invalid_content', 'message'],
  ['4.2.3', reply('452 4.2.3 x', 'EMESSAGE', 'DATA'), 'invalid_content', 'message'],
  ['5.3.4', reply('552 5.3.4 x', 'EENVELOPE', 'MAIL FROM'), 'invalid_content', 'message'],
  ['local size check', { code: 'EMESSAGE', command: 'MAIL FROM' }, 'invalid_content', 'message'],
  ['EFILEACCESS', { code: 'EFILEACCESS' }, 'invalid_content', 'message'],
  ['EURLACCESS', { code: 'EURLACCESS' }, 'invalid_content', 'message'],
  ['EMAXRECIPIENTS', { code: 'EMAXRECIPIENTS' }, 'invalid_content', 'message'],
  ['4.7.28', reply('421 4.7.28 x'), 'rate_limited', 'channel'],
  ['4.7.0', reply('451 4.7.0 x'), 'transient', 'recipient'],
  ['4.7.1 greylist', reply('450 4.7.1 x'), 'transient', 'recipient'],
  ['4.2.2 mailbox full', reply('452 4.2.2 x'), 'transient', 'recipient'],
  ['421', reply('421 x'), 'transient', 'channel'],
  ['450', reply('450 x'), 'transient', 'recipient'],
  ['451', reply('451 x'), 'transient', 'recipient'],
  ['452', reply('452 x'), 'transient', 'recipient'],
  ['any other 4xx', reply('454 4.3.9 x'), 'transient', 'recipient'],
  ['EDNS', { code: 'EDNS' }, 'transient', 'channel'],
  ['ESOCKET', { code: 'ESOCKET' }, 'transient', 'channel'],
  ['ECONNECTION', { code: 'ECONNECTION', command: 'CONN' }, 'transient', 'channel'],
  ['ETIMEDOUT', { code: 'ETIMEDOUT' }, 'transient', 'channel'],
  ['EPROTOCOL', { code: 'EPROTOCOL', command: 'CONN' }, 'transient', 'channel'],
  ['EPROTOCOL with 421', reply('421 4.3.2 x', 'EPROTOCOL', 'CONN'), 'transient', 'channel'],
  ['ETLS', { code: 'ETLS' }, 'transient', 'channel', { alert: true }],
  ['5.2.2', reply('552 5.2.2 x'), 'suppressed', 'recipient'],
  ['5.7.1', reply('550 5.7.1 x'), 'unlisted', 'recipient', { alert: true }],
  ['5.7.26', reply('550 5.7.26 x', 'EMESSAGE', 'DATA'), 'unlisted', 'recipient', { alert: true }],
  ['530', reply('530 5.7.0 x', 'EENVELOPE', 'MAIL FROM'), 'auth', 'channel'],
  ['534', reply('534 5.7.9 x', 'EENVELOPE', 'MAIL FROM'), 'auth', 'channel'],
  ['535', reply('535 5.7.8 x', 'EENVELOPE', 'MAIL FROM'), 'auth', 'channel'],
  ['535 to a login', reply('535 5.7.8 x', 'EAUTH', 'AUTH PLAIN'), 'auth', 'channel'],
  ['EAUTH', { code: 'EAUTH', command: 'API' }, 'auth', 'channel'],
  ['ENOAUTH', { code: 'ENOAUTH' }, 'auth', 'channel'],
  ['EOAUTH2', { code: 'EOAUTH2' }, 'auth', 'channel'],
  ['5.5.x at DATA', reply('503 5.5.1 x', 'EENVELOPE', 'DATA'), 'config', 'channel', { alert: true }],
  ['any other 5xx', reply('554 5.6.9 x', 'EMESSAGE', 'DATA'), 'unlisted', 'message'],
  ['any other 5xx, multi-line', reply('550-first\n550 second'), 'unlisted', 'message'],
  ['a login by another reply', reply('500 5.7.3 x', 'EAUTH', 'AUTH PLAIN'), 'auth', 'channel'],
  ['a login asked for as a policy', reply('530 5.7.1 x', 'EENVELOPE', 'MAIL FROM'), 'auth', 'channel'],
  ['turned away at the door', reply('554 5.7.1 x', 'EPROTOCOL', 'CONN'), 'transient', 'channel', { alert: true }],
  ['STARTTLS refused', reply('502 5.5.1 x', 'ETLS', 'STARTTLS'), 'transient', 'channel', { alert: true }],
  ['an address that nodemailer refuses', { code: 'EENVELOPE', command: 'API' }, 'invalid_address', 'recipient'],
  ['ECONFIG', { code: 'ECONFIG' }, 'config', 'channel'],
  ['EABORT before the hand-over', { code: 'EABORT' }, 'transient', 'message'],
  ['ESTREAM', { code: 'ESTREAM', command: 'API' }, 'transient', 'message'],
];

describe('R87 R101 the rows of the table', () => {
  test.each(cases)('R87 %s', (_name, fault, expected, scope, more = {}) => {
    expect(classifySmtpError(fault)).toMatchObject({ class: expected, scope, ...more });
  });

  test('R87 the enhanced code outranks the reply, the reply outranks nodemailer', () => {
    expect(classifySmtpError(reply('421 4.7.28 slow down', 'ECONNECTION')).class).toBe('rate_limited');
    expect(classifySmtpError(reply('451 5.1.1 odd but final')).class).toBe('not_on_channel');
    expect(classifySmtpError({ code: 'ECONNECTION', responseCode: 535, response: '535 no' }).class).toBe('auth');
  });

  test('R87 one recipient cannot pause the channel by a protocol code, and our refused sender marks no recipient', () => {
    expect(classifySmtpError(reply('550 5.5.0 mailbox unavailable'))).toMatchObject({ class: 'config', scope: 'recipient' });
    expect(classifySmtpError(reply('550 5.1.1 sender unknown', 'EENVELOPE', 'MAIL FROM'))).toMatchObject({ class: 'config', scope: 'channel' });
  });

  test('R101 turned away at the door or while logging in: the channel waits, no message fails for ever', () => {
    expect(classifySmtpError(reply('554 5.7.1 blocked', 'EPROTOCOL', 'CONN'))).toMatchObject({ class: 'transient', scope: 'channel', alert: true });
    expect(classifySmtpError(reply('535 5.7.1 no', 'EAUTH', 'AUTH LOGIN'))).toMatchObject({ class: 'auth' });
    expect(classifySmtpError(reply('454 4.7.0 later', 'EAUTH', 'AUTH LOGIN'))).toMatchObject({ class: 'transient' });
  });
});

describe('H2 R99 after the hand-over', () => {
  const codes = ['ECONNECTION', 'ESOCKET', 'ETIMEDOUT', 'EMESSAGE', 'EABORT', 'EPROTOCOL', 'ESTREAM', undefined];

  test.each(codes)('H2 %s without a reply is unknown', (code) => {
    expect(classifySmtpError({ code, handedOver: true })).toMatchObject({ class: 'unknown', scope: 'message' });
  });

  test.each([
    ['a reply cut off by the end of the connection', { code: 'ECONNECTION', responseCode: 451, response: '451 par' }],
    ['a reply to something else', { code: 'EPROTOCOL', responseCode: 550, response: '550 5.1.1 x' }],
    ['a reply that refuses nothing', { code: 'EMESSAGE', responseCode: 354, response: '354 go on' }],
  ])('H2 %s is unknown', (_name, fault) => {
    expect(classifySmtpError({ ...fault, handedOver: true }).class).toBe('unknown');
  });

  test('H2 a full refusal of the final dot is a refusal', () => {
    expect(classifySmtpError({ ...reply('550 5.7.1 spam', 'EMESSAGE', 'DATA'), handedOver: true }).class).toBe('unlisted');
    expect(classifySmtpError({ ...reply('451 4.3.0 later', 'EMESSAGE', 'DATA'), handedOver: true }).class).toBe('transient');
  });
});

test('R87 whatever is thrown becomes a failure, and without a hand-over it is never unknown', () => {
  for (const thrown of [
    null,
    undefined,
    'text',
    42,
    {},
    new Error('x'),
    new TypeError('y'),
    { code: 7, response: {} },
    { code: '__proto__' },
    { code: 'constructor' },
  ]) {
    expect(classifySmtpError(thrown)).toMatchObject({ class: 'transient', maxAttempts: 3 });
  }
});

test('R87 the cases above reach every row of the table, and each row names a class that exists', () => {
  const decides = (fault: SmtpFault): string | undefined => {
    const enhanced = /^\d{3}[ -](\d\.\d+\.\d+)/.exec(fault.response ?? '')?.[1];
    return keysOf(fault, enhanced).find((key) => key in smtpFailureTable);
  };
  expect([...new Set(cases.map(([, fault]) => decides(fault)))].toSorted()).toEqual(Object.keys(smtpFailureTable).toSorted());
  for (const row of Object.values(smtpFailureTable)) expect(failureClasses).toContain(row.class);
});
