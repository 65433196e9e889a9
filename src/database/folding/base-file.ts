/**
 * The content that a database had when it was published: a plain SQLite file, never written. It holds the values of
 * everything that nobody edited since, so nothing is kept per row.
 */
import type { RowId } from '../../core/body.ts';
import {
  type Column,
  canonicalKey,
  keyOfRow,
  numberColumn,
  referencesInKey,
  rowOfKey,
  rowOfNumber,
  type Table,
  type Unique,
} from '../../core/tables.ts';
import type { Value } from '../../core/value.ts';
import { UserConnection } from '../file/connection.ts';
import { describeTables } from '../file/describe.ts';
import { RowSql } from '../file/row-sql.ts';
import { constant, quoted } from '../file/sql.ts';
import { readActual } from '../schema/actual.ts';
import { schemaDifference } from '../schema/difference.ts';
import { translated } from '../schema/naming.ts';
import { NO_SCHEMA, type Schema } from '../schema/schema.ts';
import { folded, nameOf, textOf, tokensOf } from '../schema/text.ts';
import { NO_SETTINGS } from '../settings.ts';

const RECENT_ROWS = 4096;
const SQL_ERROR = 1;

/** The numbers of a table in the base; null: it is named by keys. */
interface Range {
  readonly low: bigint | null;
  readonly high: bigint | null;
  readonly dense: boolean;
}

export class BaseFile {
  readonly #connection: UserConnection;
  readonly #tables = new Map<string, { readonly of: Table; readonly sql: RowSql | null }>();
  #schema: Schema | null = null;
  #then: ReadonlyMap<string, Table> | null = null;
  /** The base never changes, and a row that is asked for is asked for several times in a row. */
  readonly #recent = new Map<Table, Map<RowId, readonly Value[] | undefined>>();
  readonly #ranges = new Map<string, Range>();
  readonly #tops = new Map<string, bigint | null>();

  constructor(path: string) {
    this.#connection = new UserConnection(path, 'base');
  }

  close(): void {
    this.#connection.close();
  }

  get path(): string {
    return this.#connection.path;
  }

