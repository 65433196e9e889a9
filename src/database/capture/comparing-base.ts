/**
 * Compares a table with the base by one statement of SQLite, which looks at a million rows in a second: what nobody has
 * written to is shown as it was in the base. The answer may name rows that are right, and leaves none out.
 */
import type { Table } from '../../core/tables.ts';
import { RawText, type Value } from '../../core/value.ts';
import { BASE, type OpenFile } from '../file/open-file.ts';
import { quoted, type SqlRow } from '../file/sql.ts';
import type { Shown } from '../folding/shown.ts';
import type { SchemaColumn } from '../schema/schema.ts';

export interface BaseComparison {
  /** Keys of rows that are otherwise than in the base, or not in it. */
  changed(): Generator<Value[]>;
  /** Keys of rows of the base that are not in the file. */
  gone(): Generator<Value[]>;
}

/** null: they are to be compared row by row. The file's base is attached until its transaction has ended. */
export function compareWithBase(file: OpenFile, { view, base }: Shown, table: Table): BaseComparison | null {
  const known = base.schema.tables.get(table.id);
  // Then a number of the base is shown as another.
  const isMoved = [...table.references.values()].some((target) => view.movedBase(target));
  if (known === undefined || isMoved || !file.attachBase(base.path)) return null;
  const columns = new Map(known.columns.map((column) => [column.id, column]));
  const ids = table.key.map(({ at }) => table.columns[at]?.id as string);
  if (!ids.every((id) => id === '' || columns.has(id))) return null;
  const inMain = table.key.map(({ at }) => `a.${quoted(table.columns[at]?.name as string)}`);
  const inBase = table.key.map(({ at }, index) => `b.${quoted(ids[index] || (table.columns[at]?.name as string))}`);
  const on = table.key
    .map(({ collation }, index) => `${inBase[index]} = ${inMain[index]} COLLATE ${quoted(collation)}`)
    .join(' AND ');
  const parameters: Value[] = [];
  const same = table.columns.map((column, at) => {
    if (column.id === '') return 'true';
    const own = `a.${quoted(column.name)}`;
    const then = columns.get(column.id);
    if (then === undefined) parameters.push(column.initial ?? null);
    const other = then === undefined ? '?' : `b.${quoted(column.id)}`;
    return isExact(file, table, at, then) ? `${own} IS ${other} COLLATE BINARY` : exactly(own, other, parameters);
  });
  if (parameters.some((item) => item instanceof RawText)) return null;
  const main = `main.${quoted(table.name)} a`;
  const then = `${BASE}.${quoted(table.id)} b`;
  const changed = `SELECT ${inMain.join(', ')}, ${inBase[0]} IS NULL FROM ${main} LEFT JOIN ${then} ON ${on}
    WHERE NOT (${same.join(' AND ')}) OR ${inBase[0]} IS NULL`;
  const gone = `SELECT ${inBase.join(', ')} FROM ${then} WHERE NOT EXISTS (SELECT 1 FROM ${main} WHERE ${on})`;
  const count = (from: string): number => Number(file.sql.one(`SELECT count(*) FROM ${from}`));
  let alone = 0;
  const read = function* (sql: string, values: readonly Value[]): Generator<Value[]> {
    for (const found of file.sql.prepare(sql).iterate(...(values as (string | bigint | null)[]))) {
      const row = found as unknown as SqlRow;
      if (row[inMain.length] === 1n) alone += 1;
      yield row.slice(0, inMain.length) as Value[];
    }
  };
  return {
    changed: () => read(changed, parameters),
    gone: function* () {
      // Who has no partner in the base was counted; all others of the base are there.
      if (count(main) - alone !== count(then)) yield* read(gone, []);
    },
  };
}

/** Are values of this column the same bit by bit where SQLite finds them equal? */
function isExact(file: OpenFile, table: Table, at: number, then: SchemaColumn | undefined): boolean {
  const now = file.schema.tables.get(table.id)?.columns.find(({ id }) => id === table.columns[at]?.id);
  return then !== undefined && now?.definition === then.definition && hasAffinity(table.columns[at]?.type ?? '');
}

/** One that turns numbers into one form each; see "Determination Of Column Affinity" in SQLite's documentation. */
function hasAffinity(type: string): boolean {
  const declared = type.toUpperCase();
  if (declared === 'ANY' || declared === '') return false;
  return /INT|CHAR|CLOB|TEXT/.test(declared) || !declared.includes('BLOB');
}

/** 1 and 1.0 are two values, and so are 0.0 and -0.0. */
function exactly(own: string, other: string, parameters: Value[]): string {
  if (other === '?') {
    const item = parameters.at(-1) as Value;
    parameters.push(item, item);
  }
  return `(${own} IS ${other} COLLATE BINARY AND typeof(${own}) = typeof(${other})
    AND (typeof(${own}) <> 'real' OR ${own} <> 0 OR CAST(${own} AS TEXT) = CAST(${other} AS TEXT)))`;
}
