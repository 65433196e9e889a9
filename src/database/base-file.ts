/**
 * The content that a database had when it was published: a plain SQLite file, never written. It holds the values of
 * everything that nobody edited since, so nothing is kept per row.
 */
import type { RowId } from '../core/body.ts';
import {
  canonicalKey,
  keyOfRow,
  numberColumn,
  referencesInKey,
  rowOfKey,
  rowOfNumber,
  type Table,
} from '../core/tables.ts';
import type { Value } from '../core/value.ts';
import { UserConnection } from './connection.ts';
import { RowSql } from './row-sql.ts';
import { literal, quoted } from './sql.ts';

export class BaseFile {
  readonly #connection: UserConnection;
  readonly #tables = new Map<string, RowSql | null>();
  readonly #tops = new Map<string, bigint | null>();

  constructor(path: string) {
    this.#connection = new UserConnection(path, 'ro');
  }

  close(): void {
    this.#connection.close();
  }

  has(table: Table, row: RowId): boolean {
    const key = baseKey(row);
    return key !== null && (this.#sqlOf(table)?.has(key) ?? false);
  }

  /** Aligned with the table's columns; references are plain numbers. */
  read(table: Table, row: RowId): Value[] | undefined {
    const key = baseKey(row);
    return key === null ? undefined : this.#sqlOf(table)?.read(key);
  }

  /** All rows of a table, by their ids. */
  *rows(table: Table): Generator<RowId> {
    for (const row of this.#sqlOf(table)?.scan() ?? []) {
      const key = table.key.map(({ at, collation }) => canonicalKey(row[at] as Value, collation));
      if (!key.includes(null)) yield rowOfKey(key);
    }
  }

  /** The highest number in a table whose numbers SQLite hands out, also of rows deleted before the base. */
  top(table: Table): bigint {
    const known = this.#tops.get(table.id);
    if (known !== undefined && known !== null) return known;
    const found = this.#findTop(table);
    this.#tops.set(table.id, found);
    return found;
  }

  /** The rows of `table` that refer to a number through the column `at`. */
  referring(table: Table, at: number, number: bigint): RowId[] {
    const keys = this.#sqlOf(table)?.keysWhere([at], [number]) ?? [];
    return keys.map((key) =>
      numberColumn(table) === undefined
        ? rowOfKey(key.map((item, index) => canonicalKey(item, table.key[index]?.collation ?? 'BINARY')))
        : rowOfNumber(key[0] as bigint),
    );
  }

  #findTop(table: Table): bigint {
    const at = numberColumn(table);
    if (at === undefined || this.#sqlOf(table) === null) return 0n;
    const { sql } = this.#connection;
    const top = sql.one(`SELECT max(${quoted(table.columns[at]?.name as string)}) FROM ${quoted(table.name)}`);
    const hasSequence = sql.one("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence')") === 1n;
    const sequence = hasSequence ? sql.one('SELECT seq FROM sqlite_sequence WHERE name = ?', [table.name]) : null;
    return [top, sequence].reduce<bigint>((high, n) => (typeof n === 'bigint' && n > high ? n : high), 0n);
  }

  #sqlOf(table: Table): RowSql | null {
    const known = this.#tables.get(table.id);
    if (known !== undefined && (known === null || known.table === table)) return known;
    const { sql, encoding } = this.#connection;
    const names = new Set(sql.all(`SELECT name FROM pragma_table_xinfo(${literal(table.name)})`).map(([name]) => name));
    // What was added since the base has its default there: the application's ALTER TABLE said which.
    const columns = table.columns.map(({ id, name }) => (id === '' || names.has(name) ? quoted(name) : 'NULL'));
    const made = names.size === 0 ? null : new RowSql(sql, table, encoding, columns);
    this.#tables.set(table.id, made);
    return made;
  }
}

/** null: a row that was made later. */
function baseKey(row: RowId): readonly Value[] | null {
  return row[0] === 'k' && referencesInKey(row) === null ? keyOfRow(row) : null;
}
