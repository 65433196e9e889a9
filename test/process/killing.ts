/** What is killed while people edit: the hub, agents, the processes of their databases, and the people's programs. */
import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Copy } from './engagement.ts';
import { type Office, until } from './office.ts';

/** One in WAL mode, one with a rollback journal: applications have both. */
export const DATABASES = ['ledger.db', 'notes.sqlite'] as const;
/** Rows that programs write many at a time; of each batch there must be all or none. */
export const BATCHES = 'CREATE TABLE batch (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT);';
const BATCH_ROWS = 25;
const BULK_ROWS = 1500;

/** What has been committed and saved, by whom it does not matter: every value and every content is unique. */
export interface Written {
  readonly cells: Set<string>;
  readonly documents: Map<string, string>;
}

export function writtenNothing(): Written {
  return { cells: new Set(), documents: new Map() };
}

/** Kills something, and starts it again: at once, or when some more has been edited without it. */
export async function kill(
  office: Office,
  copies: readonly Copy[],
  next: () => number,
  written: Written,
  say: (text: string) => void,
): Promise<void> {
  const choice = next();
  const one = copies[Math.floor(next() * copies.length)] as Copy;
  const patience = next() < 0.5 ? 0 : 300 * next();
  if (choice < 0.12) {
    say('kill -9 hub');
    await office.hub.kill();
    await pauseOf(patience);
    return office.hub.start();
  }
  if (choice < 0.35) {
    say(`kill -9 a program of ${one.machine.user}`);
    return killProgram(one, next, written);
  }
  // Of a bulk, capture and apply take long enough to be met: who wrote it captures, all others apply.
  const by = copies[Math.floor(next() * copies.length)] as Copy;
  if (next() < 0.5) {
    await bulk(by, next, written);
    await pauseOf(250 * next());
  }
  if (choice < 0.6) {
    say(`kill -9 databases of ${one.machine.user}`);
    one.machine.killDatabases();
  } else {
    say(`kill -9 agent of ${one.machine.user}`);
    await one.machine.kill();
    await pauseOf(patience);
    const { exit, err } = await one.machine.run('copies');
    assert.equal(exit, 0, err);
  }
}

let batches = 0;

/** A program that commits one batch after the other, and is killed in one of them. What it has said to be done is done. */
async function killProgram(copy: Copy, next: () => number, written: Written): Promise<void> {
  const database = next() < 0.5 ? DATABASES[0] : DATABASES[1];
  const name = `batch ${copy.machine.user} ${++batches}`;
  const program =
    next() < 0.5
      ? spawn('sqlite3', ['-bail', '-cmd', '.timeout 20000', copy.at(database)])
      : nodeShell(copy.at(database));
  let told = '';
  program.stdout.setEncoding('utf8').on('data', (text: string) => {
    told += text;
  });
  // Whoever writes to a program that is killed may hear of it.
  program.stdin.on('error', () => {});
  const ended = once(program, 'close');
  for (let n = 0; n < 40; n++)
    program.stdin.write(`BEGIN IMMEDIATE; ${batchOf(`${name}-${n}`)}; COMMIT; SELECT '${name}-${n}';\n`);
  await until('a program has begun', () => told !== '' || program.exitCode !== null);
  await pauseOf(60 * next());
  program.kill('SIGKILL');
  await ended;
  for (const line of told.split('\n').slice(0, -1)) written.cells.add(line);
}

/** As the sqlite3 command, by Node's SQLite: statements line by line, what they select is printed. */
function nodeShell(database: string): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [join(import.meta.dirname, 'node-shell.ts'), database]);
}

function batchOf(name: string, rows = BATCH_ROWS): string {
  return `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows}) INSERT INTO batch (text) SELECT '${name}' FROM n`;
}

async function bulk(copy: Copy, next: () => number, written: Written): Promise<void> {
  const name = `bulk ${copy.machine.user} ${++batches}`;
  await copy.sql(`BEGIN IMMEDIATE; ${batchOf(name, BULK_ROWS)}; COMMIT`, next() < 0.5 ? DATABASES[0] : DATABASES[1]);
  written.cells.add(name);
}

/** Batches of which not all rows are there. */
export function halvesOf(copy: Copy, database: string): Promise<string> {
  const rows = `CASE WHEN text LIKE 'bulk%' THEN ${BULK_ROWS} ELSE ${BATCH_ROWS} END`;
  return copy.sql(`SELECT text, count(*) FROM batch GROUP BY text HAVING count(*) <> ${rows}`, database);
}

/** The life of the storm itself, not a wait for the product: how long something stays dead. */
function pauseOf(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
