/**
 * Two databases were made on one path, and another one stands: what is in this one is entered there as edits by
 * somebody who had only the base in front of him. Rows with numbers are new rows, whatever their numbers.
 */
import type { RowId } from '../../core/body.ts';
import type { Table } from '../../core/tables.ts';
import type { Value } from '../../core/value.ts';
import { EMPTY, type Vector } from '../../core/vector.ts';
import { ROWS, RowState } from '../../store/row-state.ts';
import { openStore } from '../../store/sqlite.ts';
import { UserConnection } from '../file/connection.ts';
import type { Mark } from '../file/marks.ts';
import { readPosition } from '../file/position.ts';
import { RowSql } from '../file/row-sql.ts';
import { literal } from '../file/sql.ts';
import { type RowView, Shown } from '../folding/shown.ts';
import { capture } from './capture.ts';
import type { MadeBody } from './ops.ts';

/** Numbers say nothing about a stranger's rows. */
class Strangers extends Shown {
  override rowAt(): RowId | null {
    return null;
  }

  override over(view: RowView): Shown {
    return new Strangers(view, this.base, this.tables);
  }
}

export interface OtherRows {
  /** null: there are none. */
  readonly body: MadeBody | null;
  /** What of the colleagues' edits in the other database it contains. */
  readonly contained: Vector;
}

export function rowsOfOther(path: string, { base, tables }: Shown, database: string): OtherRows {
  const connection = new UserConnection(path, 'ro');
  const store = openStore(':memory:', ROWS);
  try {
    const { sql, encoding } = connection;
    const known = [...tables.values()].filter((table) => fits(connection, table));
    const sqls = new Map(known.map((table) => [table.id, new RowSql(sql, table, encoding)]));
    const marks: Mark[] = [];
    known.forEach((table, num) => {
      for (const row of (sqls.get(table.id) as RowSql).scan()) {
        const key = table.key.map(({ at }) => row[at] as Value);
        marks.push({ id: 1, nonce: 0n, table: num, op: 'i', key });
      }
    });
    const captured = capture({
      marks,
      tableOf: (num) => known[num],
      sqlOf: (table) => sqls.get(table.id) as RowSql,
      shown: new Strangers(new RowState(store, database), base, tables),
    });
    const contained = readPosition(sql)?.vector ?? EMPTY;
    return { body: captured.ops.count === 0 ? null : captured.ops.body(database, null, null), contained };
  } finally {
    connection.close();
    store.close();
  }
}

/** Has the other database this table, with all its columns? */
function fits({ sql }: UserConnection, table: Table): boolean {
  const names = new Set(sql.all(`SELECT name FROM pragma_table_xinfo(${literal(table.name)})`).map(([name]) => name));
  return table.columns.every(({ id, name }) => (id === '' ? names.size > 0 : names.has(name)));
}
