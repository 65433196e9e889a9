/** Asks SQLite itself whether a row fulfils the checks of its table: in a database in memory with the same table. */
import { DatabaseSync } from 'node:sqlite';
import type { RowId } from '../../core/body.ts';
import { type Row, winner } from '../../core/rows.ts';
import { keyOfRow, numberColumn, type Table } from '../../core/tables.ts';
import { RowRef, type Value } from '../../core/value.ts';
import { parameter, quoted, Statements } from '../file/sql.ts';
import { columnId } from '../folding/shown.ts';
import { valuesAt } from '../folding/unique-values.ts';
import { inParentheses, plainly } from './check-text.ts';
import type { MendedRows } from './mended-rows.ts';

const CONSTRAINT = 19;

export class Judge {
  readonly #sql: Statements;
  readonly #table: Table;

  /** Throws where this SQLite cannot make such a table. */
  constructor(table: Table, create: string) {
    const db = new DatabaseSync(':memory:', {
      enableForeignKeyConstraints: false,
      enableDoubleQuotedStringLiterals: true,
    });
    db.exec(inParentheses(create));
    this.#sql = new Statements(db);
    this.#table = table;
  }

  /** What SQLite says that is broken. What cannot be judged (a function of the application's) counts as fulfilled. */
  broken(values: readonly Value[]): string | null {
    const { db } = this.#sql;
    const { columns, name } = this.#table;
    const names = columns.map((column) => quoted(column.name)).join(', ');
    const sql = `INSERT INTO ${quoted(name)} (${names}) VALUES (${values.map(parameter).join(', ')})`;
    db.exec('BEGIN');
    try {
      this.#sql.run(sql, values);
      return null;
    } catch (error) {
      const { errcode, message } = error as { errcode?: number; message?: string };
      return errcode !== undefined && (errcode & 0xff) === CONSTRAINT ? plainly(message ?? 'a constraint') : null;
    } finally {
      if (db.isTransaction) db.exec('ROLLBACK');
    }
  }
}

const judges = new WeakMap<Table, Judge | null>();

/** null: there is nothing to be judged, or nothing to judge it by. */
export function judgeOf(table: Table): Judge | null {
  const known = judges.get(table);
  if (known !== undefined) return known;
  const judge = table.checked ? makeJudge(table, table.create) : null;
  judges.set(table, judge);
  return judge;
}

function makeJudge(table: Table, create: string): Judge | null {
  try {
    return new Judge(table, create);
  } catch {
    return null;
  }
}

/** A row's values for its judge: references as the numbers that their rows claim, however these are mended. */
export function judgedValues(rows: MendedRows, table: Table, row: RowId, merged: Row): Value[] {
  const all = table.columns.map((_, at) => at);
  return valuesAt(table, all, rows.base, row, merged, 'shown').map((item, at) => {
    if (at === numberColumn(table) && item === null) return numberOf(rows, table, row);
    const target = table.references.get(at);
    const parent = target === undefined ? undefined : rows.tables.get(target);
    if (!(item instanceof RowRef)) return item;
    return parent === undefined ? null : numberOf(rows, parent, item.row);
  });
}

function numberOf(rows: MendedRows, table: Table, row: RowId): Value {
  const at = numberColumn(table);
  const write = at === undefined ? undefined : winner(rows.merged(table, row), columnId(table, at));
  if (write !== undefined) return write.value;
  return row[0] === 'k' ? (keyOfRow(row)[0] ?? null) : null;
}
