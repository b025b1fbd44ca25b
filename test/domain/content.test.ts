import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Content, refuseContent } from '../../domain/content.js';
import { capabilitiesOf } from './facts.js';

const mailboxes = ['desk@shop.example', 'Info@Shop.example'];
const onEmail = (content: Partial<Content>): { code: string; pointer: string }[] =>
  refuseContent({ kind: 'text', text: 'Hello', subject: 'Order', ...content }, capabilitiesOf.email, mailboxes);
const onWhatsapp = (content: Partial<Content>): { code: string; pointer: string }[] =>
  refuseContent({ kind: 'text', text: 'Hello', ...content }, capabilitiesOf.whatsapp, []);

test('an ordinary text is fine', () => {
  expect(onEmail({})).toEqual([]);
  expect(onWhatsapp({})).toEqual([]);
});

describe('BCC', () => {
  test('R71 BCC exists on email only', () => {
    expect(onEmail({ bcc: ['a@b.co'] })).toEqual([]);
    expect(onWhatsapp({ bcc: ['a@b.co'] })).toEqual([{ code: 'BCC_NOT_SUPPORTED', pointer: '/bcc' }]);
    expect(onWhatsapp({ bcc: [] })).toEqual([]);
  });

  test.each(['a@b.co', 'first.last@mail.example', 'a_b-c.9@sub.example.org', 'A@B.COM', '.@-.co'])('R73 X16 %s is a BCC address', (address) => {
    expect(onEmail({ bcc: [address] })).toEqual([]);
  });

  test.each([
    'a+b@x.com',
    'a@b.c.d.com',
    'x@y.c',
    'x@y',
    '@y.com',
    'a@.com',
    'почта@пример.рф',
    'a@пример.рф',
    'a@b.c0m',
    'a@b.com ',
    ' a@b.com',
    'a@b.com\n',
    'a@b.com\r\nBcc: evil@x.com',
    'a@b.com,c@d.com',
    'a＠b.com',
    '',
    `${'a'.repeat(250)}@b.com`,
  ])('R73 X16 %j is none, and the refusal names it', (address) => {
    expect(onEmail({ bcc: ['ok@b.co', address] })).toEqual([{ code: 'BCC_INVALID', pointer: '/bcc/1', detail: `${address} is not a valid BCC address.` }]);
  });

  test('R73 every address that is wrong is named', () => {
    expect(onEmail({ bcc: ['x', 'ok@b.co', 'y'] }).map((one) => one.pointer)).toEqual(['/bcc/0', '/bcc/2']);
  });

  test('X16 the grammar is a setting', () => {
    const content: Content = { kind: 'text', text: 'Hello', subject: 'Order', bcc: ['a+b@x.com'] };
    expect(refuseContent(content, capabilitiesOf.email, mailboxes, '^[^@\\s]+@x\\.com$')).toEqual([]);
  });

  test('R73 a long hostile address is judged in no time', () => {
    const began = performance.now();
    for (const one of [`${'a-'.repeat(500_000)}@`, `a@${'b.'.repeat(500_000)}`, `a@${'b'.repeat(1_000_000)}`]) expect(onEmail({ bcc: [one] })).toHaveLength(1);
    expect(performance.now() - began).toBeLessThan(1_000);
  });

  test('R73 whatever passes has one at sign, one to three dots behind it at most two labels deep, and nothing but ASCII', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.emailAddress()), (address) => {
        if (onEmail({ bcc: [address] }).length > 0) return;
        const [login, domain, ...more] = address.split('@');
        expect(more).toEqual([]);
        expect(login).toMatch(/^[A-Za-z0-9._-]+$/);
        expect([2, 3]).toContain(domain!.split('.').length);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('subject and from', () => {
  test.each([{ subject: undefined }, { subject: '' }, { subject: ' \t' }])('R75 X12 an email with the subject $subject is refused', ({ subject }) => {
    const { subject: _, ...rest } = { kind: 'text' as const, text: 'Hello', subject: 'x' };
    const content: Content = subject === undefined ? rest : { ...rest, subject };
    expect(refuseContent(content, capabilitiesOf.email, mailboxes)).toEqual([{ code: 'SUBJECT_REQUIRED', pointer: '/subject' }]);
  });

  test('X12 the subject is part of email alone: no other channel asks for one', () => {
    expect(onWhatsapp({})).toEqual([]);
  });

  test('R75 a template brings its own subject', () => {
    expect(refuseContent({ kind: 'template', templateId: 't' }, capabilitiesOf.email, mailboxes)).toEqual([]);
  });

  test('R75 a subject longer than a header line is refused', () => {
    expect(onEmail({ subject: 'x'.repeat(998) })).toEqual([]);
    expect(onEmail({ subject: 'x'.repeat(999) })).toEqual([{ code: 'TEXT_TOO_LONG', pointer: '/subject' }]);
  });

  test('R74 the from address is one of the connected mailboxes, in whatever case it is written', () => {
    expect(onEmail({ from: 'desk@shop.example' })).toEqual([]);
    expect(onEmail({ from: 'DESK@shop.example' })).toEqual([]);
    expect(onEmail({ from: 'info@shop.example' })).toEqual([]);
    expect(onEmail({ from: 'ceo@shop.example' })).toEqual([{ code: 'FROM_NOT_CONNECTED', pointer: '/from' }]);
  });

  test('R74 X12 without a from address the default mailbox serves', () => {
    expect(onEmail({})).toEqual([]);
  });
});

describe('the text', () => {
  test.each([
    { content: { kind: 'text', text: '' }, pointers: ['/text'] },
    { content: { kind: 'text', text: ' \n ' }, pointers: ['/text'] },
    { content: { kind: 'text' }, pointers: ['/text'] },
    { content: { kind: 'attachment' }, pointers: ['/attachmentIds'] },
    { content: { kind: 'text_attachment', text: 'Hello', attachmentIds: [] }, pointers: ['/attachmentIds'] },
    { content: { kind: 'text_attachment' }, pointers: ['/text', '/attachmentIds'] },
  ] satisfies { content: Content; pointers: string[] }[])('$content is empty', ({ content, pointers }) => {
    expect(refuseContent(content, capabilitiesOf.whatsapp, [])).toEqual(pointers.map((pointer) => ({ code: 'CONTENT_EMPTY', pointer })));
  });

  test('the limit is the one of the channel, counted in characters and inclusive', () => {
    expect(onWhatsapp({ text: '😀'.repeat(4096) })).toEqual([]);
    expect(onWhatsapp({ text: '😀'.repeat(4097) })).toEqual([
      { code: 'TEXT_TOO_LONG', pointer: '/text', detail: 'The channel carries 4096 characters, this text has 4097.' },
    ]);
  });

  test('an attachment on a channel that carries none is refused', () => {
    expect(onWhatsapp({ kind: 'text_attachment', attachmentIds: ['a'] })).toEqual([{ code: 'ATTACHMENTS_NOT_SUPPORTED', pointer: '/attachmentIds' }]);
  });

  test('all that is wrong is told at once', () => {
    expect(onEmail({ text: '', subject: '', from: 'x', bcc: ['x'] }).map((one) => one.code)).toEqual([
      'CONTENT_EMPTY',
      'SUBJECT_REQUIRED',
      'FROM_NOT_CONNECTED',
      'BCC_INVALID',
    ]);
  });
});
