/**
 * A program that looks at a database all the time: `ledger-reader.ts DATABASE TABLE…`. Whenever it looks, amounts come
 * to nothing and every table has as many rows as the others. It says when it has seen enough states, and, told to end,
 * what it saw.
 */
import { DatabaseSync } from 'node:sqlite';

/** After so many states it says so: with fewer, a half one would be missed too easily. */
const ENOUGH_STATES = 6;
const READONLY_ROLLBACK = 776;

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

type Found = { n: number; amount: number }[];

/**
 * Now and then, between two commits of any program, SQLite takes the journal of the second for one that a crash left,
 * and a reader that may not roll it back is refused (SQLITE_READONLY_ROLLBACK; seen with two programs and no Tieout).
 */
function found(): Found | undefined {
  try {
    return all.all() as Found;
  } catch (error) {
    if ((error as { errcode?: number }).errcode === READONLY_ROLLBACK) return undefined;
    throw error;
  }
}

function look(): void {
  const state = found();
  if (state) judge(state);
  if (!isOver) setImmediate(look);
  else process.send?.({ looks, states, halves: halves.slice(0, 3) } satisfies Looked, () => process.disconnect?.());
}

function judge(found: Found): void {
  looks += 1;
  const told = JSON.stringify(found);
  if (told !== last) {
    states += 1;
    if (states === ENOUGH_STATES) process.send?.('enough');
  }
  last = told;
  const isBalanced = found.reduce((sum, { amount }) => sum + amount, 0) === 0;
  if (!isBalanced || found.some(({ n }) => n !== found[0]?.n)) halves.push(told);
}
look();
