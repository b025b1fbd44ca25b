import { Writable } from 'node:stream';
import { DrizzleQueryError } from 'drizzle-orm';
import { expect, test } from '@jest/globals';
import { createLogger } from '../../runtime/logger.js';

function logged(...facts: object[]): string {
  let output = '';
  const destination = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      output += chunk.toString();
      done();
    },
  });
  const logger = createLogger({ level: 'info', name: 'test', destination });
  for (const one of facts) logger.warn(one, 'a fault');
  return output;
}

test('R116 a failed statement is logged without its parameters, also as a cause', () => {
  const statement = new DrizzleQueryError(
    'insert into messages (text) values ($1)',
    ['canary text', 'canary@example.test'],
    new Error('Key (value)=(canary) already exists'),
  );
  const output = logged({ err: statement }, { err: new Error('outer', { cause: statement }) });
  expect(output).toContain('Failed query');
  expect(output).not.toContain('canary text');
  expect(output).not.toContain('canary@example.test');
});

test('R116 addresses, quoted values and long numbers in a message are taken out; type, code and place stay', () => {
  const error = Object.assign(new Error('invalid input "canary" for canary@example.test and +12025550123'), { code: '22P02' });
  const output = logged({ err: error });
  expect(output).not.toMatch(/canary|12025550123/);
  expect(JSON.parse(output)).toMatchObject({ err: { type: 'Error', code: '22P02', at: expect.arrayContaining([expect.stringContaining('logger.test')]) } });
});
