/**
 * Edits that were committed between the last look and the lock, and that are nothing to what is about to be written: the
 * outcome is the same whichever of the two comes first. Then a program that commits all the time need not be held up
 * until it has been looked at again under the lock; its edits are captured with the next look, as if they came after.
 */
import type { RowId } from '../../core/body.ts';
import type { Table } from '../../core/tables.ts';
import { sameValue, type Value } from '../../core/value.ts';
import { Naming } from '../capture/naming.ts';
import { marksAfter } from '../file/marks.ts';
import type { OpenFile } from '../file/open-file.ts';
import type { Shown } from '../folding/shown.ts';
import type { TouchedRows } from '../folding/touched.ts';

/** Looking at more of them under the lock takes longer than it spares. */
const MAX_MARKS = 64;

/** `before`: what the file showed at the mark `after`; `touched`: all rows that are to be written, or may be. */
export function commute(file: OpenFile, after: number, before: Shown, touched: TouchedRows): boolean {
  const { sql, width, connection } = file;
  // Without a WAL every time that it is written refuses a commit: there the program's pauses are waited for.
  if (sql.one('PRAGMA journal_mode') !== 'wal') return false;
  const marks = marksAfter(sql, after, width, connection.encoding, MAX_MARKS + 1);
  if (marks.length > MAX_MARKS || file.unmarked.size > 0) return false;
  const naming = new Naming(before, new Map());
  return marks.every(({ op, table: num, key }) => {
    const table = file.tableOf(num);
    if (op !== 'u' || table === undefined || table.left) return false;
    const own = key.slice(0, table.key.length);
    const row = rowAt(table, own, before, naming);
    if (row === null || touched.get(table.id)?.get(row) !== undefined) return false;
    return isPlain(table, file.sqlOf(table).read(own), before.values(table, row), before);
  });
}

function rowAt(table: Table, key: readonly Value[], before: Shown, naming: Naming): RowId | null {
  // A VACUUM gives new row ids to what has no key.
  if (table.kind === 'hidden') return null;
  if (table.kind === 'name') return naming.rowsOfKey(table, key)[0] ?? null;
  return typeof key[0] === 'bigint' ? before.rowAt(table, key[0]) : null;
}

/** Only columns were written by which no row is told apart, found or kept. */
function isPlain(
  table: Table,
  is: readonly Value[] | undefined,
  was: readonly Value[] | null,
  { tables }: Shown,
): boolean {
  if (is === undefined || was === null) return false;
  return table.columns.every((_, at) => {
    if (sameValue(is[at] ?? null, was[at] ?? null)) return true;
    if (table.uniqueColumns.has(at) || table.references.has(at)) return false;
    if (table.foreignKeys.some(({ columns }) => columns.includes(at))) return false;
    return ![...tables.values()].some(({ foreignKeys }) =>
      foreignKeys.some(({ target, to }) => target === table.id && to.includes(at)),
    );
  });
}
