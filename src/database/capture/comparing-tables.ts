/**
 * Finds out by comparison what nobody marked: tables that were rebuilt, a file that was replaced. What differs from what
 * is shown is reported as marks, so that everything after is one and the same.
 */
import type { RowId } from '../../core/body.ts';
import { ProblemError } from '../../core/problem.ts';
import { canonicalKey, keyOfRow, numberColumn, referencesInKey, rowOfKey, type Table } from '../../core/tables.ts';
import { sameValue, type Value } from '../../core/value.ts';
import type { Mark } from '../file/marks.ts';
import type { OpenFile } from '../file/open-file.ts';
import { quoted } from '../file/sql.ts';
import type { Shown } from '../folding/shown.ts';
import { type BaseComparison, compareWithBase } from './comparing-base.ts';
import { Naming } from './naming.ts';

/** Fewer rows than this may go without a question: a small table emptied is work, a large one an accident. */
export const MANY_ROWS = 50;

/** Marks that are in no file: what would have been marked. Throws `ProblemError` at its end when too much is gone. */
export function* compareTables(file: OpenFile, shown: Shown): Generator<Mark> {
  for (const id of file.unmarked) {
    const table = file.tables.get(id);
    if (table === undefined || table.left) continue;
    for (const { op, key } of differences(file, shown, table)) {
      yield { id: 0, nonce: 0n, table: file.numberOf(table), op, key };
    }
  }
}

export interface Difference {
  readonly op: 'i' | 'u' | 'd';
  readonly key: readonly Value[];
  /** The row that is shown there, or would be; null: nobody has that number. */
  readonly row: RowId | null;
}

function* differences(file: OpenFile, shown: Shown, table: Table): Generator<Difference> {
  let gone = 0;
  for (const difference of differencesIn(file, shown, table)) {
    // Nobody was asked to follow what happened to its rows.
    if (difference.op === 'd' && file.takenIn.has(table.id)) continue;
    if (difference.op === 'd') gone += 1;
    yield difference;
  }
  refuseManyGone(file, shown, table, gone);
}

/** All rows of the table that are otherwise in the file than they are shown. */
export function differencesIn(file: OpenFile, shown: Shown, table: Table): Generator<Difference> {
  const naming = new Naming(shown, new Map());
  const base = compareWithBase(file, shown, table);
  return base === null ? rowByRow(file, shown, table, naming) : sinceBase(file, shown, table, naming, base);
}

/**
 * Throws `ProblemError` where so many rows are gone that somebody is to be asked. `later`: rows that the file is too old
 * to have, of which nobody can say that they are gone.
 */
export function refuseManyGone(file: OpenFile, shown: Shown, table: Table, gone: number, later = 0): void {
  if (gone <= MANY_ROWS) return;
  let known = -later;
  for (const row of knownRows(shown, table)) if (shown.isThere(table, row)) known += 1;
  if (gone <= known / 2) return;
  const there = Number(file.sql.one(`SELECT count(*) FROM ${quoted(table.name)}`));
  throw manyGone(file, table.name, { gone, known, there });
}

function* rowByRow(file: OpenFile, shown: Shown, table: Table, naming: Naming): Generator<Difference> {
  const sql = file.sqlOf(table);
  for (const actual of sql.scan()) {
    const key = table.key.map(({ at }) => actual[at] as Value);
    yield* differenceAt(shown, table, naming, key, actual);
  }
  for (const row of knownRows(shown, table)) yield* ifGone(file, shown, table, row);
}

/** Rows that nobody has written to are found by SQLite, the others one by one. */
function* sinceBase(
  file: OpenFile,
  shown: Shown,
  table: Table,
  naming: Naming,
  base: BaseComparison,
): Generator<Difference> {
  const sql = file.sqlOf(table);
  for (const key of base.changed()) {
    const actual = sql.read(key);
    if (actual !== undefined) yield* differenceAt(shown, table, naming, exactKey(table, actual), actual);
  }
  const written = shown.view.rows(table.id);
  for (const row of written) {
    const named = row[0] === 'k' && referencesInKey(row) === null ? keyOfRow(row) : null;
    for (const key of [shown.key(table, row), named]) {
      const actual = key === null ? undefined : sql.read(key);
      if (actual !== undefined) yield* differenceAt(shown, table, naming, exactKey(table, actual), actual);
    }
    yield* ifGone(file, shown, table, row);
  }
  const isWritten = new Set(written);
  for (const key of base.gone()) {
    const row = rowOfBase(table, key);
    if (!isWritten.has(row)) yield* ifGone(file, shown, table, row);
  }
}

