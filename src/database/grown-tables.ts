/**
 * Columns that an application adds here later than a colleague's did: what was written to them meanwhile is kept with the
 * rows, and is put in place of the default when the column is there.
 */
import { winner } from '../core/rows.ts';
import type { Table } from '../core/tables.ts';
import { sameValue, type Value } from '../core/value.ts';
import type { OpenFile } from './open-file.ts';
import { columnId, type Shown } from './shown.ts';
import { literal } from './sql.ts';
import { columnsBefore, setColumns } from './triggers.ts';

/** Tables whose columns are not those that were last looked at. */
export function changedTables(file: OpenFile): Table[] {
  return [...file.tables.values()].filter((table) => {
    const before = columnsBefore(file.sql, table);
    return before === null || before.join('\0') !== table.columns.map(({ id }) => id).join('\0');
  });
}

/** Under the write lock. Values that an application has given to the new columns itself are its edits, and stay. */
export function placeNewColumns(file: OpenFile, shown: Shown, table: Table): void {
  const before = columnsBefore(file.sql, table);
  const added = table.columns.flatMap(({ id }, at) => (before === null || before.includes(id) ? [] : [at]));
  if (added.length > 0) {
    const defaults = new Map(added.map((at) => [at, defaultOf(file, table, at)]));
    file.withoutLeaks([table.id], () => {
      for (const row of shown.view.rows(table.id)) place(file, shown, table, row, defaults);
    });
  }
  setColumns(file.sql, table);
}

function place(file: OpenFile, shown: Shown, table: Table, row: string, defaults: ReadonlyMap<number, Value>): void {
  const merged = shown.merged(table, row);
  const key = shown.isThere(table, row, merged) ? shown.key(table, row, merged) : null;
  const actual = key === null ? undefined : file.sqlOf(table).read(key);
  if (key === null || actual === undefined) return;
  for (const [at, initial] of defaults) {
    const write = winner(merged, columnId(table, at));
    if (write === undefined || !sameValue(actual[at] as Value, initial)) continue;
    file.sqlOf(table).update(key, [at], [shown.plain(table, at, write.value)]);
  }
}

/** What ADD COLUMN has put into all rows: SQLite allows only constants there. */
function defaultOf({ sql }: OpenFile, table: Table, at: number): Value {
  const name = table.columns[at]?.name ?? '';
  const text = sql.one(`SELECT dflt_value FROM pragma_table_xinfo(${literal(table.name)}) WHERE name = ?`, [name]);
  try {
    return typeof text === 'string' ? (sql.one(`SELECT ${text}`) as Value) : null;
  } catch {
    return null;
  }
}
