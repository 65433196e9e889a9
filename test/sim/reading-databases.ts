/** What the databases of people's programs hold: the values that were written to be found again, and what is broken. */
import type { DatabaseSync } from 'node:sqlite';
import { ApplicationDatabase } from './open-stores.ts';

/** A value that was written by one of our programs. */
const TOKEN = /^[A-Z][a-z]+#\d+$/;

/** The database of the books, or the ledger? */
export function isBooks(db: DatabaseSync): boolean {
  return db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'setting'").get() !== undefined;
}

/** All values of ours that stand in any table. */
export function tokensIn(db: DatabaseSync): Set<string> {
  const found = new Set<string>();
  for (const table of tablesOf(db)) {
    const statement = db.prepare(`SELECT * FROM "${table}"`);
    statement.setReadBigInts(true);
    for (const row of statement.all()) {
      for (const value of Object.values(row)) if (isToken(value)) found.add(value);
    }
  }
  return found;
}

export function isToken(value: unknown): value is string {
  return typeof value === 'string' && TOKEN.test(value);
}

function tablesOf(db: DatabaseSync): string[] {
  const rows = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
  return rows.map(({ name }) => String(name)).filter((name) => !/^(sqlite_|_tieout_)/.test(name));
}

type Contents = Readonly<Record<string, readonly string[]>>;

/** What a database file shows, for comparing: rows as text, in an order that does not depend on where they lie. */
export function readDatabase(
  native: string,
  ask: 'all' | 'contents' = 'all',
): { contents: Contents; faults: string[] } {
  const db = new ApplicationDatabase(new URL(`file://${encodeURI(native)}?mode=rw`), { timeout: 0 });
  try {
    const contents: Record<string, string[]> = {};
    for (const table of tablesOf(db)) {
      const statement = db.prepare(`SELECT * FROM "${table}"`);
      statement.setReadBigInts(true);
      contents[table] = statement
        .all()
        .map((row) => inOrder(row).map(shown).join(' | '))
        .sort();
    }
    if (ask === 'contents') return { contents, faults: [] };
    const faults: string[] = [];
    const integrity = db
      .prepare('PRAGMA integrity_check')
      .all()
      .map((row) => String(row.integrity_check));
    if (integrity.join() !== 'ok') faults.push(`integrity_check: ${integrity.join('; ')}`);
    const broken = db.prepare('PRAGMA foreign_key_check').all();
    if (broken.length > 0) faults.push(`foreign_key_check: ${JSON.stringify(broken)}`);
    faults.push(...brokenMovements(db), ...brokenReferences(db));
    return { contents, faults };
  } finally {
    db.close();
  }
}

/** By the names of the columns: where two have added one each, they come in another order. */
function inOrder(row: Readonly<Record<string, unknown>>): unknown[] {
  return Object.keys(row)
    .sort()
    .map((name) => row[name]);
}

/** Movements are made in pairs that add up to nothing. */
function brokenMovements(db: DatabaseSync): string[] {
  const there = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'movement'").get();
  const sum = there && Number(db.prepare('SELECT coalesce(sum(amount), 0) AS sum FROM movement').get()?.sum);
  return sum === undefined || sum === 0 ? [] : [`half a transaction: movements add up to ${sum}`];
}

/** However entries are numbered anew: a line refers to the entry that it was made for. */
function brokenReferences(db: DatabaseSync): string[] {
  if (!db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'line'").get()) return [];
  const broken = db
    .prepare(`SELECT line.entry, line.nr, line.belongs, entry.mark FROM line JOIN entry ON entry.id = line.entry
              WHERE line.belongs IS NOT entry.mark`)
    .all();
  return broken.map(
    ({ entry, nr, belongs, mark }) => `line ${entry}.${nr} belongs to “${belongs}” and refers to “${mark}”`,
  );
}

function shown(value: unknown): string {
  if (value === null) return 'NULL';
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString('hex')}'`;
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return `${value}r`;
  return JSON.stringify(value);
}
