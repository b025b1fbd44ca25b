/**
 * The SMTP server that all contestants send to, and the judge: it notes when the last byte of each mail has come, by the token at the end
 * of the subject, and tells its parent. It does as little as it can, and waits `delayMs` before it answers.
 */

import { argv } from 'node:process';
import { SMTPServer } from 'smtp-server';
import type { Arrival } from './sink.js';

/** How often arrivals are told, in milliseconds. */
const tellEveryMs = 20;
const headerBytes = 4_096;

let delayMs = 0;
let untold: Arrival[] = [];
process.on('message', (said: { delayMs: number }) => ({ delayMs } = said));
process.on('disconnect', () => process.exit(0));
setInterval(() => {
  if (untold.length === 0) return;
  process.send!(untold);
  untold = [];
}, tellEveryMs);

const server = new SMTPServer({
  banner: 'bench',
  disabledCommands: ['AUTH', 'STARTTLS'],
  disableReverseLookup: true,
  authOptional: true,
  logger: false,
  onData: (stream, _session, done) => {
    let head = '';
    stream.on('data', (chunk: Buffer) => {
      if (head.length < headerBytes) head += chunk.toString('latin1');
    });
    stream.on('end', () => {
      untold.push([/^Subject: .*?(\w+)\r$/im.exec(head)?.[1] ?? '', Number(process.hrtime.bigint()) / 1e6]);
      if (delayMs === 0) done();
      else setTimeout(done, delayMs);
    });
  },
});
// A sender that was killed leaves a broken line behind.
server.on('error', () => {});
server.listen(Number(argv[2]), '127.0.0.1');
