/**
 * A program that looks at a database all the time: `ledger-reader.ts DATABASE TABLE…`. Whenever it looks, amounts come
 * to nothing and every table has as many rows as the others. Told to end, it says what it saw.
 */
import { DatabaseSync } from 'node:sqlite';

export interface Looked {
  readonly looks: number;
  /** How many different ones it saw. */
  readonly states: number;
  /** Half transactions: none, if all is well. */
  readonly halves: readonly string[];
}

const [path, ...tables] = process.argv.slice(2);
const db = new DatabaseSync(path as string, { readOnly: true, timeout: 20_000 });
// One statement is one state of the database.
const all = db.prepare(
  tables.map((table) => `SELECT count(*) AS n, sum(amount) AS amount FROM ${table}`).join(' UNION ALL '),
);
const halves: string[] = [];
let [looks, states, last] = [0, 0, ''];
let isOver = false;
process.once('message', () => {
  isOver = true;
});

function look(): void {
  const found = all.all() as { n: number; amount: number }[];
  looks += 1;
  const told = JSON.stringify(found);
  if (told !== last) states += 1;
  last = told;
  const isBalanced = found.reduce((sum, { amount }) => sum + amount, 0) === 0;
  if (!isBalanced || found.some(({ n }) => n !== found[0]?.n)) halves.push(told);
  if (!isOver) setImmediate(look);
  else process.send?.({ looks, states, halves: halves.slice(0, 3) } satisfies Looked, () => process.disconnect?.());
}
look();