  get schema(): Schema {
    const { sql } = this.#connection;
    this.#schema ??= schemaDifference({
      known: NO_SCHEMA,
      actual: readActual(sql),
      numbers: new Map(),
      defaultOf: () => null,
    }).now;
    return this.#schema;
  }

  /** Its tables as they were then, by id: those of now may be others, or gone. */
  get tables(): ReadonlyMap<string, Table> {
    this.#then ??= new Map(
      describeTables(this.#connection.sql, NO_SETTINGS, this.schema).map((table) => [table.id, table]),
    );
    return this.#then;
  }

  has(table: Table, row: RowId): boolean {
    const key = baseKey(row);
    if (key === null) return false;
    const { low, high, dense } = this.#range(table);
    const [number] = key;
    if (low !== null && typeof number === 'bigint') {
      if (number < low || number > (high as bigint)) return false;
      // Tables that SQLite numbered and nobody thinned out need not be asked row by row.
      if (dense) return true;
    }
    const recent = this.#recent.get(table)?.get(row);
    return recent !== undefined || (this.#sqlOf(table)?.has(key) ?? false);
  }

  /** Aligned with the table's columns; references are plain numbers. */
  read(table: Table, row: RowId): readonly Value[] | undefined {
    if (row[0] !== 'k') return undefined;
    const recent = this.#recent.get(table) ?? new Map<RowId, readonly Value[] | undefined>();
    if (recent.has(row)) return recent.get(row);
    const key = baseKey(row);
    const found = key === null ? undefined : this.#sqlOf(table)?.read(key);
    if (recent.size >= RECENT_ROWS) recent.clear();
    this.#recent.set(table, recent.set(row, found));
    return found;
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

  #range(table: Table): Range {
    const known = this.#ranges.get(table.id);
    if (known) return known;
    const made = this.#findRange(table);
    this.#ranges.set(table.id, made);
    return made;
  }

  #findRange(table: Table): Range {
    const at = numberColumn(table);
    if (at === undefined || this.#sqlOf(table) === null) return { low: null, high: null, dense: false };
    const inBase = baseTable(table);
    const number = quoted(inBase.columns[at]?.name as string);
    const row = this.#connection.sql.get(
      `SELECT min(${number}), max(${number}), count(*) FROM ${quoted(inBase.name)}`,
    ) as [bigint | null, bigint | null, bigint];
    const [low, high, count] = row;
    if (low === null || high === null) return { low: 1n, high: 0n, dense: true };
    return { low, high, dense: high - low + 1n === count };
  }

  /** The rows of `table` that refer to a number through the column `at`. */
  referring(table: Table, at: number, number: bigint): RowId[] {
    return this.rowsWhere(table, [at], [number]);
  }

  /** The rows of `table` that hold these values in these columns. */
  rowsWhere(
    table: Table,
    columns: readonly number[],
    items: readonly Value[],
    collations?: readonly string[],
  ): RowId[] {
    return this.#rowIds(table, this.#sqlOf(table)?.keysWhere(columns, items, collations) ?? []);
  }

  /** The rows of which an index over expressions makes these values. */
  rowsAsked(table: Table, unique: Unique, made: readonly Value[]): RowId[] {
    const inBase = (sql: string): string => this.#inBaseNames(table, sql);
    const parts = (unique.asked?.parts ?? []).map(inBase);
    const where = unique.asked?.where == null ? null : inBase(unique.asked.where);
    try {
      return this.#rowIds(table, this.#sqlOf(table)?.keysAsked(parts, made, unique.collations, where) ?? []);
    } catch (error) {
      // The expression fails on what the base has in some row.
      if ((error as { errcode?: number }).errcode === SQL_ERROR) return [];
      throw error;
    }
  }

  #rowIds(table: Table, keys: readonly Value[][]): RowId[] {
    return keys.map((key) =>
      numberColumn(table) === undefined
        ? rowOfKey(key.map((item, index) => canonicalKey(item, table.key[index]?.collation ?? 'BINARY')))
        : rowOfNumber(key[0] as bigint),
    );
  }

  /** The highest number in the column `at` among the rows that hold these values; null: there is none. */
  highest(
    table: Table,
    at: number,
    columns: readonly number[],
    items: readonly Value[],
    collations: readonly string[],
  ): bigint | null {
    const found = this.#sqlOf(table)?.highest(at, columns, items, collations);
    return typeof found === 'bigint' ? found : null;
  }

  #findTop(table: Table): bigint {
    const at = numberColumn(table);
    if (at === undefined || this.#sqlOf(table) === null) return 0n;
    const { sql } = this.#connection;
    const inBase = baseTable(table);
    const top = sql.one(`SELECT max(${quoted(inBase.columns[at]?.name as string)}) FROM ${quoted(inBase.name)}`);
    const hasSequence = sql.one("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence')") === 1n;
    const sequence = hasSequence ? sql.one('SELECT seq FROM sqlite_sequence WHERE name = ?', [inBase.name]) : null;
    return [top, sequence].reduce<bigint>((high, n) => (typeof n === 'bigint' && n > high ? n : high), 0n);
  }

  #sqlOf(table: Table): RowSql | null {
    const known = this.#tables.get(table.id);
    if (known?.of === table) return known.sql;
    const { sql, encoding } = this.#connection;
    const base = this.schema.tables.get(table.id);
    const columns = table.columns.map(({ id, name, initial = null }) =>
      id === '' ? quoted(name) : this.#hadColumn(table, id) ? quoted(id) : constant(initial),
    );
    const made = base === undefined ? null : new RowSql(sql, baseTable(table), encoding, columns);
    this.#tables.set(table.id, { of: table, sql: made });
    return made;
  }

  /** Otherwise it was added since, and what the base has in it is its initial value. */
  #hadColumn(table: Table, id: string): boolean {
    return this.schema.tables.get(table.id)?.columns.some((column) => column.id === id) ?? false;
  }

  /** An expression of an index by the names that its columns had in the base. */
  #inBaseNames(table: Table, sql: string): string {
    const isAsNow = ({ id, name }: Column): boolean => id === '' || (id === name && this.#hadColumn(table, id));
    if (table.columns.every(isAsNow)) return sql;
    const columns = new Map(table.columns.map((column) => [folded(column.name), column]));
    const tokens = translated(tokensOf(sql), 'own', {
      own: (name) => columns.get(folded(name))?.id,
      literal: (token) => {
        const { id, initial = null } = columns.get(folded(nameOf(token))) ?? {};
        return id === undefined || id === '' || this.#hadColumn(table, id) ? undefined : constant(initial);
      },
      self: (name) => (folded(name) === folded(table.name) ? table.id : undefined),
      table: () => undefined,
      foreign: () => undefined,
    });
    return textOf(tokens);
  }
}

/** Names in the base are the ids of now. */
function baseTable(table: Table): Table {
  const columns = table.columns.map((column) => (column.id === '' ? column : { ...column, name: column.id }));
  return { ...table, name: table.id, columns };
}

/** null: a row that was made later. */
function baseKey(row: RowId): readonly Value[] | null {
  return row[0] === 'k' && referencesInKey(row) === null ? keyOfRow(row) : null;
}