function rowOfBase(table: Table, key: readonly Value[]): RowId {
  return rowOfKey(key.map((item, index) => canonicalKey(item, table.key[index]?.collation ?? 'BINARY')));
}

function exactKey(table: Table, actual: readonly Value[]): Value[] {
  return table.key.map(({ at }) => actual[at] as Value);
}

function* differenceAt(
  shown: Shown,
  table: Table,
  naming: Naming,
  key: readonly Value[],
  actual: readonly Value[],
): Generator<Difference> {
  if (key.includes(null)) return;
  const row = rowAt(shown, naming, table, key);
  const known = row === null ? null : shown.values(table, row);
  if (known === null) yield { op: 'i', key, row };
  else if (known.some((item, at) => !table.columns[at]?.left && !sameValue(item, actual[at] as Value)))
    yield { op: 'u', key, row };
}

function* ifGone(file: OpenFile, shown: Shown, table: Table, row: RowId): Generator<Difference> {
  const key = goneAt(file, shown, table, row);
  if (key !== null) yield { op: 'd', key, row };
}

/** Where a row is shown that is not in the file. */
function goneAt(file: OpenFile, shown: Shown, table: Table, row: RowId): readonly Value[] | null {
  const key = shown.isThere(table, row) ? shown.key(table, row) : null;
  return key !== null && !file.sqlOf(table).has(key) ? key : null;
}

export function isGone(file: OpenFile, shown: Shown, table: Table, row: RowId): boolean {
  return goneAt(file, shown, table, row) !== null;
}

/** Is a row of the base not in the file that is shown and not among the `written`? */
export function lacksOfBase(file: OpenFile, shown: Shown, table: Table, written: readonly RowId[]): boolean {
  const known = new Set(written);
  const isMissing = (row: RowId): boolean => !known.has(row) && isGone(file, shown, table, row);
  const base = compareWithBase(file, shown, table);
  if (base === null) {
    for (const row of shown.base.rows(table)) if (isMissing(row)) return true;
    return false;
  }
  // Whether any is gone is known by how many are there besides.
  for (const _ of base.changed());
  for (const key of base.gone()) if (isMissing(rowOfBase(table, key))) return true;
  return false;
}

function rowAt(shown: Shown, naming: Naming, table: Table, key: readonly Value[]): RowId | null {
  if (numberColumn(table) === undefined) return naming.rowOfKey(table, key);
  return typeof key[0] === 'bigint' ? shown.rowAt(table, key[0]) : null;
}

/** The rows of a table with numbers as they are shown, by number. */
export function shownByNumber(shown: Shown, table: Table): { number: bigint; values: readonly Value[] }[] {
  const found: { number: bigint; values: readonly Value[] }[] = [];
  for (const row of knownRows(shown, table)) {
    const values = shown.values(table, row);
    const number = shown.number(table, row);
    if (values !== null && number !== null) found.push({ number, values });
  }
  return found.sort((a, b) => (a.number < b.number ? -1 : 1));
}

function* knownRows(shown: Shown, table: Table): Generator<RowId> {
  const written = new Set(shown.view.rows(table.id));
  yield* written;
  for (const row of shown.base.rows(table)) if (!written.has(row)) yield row;
}

/** Of rows. */
type Counts = { readonly gone: number; readonly known: number; readonly there: number };

export function manyGone(file: OpenFile, table: string, { gone, known, there }: Counts): ProblemError {
  return new ProblemError({
    code: 'rows-missing',
    text: `The database was replaced by one that lacks ${gone} of the ${known} rows of the table ${table} (it has ${there}). Nothing was taken over.`,
    remedy:
      'Put the right file in its place, or move this one away: the database then comes back as it was. If the rows are to go, delete them with the program that owns the database.',
    path: file.connection.path,
  });
}
