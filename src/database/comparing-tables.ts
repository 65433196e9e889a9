/**
 * Finds out by comparison what nobody marked: tables that were rebuilt, a file that was replaced. What differs from what
 * is shown is reported as marks, so that everything after is one and the same.
 */
import type { RowId } from '../core/body.ts';
import { ProblemError } from '../core/problem.ts';
import { numberColumn, type Table } from '../core/tables.ts';
import { sameValue, type Value } from '../core/value.ts';
import type { Mark } from './marks.ts';
import { Naming } from './naming.ts';
import type { OpenFile } from './open-file.ts';
import type { Shown } from './shown.ts';

/** Fewer rows than this may go without a question: a small table emptied is work, a large one an accident. */
const MANY_ROWS = 50;

/** Marks that are in no file: what would have been marked. Throws `ProblemError` at its end when too much is gone. */
export function* compareTables(file: OpenFile, shown: Shown): Generator<Mark> {
  for (const id of file.unmarked) {
    const table = file.tables.get(id);
    if (table === undefined) continue;
    for (const { op, key } of differences(file, shown, table)) {
      yield { id: 0, nonce: 0n, table: file.numberOf(table), op, key };
    }
  }
}

interface Difference {
  readonly op: 'i' | 'u' | 'd';
  readonly key: readonly Value[];
}

function* differences(file: OpenFile, shown: Shown, table: Table): Generator<Difference> {
  const naming = new Naming(shown, new Map());
  const sql = file.sqlOf(table);
  let rows = 0;
  for (const actual of sql.scan()) {
    rows += 1;
    const key = table.key.map(({ at }) => actual[at] as Value);
    if (key.includes(null)) continue;
    const row = rowAt(shown, naming, table, key);
    const known = row === null ? null : shown.values(table, row);
    if (known === null) yield { op: 'i', key };
    else if (known.some((item, at) => !sameValue(item, actual[at] as Value))) yield { op: 'u', key };
  }
  let gone = 0;
  let known = 0;
  for (const row of knownRows(shown, table)) {
    if (!shown.isThere(table, row)) continue;
    known += 1;
    const key = shown.key(table, row);
    if (key === null || sql.has(key)) continue;
    gone += 1;
    yield { op: 'd', key };
  }
  if (gone > MANY_ROWS && gone > known / 2) throw manyGone(file, table, gone, known, rows);
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

function manyGone(file: OpenFile, table: Table, gone: number, known: number, rows: number): ProblemError {
  return new ProblemError({
    code: 'rows-missing',
    text: `The database was replaced by one that lacks ${gone} of the ${known} rows of the table ${table.name} (it has ${rows}). Nothing was taken over.`,
    remedy:
      'Put the right file in its place. If the rows are to go, delete them with the program that owns the database.',
    path: file.connection.path,
  });
}
