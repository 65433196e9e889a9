/** A program that commits to ten tables at once until it is told to end: `ledger-writer.ts DATABASE TABLE…`. */
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';

const [path, ...tables] = process.argv.slice(2);
const db = new DatabaseSync(path as string, { timeout: 20_000 });
const inserts = tables.map((table) => db.prepare(`INSERT INTO ${table} (entry, amount) VALUES (?, ?)`));
const updates = tables.map((table) => db.prepare(`UPDATE ${table} SET amount = amount + ? WHERE id = 1`));
const deletes = tables.map((table) => db.prepare(`DELETE FROM ${table} WHERE entry = ?`));

/** Then it says so: that many commits are a load. */
const LOAD = 60;
let isOver = false;
process.once('message', () => {
  isOver = true;
});
for (let n = 1; !isOver; n++) {
  db.exec('BEGIN IMMEDIATE');
  for (const [index, insert] of inserts.entries()) insert.run(`commit ${n}`, (index * 2 - 9) * n);
  // One old row of each, by amounts that come to nothing.
  for (const [index, update] of updates.entries()) update.run(index * 2 - 9);
  if (n % 7 === 0) for (const one of deletes) one.run(`commit ${n - 3}`);
  db.exec('COMMIT');
  if (n === LOAD) process.send?.('load');
  await pause(3);
}
db.close();
process.disconnect?.();
