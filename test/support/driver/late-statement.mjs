/**
 * A statement of a transaction whose connection died, issued while another transaction has taken its slot.
 * Run as: node late-statement.mjs <the driver's file> <database URL>. Prints what became of both, as JSON.
 */

import { pathToFileURL } from 'node:url';

const [driver, url] = process.argv.slice(2);
const { default: postgres } = await import(pathToFileURL(driver).href);

const uncaught = [];
process.on('uncaughtException', (error) => uncaught.push(error.message));
process.on('unhandledRejection', (error) => uncaught.push(error.message));
setTimeout(() => finish({ unsettled: true }), 20_000).unref();

const options = { max: 1, backoff: () => 0.05, onnotice: () => {} };
const sql = postgres(url, options);
const admin = postgres(url, options);
await admin`create table said (text text)`;

const backend = gate();
const secondWrote = gate();
const lateSettled = gate();
let late;

const first = sql.begin(async (tx) => {
  const [{ pid }] = await tx`select pg_backend_pid() as pid`;
  backend.open(pid);
  await secondWrote.opened;
  late = await tx`insert into said values ('late')`.then(
    () => 'executed',
    (error) => error.code ?? error.message,
  );
  lateSettled.open();
});
const firstEnd = first.then(
  () => 'committed',
  (error) => error.code ?? error.message,
);

await admin`select pg_terminate_backend(${await backend.opened})`;
await firstEnd;
const second = sql.begin(async (tx) => {
  await tx`insert into said values ('second')`;
  secondWrote.open();
  await lateSettled.opened;
});
const secondEnd = await second.then(
  () => 'committed',
  (error) => error.code ?? error.message,
);
finish({ unsettled: false, late, first: await firstEnd, second: secondEnd, rows: (await admin`select text from said order by text`).map((row) => row.text) });

function gate() {
  let open;
  const opened = new Promise((resolve) => (open = resolve));
  return { opened, open };
}

function finish(result) {
  console.log(JSON.stringify({ ...result, uncaught }));
  process.exit(0);
}
