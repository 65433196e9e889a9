/**
 * What an index over expressions, or over some rows only, makes of a row: SQLite is asked, in a database in memory with
 * the same table.
 */
import { DatabaseSync } from 'node:sqlite';
import type { Table, Unique } from '../../core/tables.ts';
import { RowRef, type Value } from '../../core/value.ts';
import { parameter, quoted, Statements } from '../file/sql.ts';

const asking = new WeakMap<Table, Statements | null>();

/** One value for each part of the index; null: the row is not in it, or it cannot be told. */
export function indexedValues(table: Table, unique: Unique, items: readonly Value[]): Value[] | null {
  const sql = askingOf(table);
  if (sql === null || unique.asked === undefined) return null;
  const names = table.columns.map(({ name }) => quoted(name)).join(', ');
  const values = items.map((item) => (item instanceof RowRef ? stableNumber(item) : item));
  const { parts, where } = unique.asked;
  sql.db.exec('BEGIN');
  try {
    sql.run(`INSERT INTO ${quoted(table.name)} (${names}) VALUES (${values.map(parameter).join(', ')})`, values);
    const found = sql.get(`SELECT ${parts.join(', ')} FROM ${quoted(table.name)} WHERE ${where ?? 'true'}`);
    return (found as Value[] | undefined) ?? null;
  } catch {
    return null;
  } finally {
    if (sql.db.isTransaction) sql.db.exec('ROLLBACK');
  }
}

function askingOf(table: Table): Statements | null {
  const known = asking.get(table);
  if (known !== undefined) return known;
  const made = makeAsking(table);
  asking.set(table, made);
  return made;
}

function makeAsking(table: Table): Statements | null {
  const db = new DatabaseSync(':memory:', {
    enableForeignKeyConstraints: false,
    enableDoubleQuotedStringLiterals: true,
  });
  try {
    db.exec('PRAGMA ignore_check_constraints = ON');
    db.exec(table.create);
    return new Statements(db);
  } catch {
    db.close();
    return null;
  }
}

/** A row's own number may move; in an expression any number that is always the same for it will do. */
function stableNumber({ row }: RowRef): bigint {
  return BigInt(`0x${Buffer.from(row).toString('hex').slice(-15)}`);
}
